"""Writes docs/api.md from the docstrings: ``python docs/generate_api.py``."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import driftdb_jupyter

PAGE = Path(__file__).with_name("api.md")

# What belongs together, in the order in which somebody meets it.
_SECTIONS = {
    "Rooms": ("room", "Room", "Access", "ShareLink", "create_token"),
    "What is shared": (
        "SharedState",
        "SharedDict",
        "SharedReducer",
        "PubSub",
        "Stream",
        "Presence",
        "Person",
        "Message",
    ),
    "Widgets of others": ("bind", "bind_all", "Binding", "Bindings"),
    "Cells that are run again": ("keep_on_rerun",),
    "Waiting": ("Handle", "Wait", "Feed", "Subscription"),
    "Charts": ("Chart",),
    "Writing to a stream": ("StreamFile", "StreamHandler", "Progress"),
}
_ELSEWHERE = {
    "Chart": "driftdb_jupyter.client.objects.chart",
    "StreamFile": "driftdb_jupyter.client.objects.stream.file",
    "StreamHandler": "driftdb_jupyter.client.objects.stream.handler",
    "Progress": "driftdb_jupyter.client.objects.stream.progress",
}


def page() -> str:
    """Return the whole page."""
    parts = [
        "# The Python API\n\nWritten from the docstrings by `docs/generate_api.py`. "
        "[From Python](python.md) shows how it is used.\n"
    ]
    for title, names in _SECTIONS.items():
        parts.append(f"## {title}\n")
        for name in names:
            parts += _described(name, _found(name))
    parts.append("## Errors\n\nAll in `driftdb_jupyter.protocol.errors`.\n")
    errors = importlib.import_module("driftdb_jupyter.protocol.errors")
    tree = re.search(r"::\n\n(.*?)\n\n", inspect.getdoc(errors) or "", re.DOTALL)
    assert tree is not None
    parts.append(f"```\n{inspect.cleandoc(tree[1])}\n```\n")
    return "\n".join(parts)


def _found(name: str) -> object:
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(_ELSEWHERE[name]), name)
    return getattr(driftdb_jupyter, name)


def _described(name: str, thing: object) -> Iterator[str]:
    if not inspect.isclass(thing):
        yield f"### `{name}{_signature(thing)}`\n\n{_text(thing)}\n"
        return
    yield f"### `{name}{_signature(thing)}`\n\n{_text(thing)}\n"
    for member, value in _members(thing):
        if isinstance(value, property):
            yield f"- **`{member}`**: {_first(value)}"
        elif inspect.isfunction(value):
            signature = _signature(value).replace("(self, ", "(").replace("(self)", "()")
            yield f"- **`{member}{signature}`**: {_first(value)}"
    yield ""


def _members(thing: type) -> Iterator[tuple[str, object]]:
    """Return the public members of a class and of its bases of ours, each once."""
    seen = set()
    for kind in thing.__mro__:
        if not kind.__module__.startswith("driftdb_jupyter"):
            continue
        for name, value in vars(kind).items():
            # What the connection calls is nobody else's.
            hidden = name.startswith("_") or name in ("deliver", "refused", "connection")
            if not hidden and name not in seen and getattr(value, "__doc__", None):
                seen.add(name)
                yield name, value


class _Annotation:
    """An annotation that stands in a signature as it stands in the source."""

    def __init__(self, text: object) -> None:
        self._text = str(text)

    def __repr__(self) -> str:
        return self._text


def _signature(thing: object) -> str:
    signature = inspect.signature(thing)  # type: ignore[arg-type]
    none = inspect.Signature.empty
    parameters = [
        each if each.annotation is none else each.replace(annotation=_Annotation(each.annotation))
        for each in signature.parameters.values()
    ]
    answer = signature.return_annotation
    answer = none if answer is none or inspect.isclass(thing) else _Annotation(answer)
    return str(signature.replace(parameters=parameters, return_annotation=answer))


def _text(thing: object) -> str:
    """Return a docstring as Markdown."""
    text = inspect.getdoc(thing) or ""
    text = re.sub(r":\w+:`[~.]?([^`<]*?)`", lambda found: f"`{found[1].split('.')[-1]}`", text)
    text = re.sub(r"::\n\n((?:    .*\n?|\n)+)", _code, text)
    return text.replace("``", "`")


def _code(found: re.Match[str]) -> str:
    return f":\n\n```python\n{inspect.cleandoc(found[1])}\n```\n"


def _first(thing: object) -> str:
    """Return a docstring in one paragraph."""
    return " ".join(_text(thing).split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
