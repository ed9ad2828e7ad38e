"""The front end's code: sent to a page once, not with every control.

In Jupyter a control's own code is a few lines that load the rest from one model, the
:class:`Bundle`. marimo needs no such thing: it serves equal code to a page once, and ends a model
with the cell that made it.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ipywidgets import Widget
from traitlets import Unicode

__all__ = ["STYLE", "Bundle", "bundle", "code", "outlives_cells", "send_code"]

_STATIC = Path(__file__).parent / "static"
_LATER = re.compile(r"chart-\w+\.js")
"""The files that a page loads where it needs them: from its own server, if that has them."""
_NOT_BUILT = """export default { render({ el }) {
  el.textContent = "driftdb-jupyter's front end was not built; the value is shared all the same.";
} };"""

# Texts, not paths: anywidget would keep every instance alive to tell it of changed files.
LOADER = """
const modules = (globalThis.driftdbModules ??= new Map());
const load = (model) => {
  const hash = model.get("_hash");
  if (!modules.has(hash)) {
    modules.set(hash, (async () => {
      const id = model.get("_bundle").slice("IPY_MODEL_".length);
      const source = (await model.widget_manager.get_model(id)).get("source");
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      try { return (await import(url)).default; } finally { URL.revokeObjectURL(url); }
    })());
    modules.get(hash).catch(() => modules.delete(hash));
  }
  return modules.get(hash);
};
export default {
  async render(context) {
    return (await load(context.model)).render(context);
  },
};
"""


def _built(name: str, otherwise: str) -> str:
    try:
        return (_STATIC / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return otherwise


STYLE = _built("widget.css", "")


class Bundle(Widget):  # type: ignore[misc]  # ipywidgets has no types
    """A model that holds the code; the controls' models name it, and a page reads it once."""

    source = Unicode(read_only=True).tag(sync=True)

    def __init__(self, source: str) -> None:
        self.set_trait("source", source)
        super().__init__()
        self.hash = hashlib.sha256(source.encode()).hexdigest()[:16]


def code() -> str:
    """Return what a control's model has as its code."""
    return LOADER if outlives_cells() else _built("widget.js", _NOT_BUILT)


def bundle() -> Bundle | None:
    """Return this process's bundle; ``None`` where a control's code is whole."""
    return _bundle() if outlives_cells() else None


def send_code(content: object, widget: Widget) -> None:
    """Answer a page's message that asks for a file of the front end; ignore all others."""
    name = content.get("code") if isinstance(content, Mapping) else None
    if not isinstance(name, str):
        return
    source = _built(name, "") if _LATER.fullmatch(name) else ""
    told = {"source": source} if source else {"error": "this kernel's front end has no such file"}
    widget.send({"code": name, **told})


@cache
def _bundle() -> Bundle:
    return Bundle(_built("widget.js", _NOT_BUILT))


def outlives_cells() -> bool:
    """Return True if a model lives as long as the process, and is everybody's, as it is in Jupyter.

    marimo serves several people from one process, each with models of their own.
    """
    return not getattr(sys.modules.get("marimo"), "running_in_notebook", bool)()
