"""A function of a user that returns a token, as the client asks it."""

from __future__ import annotations

from collections.abc import Callable

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
        import asyncio  # which the help of commands does without

        self._is_new = self._token is None
        if self._token is None:
            try:
                token = await asyncio.to_thread(self._function)
            except Exception as error:
                raise NotConnected(
                    f"the function that was given as token= raised {type(error).__name__}: {error}"
                ) from error
            if not isinstance(token, str) or not token.isascii() or not token.isprintable():
                shown = "text with other characters" if isinstance(token, str) else got(token)
                raise NotConnected(f"the function that was given as token= returned {shown}")
            self._token = token
        return self._token

    def forget(self) -> bool:
        """Ask again the next time; returns whether that may bring another one."""
        self._token = None
        return not self._is_new
