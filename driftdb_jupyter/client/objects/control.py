"""The control of a value: how it is shown, and how it can be changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal, get_args

from ..arguments import (
    check_flag,
    check_function,
    check_number,
    check_seconds,
    check_text,
    check_whole,
    got,
    is_number,
)
from ..values.encoding import Hook, decode, encode, same

__all__ = ["Control", "Kind", "is_colour"]

Kind = Literal[
    "area",
    "button",
    "color",
    "colour",
    "date",
    "datetime",
    "dropdown",
    "file",
    "multiselect",
    "number",
    "radio",
    "range",
    "slider",
    "table",
    "text",
    "time",
    "toggle",
    "view",
]
_CHOICES = ("dropdown", "multiselect", "radio")


@dataclass(frozen=True)
class Control:
    """The control of a state; made by :meth:`of`.

    ``kind`` is ``None`` where the value alone decides: a number has a slider with a field, a bool
    a switch, text a field, a date a date's, a table its table. ``options`` are the choices: pairs
    of a label and a value; ``encode`` is the state's own, and takes those that have no encoding.
    """

    kind: Kind | None
    min: float | None
    max: float | None
    step: float | None
    label: str | None
    description: str | None
    options: tuple[tuple[str, Any], ...]
    disabled: bool
    read_only: bool
    limit_bytes: int
    throttle_seconds: float
    encode: Hook | None

    @classmethod
    def of(
        cls,
        initial: Any,
        *,
        control: Kind | None = None,
        min: float | None = None,
        max: float | None = None,
        step: float | None = None,
        label: str | None = None,
        description: str | None = None,
        options: Iterable[Any] | Mapping[str, Any] | None = None,
        disabled: bool = False,
        read_only: bool = False,
        limit_bytes: int = 512 * 1024,
        throttle_seconds: float = 0.0,
        encode: Hook | None = None,
    ) -> Control:
        """Check what was asked for.

        Raises :class:`TypeError` for an argument of a wrong type, and :class:`ValueError` for one
        that makes no sense.
        """
        if control is not None and control not in get_args(Kind):
            known = ", ".join(get_args(Kind))
            raise ValueError(f"expected one of {known} as control=, got {got(control)}")
        for name, number in (("min", min), ("max", max), ("step", step)):
            check_number(name, number)
        for name, text in (("label", label), ("description", description)):
            check_text(name, text)
        for name, flag in (("disabled", disabled), ("read_only", read_only)):
            check_flag(name, flag)
        check_function("encode=", encode, optional=True)
        if min is not None and max is not None and not min <= max:
            raise ValueError(f"expected min <= max, got min={min!r} and max={max!r}")
        if step is not None and not step > 0:
            raise ValueError(f"expected a step above 0, got {step!r}")
        check_whole("limit_bytes", limit_bytes, least=1)
        check_seconds("throttle_seconds", throttle_seconds)
        if control == "color":
            control = "colour"
        choices = _choices(options)
        if control in _CHOICES and not choices:
            raise ValueError(f"expected options= for a {control}, got none")
        several = isinstance(initial, (list, tuple))
        if choices and control is None:
            is_choice = any(same(initial, choice) for _, choice in choices)
            control = "multiselect" if several and not is_choice else "dropdown"
        if control is None and several and len(initial) in (0, 2) and None not in (min, max):
            control = "range"
        return cls(
            kind=control,
            min=min,
            max=max,
            step=step,
            label=label,
            description=description,
            options=choices,
            disabled=disabled,
            read_only=read_only,
            limit_bytes=limit_bytes,
            throttle_seconds=throttle_seconds,
            encode=encode,
        )

    def check_value(self, value: Any) -> None:
        """Check that the control can show a value; each can show ``None``.

        The value is as :func:`~..values.encoding.decode` returns it without a hook. Raises
        :class:`TypeError` for a value of a wrong type, and :class:`ValueError` for one that is
        none of the choices or no text of the right form.
        """
        if value is None:
            return
        if self.kind in _CHOICES:
            self._check_choice(value)
            return
        expected, fits = _SHOWN.get(self.kind or "", _ANYTHING)
        if not fits(value):
            wrong = ValueError if isinstance(value, str) and self.kind in _WRITTEN else TypeError
            raise wrong(f'expected {expected} for control="{self.kind}", got {got(value)}')

    def _check_choice(self, value: Any) -> None:
        if self.kind == "multiselect":
            if not isinstance(value, (list, tuple)):
                raise TypeError(f"expected a list of choices as the value, got {got(value)}")
            chosen: Iterable[Any] = value
        else:
            chosen = (value,)
        choices = [choice for _, choice in decode(self.encoded(self.asked()))["options"]]
        for each in chosen:
            if not any(same(each, choice) for choice in choices):
                labels = ", ".join(label for label, _ in self.options)
                raise ValueError(
                    f"expected a value that is among the options ({got(labels)[1:-1]}), "
                    f"got {got(each)}"
                )

    def asked(self) -> dict[str, Any]:
        """Return what was asked for by name; the choices are what they are in Python."""
        return {
            "kind": self.kind,
            "min": self.min,
            "max": self.max,
            "step": self.step,
            "label": self.label,
            "description": self.description,
            "options": [list(option) for option in self.options],
            "disabled": self.disabled,
            "read_only": self.read_only,
            "limit_bytes": self.limit_bytes,
            "throttle_seconds": self.throttle_seconds,
        }

    def text(self) -> str:
        """Return the JSON text of what was asked for: a front end finds the choices so in the room.

        As text, because a browser's ``JSON.parse`` rounds integers beyond 2^53. Raises
        :class:`~driftdb_jupyter.protocol.errors.EncodingError` for a choice that has no encoding.
        """
        return self.encoded(self.asked()).decode()

    def encoded(self, value: Any) -> bytes:
        """Return the JSON text of something that has the choices in it, as the state writes them.

        Raises :class:`~driftdb_jupyter.protocol.errors.EncodingError`.
        """
        return encode(value, hook=self.encode)


def _choices(options: Iterable[Any] | Mapping[str, Any] | None) -> tuple[tuple[str, Any], ...]:
    if options is None:
        return ()
    if isinstance(options, (str, bytes)) or not isinstance(options, Iterable):
        raise TypeError(f"expected a list or dict as options=, got {got(options)}")
    choices = tuple(options.items() if isinstance(options, Mapping) else options)
    if not choices:
        raise ValueError("expected at least one choice as options=, got none")
    if isinstance(options, Mapping) or all(map(_is_labelled, choices)):
        return tuple((str(label), value) for label, value in choices)
    return tuple((str(value), value) for value in choices)


def _is_numeric(value: object) -> bool:
    return is_number(value) or isinstance(value, Decimal)


def _is_range(value: object) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_is_numeric, value))


def _is_moment(kind: type[Any]) -> Callable[[object], bool]:
    """Return what says whether a value is a date, a time or both, or its text as ISO 8601."""

    def fits(value: object) -> bool:
        if not isinstance(value, str):  # a datetime is a date, too, but not for its field
            return isinstance(value, kind) and isinstance(value, datetime) == (kind is datetime)
        try:
            kind.fromisoformat(re.sub("[Zz]$", "+00:00", value))
        except ValueError:
            return False
        return True

    return fits


def is_colour(value: object) -> bool:
    """Return True for a colour as a browser's control has it."""
    return isinstance(value, str) and bool(_COLOUR.fullmatch(value))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_ANYTHING: tuple[str, Callable[[object], bool]] = ("anything", lambda _: True)
# Which values a control can show, in words and as a function. The others can show any.
_SHOWN: dict[str, tuple[str, Callable[[object], bool]]] = {
    "area": ("text", _is_text),
    "button": ("a number", _is_numeric),
    "colour": ('a colour like "#1f77b4"', is_colour),
    "date": ("a date", _is_moment(date)),
    "datetime": ("a datetime", _is_moment(datetime)),
    "number": ("a number", _is_numeric),
    "range": ("two numbers", _is_range),
    "slider": ("a number", _is_numeric),
    "text": ("text", _is_text),
    "time": ("a time", _is_moment(time)),
    "toggle": ("True or False", lambda value: isinstance(value, bool)),
}
_WRITTEN = ("colour", "date", "datetime", "time")  # whose value may be text of some form


def _is_labelled(choice: object) -> bool:
    return isinstance(choice, tuple) and len(choice) == 2 and isinstance(choice[0], str)
