"""The control of a value: how it is shown, and how it can be changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..values.encoding import Hook, encode

__all__ = ["Control", "Kind"]

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
        """Check what was asked for; raises :class:`ValueError` where it makes no sense."""
        if control is not None and control not in get_args(Kind):
            known = ", ".join(get_args(Kind))
            raise ValueError(f"expected a control that there is ({known}), got {control!r}")
        if min is not None and max is not None and not min <= max:
            raise ValueError(f"expected min <= max, got min={min!r} and max={max!r}")
        if step is not None and not step > 0:
            raise ValueError(f"expected a step above 0, got {step!r}")
        if limit_bytes < 1:
            raise ValueError(f"expected a limit_bytes above 0, got {limit_bytes!r}")
        if not throttle_seconds >= 0:
            raise ValueError(f"expected throttle_seconds of 0 or more, got {throttle_seconds!r}")
        if control == "color":
            control = "colour"
        choices = _choices(options)
        if control in _CHOICES and not choices:
            raise ValueError(f"expected options= for a {control}, got none")
        if choices and control is None:
            control = "multiselect" if isinstance(initial, (list, tuple)) else "dropdown"
        if control is None and isinstance(initial, (list, tuple)) and None not in (min, max):
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

        As text, for a browser's ``JSON.parse`` rounds integers beyond 2^53. Raises
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
    if isinstance(options, str):
        raise ValueError(f"expected a list or dict as options=, got the text {options!r}")
    choices = tuple(options.items() if isinstance(options, Mapping) else options)
    if isinstance(options, Mapping) or all(map(_is_labelled, choices)):
        return tuple((str(label), value) for label, value in choices)
    return tuple((str(value), value) for value in choices)


def _is_labelled(choice: object) -> bool:
    return isinstance(choice, tuple) and len(choice) == 2 and isinstance(choice[0], str)
