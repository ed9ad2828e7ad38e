"""What a hostile peer writes into traits that are bound in a real JupyterLab."""

from __future__ import annotations

from playwright.sync_api import expect

from .conftest import Jupyter
from .notebook import PATIENCE_MILLISECONDS, write_notebook

HOSTILE = "<img src=x onerror=\"window.hit = (window.hit || '') + 'NAME '\">"
BIND = """
import anywidget, ipywidgets, traitlets
from driftdb_jupyter import room

here, there = room("bound"), room("bound")
HOSTILE = %r

class Banner(anywidget.AnyWidget):
    _esm = '''export default { render({ el, model }) {
        const show = () => { el.innerHTML = model.get("text") }
        model.on("change:text", show)
        show()
    } }'''
    text = traitlets.Unicode("calm").tag(sync=True)

texts = {
    "text": (ipywidgets.Text("calm"), "value"),
    "area": (ipywidgets.Textarea("calm"), "value"),
    "box": (ipywidgets.Combobox(value="calm"), "value"),
    "label": (ipywidgets.Label("calm"), "value"),
    "tags": (ipywidgets.TagsInput(value=["calm"]), "value"),
    "described": (ipywidgets.IntSlider(description="calm"), "description"),
    "checked": (ipywidgets.Checkbox(description="calm"), "description"),
    "button": (ipywidgets.Button(description="calm"), "description"),
    "toggled": (ipywidgets.ToggleButton(description="calm"), "description"),
    "tip": (ipywidgets.Button(tooltip="calm"), "tooltip"),
    "placeholder": (ipywidgets.Text(placeholder="calm"), "placeholder"),
    "tabs": (ipywidgets.Tab([ipywidgets.Label("a")], titles=["calm"]), "titles"),
    "folds": (ipywidgets.Accordion([ipywidgets.Label("a")], titles=["calm"]), "titles"),
    "picture": (ipywidgets.Image(value=b"calm"), "value"),
    "marked": (ipywidgets.HTML("calm"), "value"),
    "formula": (ipywidgets.HTMLMath("calm"), "value"),
    "output": (ipywidgets.Output(), "outputs"),
    "banner": (Banner(), "text"),
}
refused = []
for key, (widget, trait) in texts.items():
    try:
        here.bind({key: (widget, trait)})
    except ValueError as error:
        assert "trusted=True" in str(error), error
        refused.append(key)
ipywidgets.VBox([widget for widget, _ in texts.values()])
""" % (HOSTILE,)  # fmt: skip  # noqa: UP031
ATTACK = """
import asyncio

for key, (widget, trait) in texts.items():
    evil = HOSTILE.replace("NAME", key)
    data = {"output_type": "display_data", "data": {"text/html": evil}, "metadata": {}}
    value = {"picture": evil.encode(), "output": [data]}.get(key, evil)
    there.state(key).set([value] if key in ("tags", "tabs", "folds") else value)

def waiting():
    bound = [place for key, place in texts.items() if key not in refused]
    return [widget for widget, trait in bound if "calm" in str(getattr(widget, trait))]

for _ in range(1000):
    if waiting():
        await asyncio.sleep(0.05)
print(refused, waiting())
"""
TRUST = """
bound = here.bind({key: texts[key] for key in refused}, trusted=True)
"""


def test_a_hostile_peer_runs_nothing_unless_the_room_is_trusted(jupyter: Jupyter) -> None:
    write_notebook(jupyter.folder / "bound.ipynb", BIND, ATTACK, TRUST)
    notebook = jupyter.open("bound.ipynb")
    page = notebook.page
    notebook.run(0)
    expect(page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .widget-label")).not_to_have_count(
        0, timeout=PATIENCE_MILLISECONDS
    )
    notebook.run(1)
    expect(notebook.output(1)).to_have_text(
        "['marked', 'formula', 'output', 'banner'] []\n", timeout=PATIENCE_MILLISECONDS
    )
    text = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .widget-text input").first
    expect(text).to_have_value(HOSTILE.replace("NAME", "text"), timeout=PATIENCE_MILLISECONDS)
    assert page.evaluate("window.hit || ''") == ""
    notebook.run(2)
    page.wait_for_function("/marked/.test(window.hit) && /banner/.test(window.hit)")
    assert {*page.evaluate("window.hit").split()} <= {"marked", "formula", "output", "banner"}
