"""A function of a user that returns a token, as the client asks it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ...protocol.errors import NotConnected
from ..arguments import got

__all__ = ["TokenSource"]


class TokenSource:
    """Asks a function for a token, and remembers that until it is forgotten.

    The function is called on a thread of its own, and may take its time. Two of the same function
    are equal. Lives on the background thread.
    """

    __slots__ = ("_function", "_is_new", "_token")

    def __init__(self, function: Callable[[], str]) -> None:
        self._function = function
        self._token: str | None = None
        self._is_new = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TokenSource) and self._function == other._function

    def __hash__(self) -> int:
        return hash(self._function)

    async def token(self) -> str:
        """Return the token; raises :class:`NotConnected` where the function has none."""
        self._is_new = self._token is None
        if self._token is None:
            token, error = await self._ask()
            if error is not None:
                raise NotConnected(
                    f"the function that was given as token= raised {type(error).__name__}: {error}"
                ) from error
            if isinstance(token, str):
                token = token.strip()  # a file's, say, has a line's end
            if not isinstance(token, str) or not token.isascii() or not token.isprintable():
                shown = "text with other characters" if isinstance(token, str) else got(token)
                raise NotConnected(f"the function that was given as token= returned {shown}")
            self._token = token
        return self._token

    def forget(self) -> bool:
        """Ask again the next time; returns whether that may bring another one."""
        self._token = None
        return not self._is_new

    async def _ask(self) -> tuple[Any, BaseException | None]:
        """Return what the function returned, and what it raised."""
        import asyncio  # which the help of commands does without

        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

        def give(token: Any, error: BaseException | None) -> None:
            if not answer.done():  # nobody may wait any more
                answer.set_result((token, error))

        def ask() -> None:
            try:
                token, error = self._function(), None
            except BaseException as raised:
                token, error = None, raised
            loop.call_soon_threadsafe(give, token, error)

        # Not an executor's: the end of the process would wait for a function that never ends. And
        # not as an exception of the future, which takes no StopIteration.
        threading.Thread(target=ask, name="driftdb-token", daemon=True).start()
        return await answer
