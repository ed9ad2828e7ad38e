"""All cases, by their names."""

from __future__ import annotations

from . import closing, compression, controls, fragments, framing, limits, utf8
from .case import Case

__all__ = ["CASES", "GROUPS"]

GROUPS: dict[str, list[Case]] = {
    "framing": framing.CASES,
    "controls": controls.CASES,
    "fragments": fragments.CASES,
    "utf8": utf8.CASES,
    "closing": closing.CASES,
    "limits": limits.CASES,
    "compression": compression.CASES,
    "not compressed": compression.NOT_COMPRESSED,
}
CASES: dict[str, Case] = {
    f"{group}: {case.name}": case for group, cases in GROUPS.items() for case in cases
}
