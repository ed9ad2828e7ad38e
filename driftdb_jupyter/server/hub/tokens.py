"""What the hub says of tokens, remembered for a while: also while the hub is away."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from ...protocol.errors import Unavailable

__all__ = ["HubTokens"]

_log = logging.getLogger("driftdb_jupyter")

# What may stand in a header (RFC 6750); the hub isn't asked about anything else.
_FORM = re.compile(r"[!-~]+")

Ask = Callable[[str], Awaitable[dict[str, Any] | None]]


class _Answer(Struct):
    model: dict[str, Any] | None
    asked_at: float


class HubTokens:
    """Asks the hub whose a token is, once for all who ask at the same time.

    ``ask`` returns what the hub tells of a token, ``None`` if that is nothing, and raises where the
    hub can't be asked. It is waited for ``answer_seconds``. An answer counts for ``fresh_seconds``;
    where no newer one is to be had, the last good one counts for ``patience_seconds``. At most
    ``limit`` are remembered, by their tokens' digests.
    """

    def __init__(
        self,
        ask: Ask,
        *,
        fresh_seconds: float,
        patience_seconds: float,
        answer_seconds: float,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._fresh = fresh_seconds
        self._patience = patience_seconds
        self._answer_seconds = answer_seconds
        self._limit = limit
        self._clock = clock
        self._answers: dict[str, _Answer] = {}
        self._refused: dict[str, _Answer] = {}
        self._asking: dict[str, asyncio.Task[dict[str, Any] | None]] = {}
        self._is_away = False

    async def model(self, token: str, *, anew: bool = False) -> dict[str, Any] | None:
        """Return what the hub tells of a token, ``None`` if it is no good (any more).

        ``anew``: whatever is remembered, as far as the hub can be asked. Raises
        :class:`Unavailable` where that is not so, and nothing is remembered that counts.
        """
        if not _FORM.fullmatch(token):
            return None
        digest = hashlib.sha256(token.encode(errors="replace")).hexdigest()
        known = self._answers.get(digest) or self._refused.get(digest)
        if not anew and known is not None and self._clock() < known.asked_at + self._fresh:
            return known.model
        asking = self._asking.get(digest)
        if asking is None:
            asking = self._asking[digest] = asyncio.create_task(self._look(digest, token))
            asking.add_done_callback(lambda _: self._asking.pop(digest, None))
        return await asyncio.shield(asking)

    async def _look(self, digest: str, token: str) -> dict[str, Any] | None:
        try:
            model = await asyncio.wait_for(self._ask(token), self._answer_seconds)
        except Exception as error:
            known = self._answers.get(digest) or self._refused.get(digest)
            if not self._is_away:
                self._is_away = True
                _log.warning("the hub can't be asked about tokens: %s", type(error).__name__)
            if known is None:
                raise Unavailable("the hub doesn't answer; try again") from None
            return known.model if self._clock() < known.asked_at + self._patience else None
        if self._is_away:
            self._is_away = False
            _log.info("the hub answers again")
        self._answers.pop(digest, None)
        self._refused.pop(digest, None)
        # Apart: however many are guessed, none that is good is forgotten for them.
        answers = self._refused if model is None else self._answers
        answers[digest] = _Answer(model, self._clock())
        while len(answers) > self._limit:
            del answers[next(iter(answers))]
        return model
