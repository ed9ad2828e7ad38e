"""The kinds of secrets and tokens that a request may come with, told apart by their form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ...access.credential import Credential

__all__ = ["Bearers", "Maker"]

Form = Callable[[str], bool]
Maker = Callable[[str], Credential | Awaitable[Credential]]


class Bearers:
    """A table of forms, each with what makes a credential of a text that has it.

    The first form that fits counts. A maker raises :class:`~.request.Unauthorized` for a text that
    has the form and is no good.
    """

    def __init__(self) -> None:
        self._makers: list[tuple[Form, Maker]] = []

    def add(self, form: Form, maker: Maker) -> None:
        """Add a form, behind those that are there."""
        self._makers.append((form, maker))

    def credential(self, text: str) -> Credential | Awaitable[Credential] | None:
        """Return the credential of a text, or what to wait for; ``None`` where no form fits."""
        for form, maker in self._makers:
            if form(text):
                return maker(text)
        return None
