"""How Jupyter's authorizer is asked, and what becomes of answers that come late."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_server.auth import User

from driftdb_jupyter.access.grants import NOTHING, OWNER, Grants
from driftdb_jupyter.access.identity import GUEST
from driftdb_jupyter.access.room_access import RoomAccess
from driftdb_jupyter.server.jupyter.access import JupyterCredential, KernelCredential
from driftdb_jupyter.server.process.durations import Durations

pytestmark = pytest.mark.asyncio

ADA = User(username="ada")


class Authorizer:
    """Answers each question when the test does; ``questions``: those that it was asked."""

    def __init__(self) -> None:
        self.questions: list[asyncio.Future[bool]] = []

    async def is_authorized(self, handler: object, user: object, action: str, of: str) -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.questions.append(answer)
        return await answer

    def answer(self, *allowed: bool) -> None:
        """Answer the questions that were asked first."""
        for allows in allowed:
            self.questions.pop(0).set_result(allows)


class Handler(SimpleNamespace):
    """A handler of Jupyter's, as far as a credential looks at it."""


def handler(authorizer: Authorizer) -> Any:
    log = logging.getLogger("driftdb_jupyter")
    return Handler(authorizer=authorizer, current_user=ADA, log=log)


async def asked(authorizer: Authorizer, count: int) -> None:
    """Wait until it was asked so often."""
    while len(authorizer.questions) < count:
        await asyncio.sleep(0)


def of_kernel(handler: Any, patience_seconds: float = 60.0) -> KernelCredential:
    return KernelCredential(
        handler,
        Durations((1.0,)),
        patience_seconds=patience_seconds,
        user=ADA,
        identity=GUEST,
        is_there=lambda: True,
    )


def of_person(handler: Any, patience_seconds: float = 60.0) -> JupyterCredential:
    return JupyterCredential(handler, Durations((1.0,)), patience_seconds=patience_seconds)


def waiting(grants: Grants | Awaitable[Grants]) -> asyncio.Future[Grants]:
    assert not isinstance(grants, Grants)
    return asyncio.ensure_future(grants)


@pytest.mark.parametrize("credential", [of_kernel, of_person])
async def test_both_rights_are_asked_for_at_the_same_time(
    credential: Callable[..., JupyterCredential],
) -> None:
    """So that what it may take counts once."""
    authorizer = Authorizer()
    request = handler(authorizer)
    grants = waiting(credential(request).grants(RoomAccess("r")))
    await asked(authorizer, 2)
    authorizer.answer(True, True)
    assert await grants is OWNER


@pytest.mark.parametrize("credential", [of_kernel, of_person])
async def test_what_nobody_waits_for_any_more_is_asked_no_longer(
    credential: Callable[..., JupyterCredential],
) -> None:
    authorizer = Authorizer()
    request = handler(authorizer)
    grants = waiting(credential(request).grants(RoomAccess("r")))
    await asked(authorizer, 2)
    grants.cancel()
    while not all(question.cancelled() for question in authorizer.questions):
        await asyncio.sleep(0)


async def test_an_older_answer_takes_the_place_of_no_newer_one() -> None:
    authorizer = Authorizer()
    request = handler(authorizer)
    credential, access = of_kernel(request), RoomAccess("r")
    before = waiting(credential.grants(access))
    await asked(authorizer, 2)
    older = [authorizer.questions.pop(0) for _ in range(2)]
    credential.revalidate()
    after = waiting(credential.grants(access))
    await asked(authorizer, 2)
    authorizer.answer(False, False)
    assert await after is NOTHING
    for question in older:
        question.set_result(True)
    assert await before is NOTHING
    assert credential.grants(access) is NOTHING


async def test_nor_is_it_kept_before_the_newer_one_has_come() -> None:
    authorizer = Authorizer()
    request = handler(authorizer)
    credential, access = of_kernel(request), RoomAccess("r")
    before = waiting(credential.grants(access))
    await asked(authorizer, 2)
    credential.revalidate()
    authorizer.answer(True, True)
    assert await before is OWNER
    after = waiting(credential.grants(access))
    await asked(authorizer, 2)
    authorizer.answer(False, False)
    assert await after is NOTHING
