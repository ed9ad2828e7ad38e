"""A notebook in a browser window, as a person uses it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

__all__ = ["KERNEL_IS_READY", "Control", "Notebook", "write_notebook"]

# The first page of a session loads all of JupyterLab, on a machine that does other things too.
PATIENCE_MILLISECONDS = 40_000

KERNEL_IS_READY = """async () => {
    await jupyterapp.restored;
    const { context, sessionContext } = jupyterapp.shell.currentWidget;
    await context.ready;
    await sessionContext.ready;
    await sessionContext.session.kernel.info;
}"""


def write_notebook(path: Path, *cells: str) -> None:
    """Write a notebook with these code cells."""
    code: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
    }
    notebook = {
        "cells": [{**code, "id": f"c{n}", "source": source} for n, source in enumerate(cells)],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(notebook))


class Notebook:
    """An open notebook; its page has ``jupyterapp``."""

    def __init__(self, page: Page, url: str, *, path: str | None = None) -> None:
        """Load a page; with ``path`` open that notebook, if the page is JupyterLab already."""
        self.page = page
        self._panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self._url = url
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        if path is not None and page.evaluate("'jupyterapp' in window"):
            page.evaluate("path => jupyterapp.commands.execute('docmanager:open', { path })", path)
            self._opened()
        else:
            self.reload()

    def reload(self) -> None:
        """Load the page anew."""
        self.page.goto(self._url)
        self._opened()

    def _opened(self) -> None:
        page = self.page
        page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell")
        page.wait_for_function("jupyterapp.shell.currentWidget?.context !== undefined")
        page.evaluate(KERNEL_IS_READY)

    def command(self, name: str) -> None:
        """Run one of the application's commands, and wait for its end."""
        self.page.evaluate("name => jupyterapp.commands.execute(name)", name)

    def start(self, cell: int) -> None:
        """Run one cell, and don't wait for its end."""
        self._activate(cell)
        self.page.evaluate("void jupyterapp.commands.execute('notebook:run-cell')")

    def run(self, cell: int) -> None:
        """Run one cell, and wait until it is done."""
        self._activate(cell)
        self.command("notebook:run-cell")

    def _activate(self, cell: int) -> None:
        set_active = "cell => { jupyterapp.shell.currentWidget.content.activeCellIndex = cell }"
        self.page.evaluate(set_active, cell)

    def run_all(self) -> None:
        """Run all cells, and wait until they are done."""
        self.command("notebook:run-all-cells")

    def restart_kernel(self) -> None:
        """Restart the kernel, and wait until it answers."""
        self.page.evaluate(
            """async () => {
                const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
                await kernel.restart();
                await kernel.info;
            }"""
        )

    def save(self) -> None:
        """Save the notebook with its outputs."""
        self.command("docmanager:save")

    def control(self, number: int = 0) -> Control:
        """The control of a shared state, counted from the top."""
        return Control(self._panel.locator(".driftdb-state").nth(number))

    def output(self, cell: int) -> Locator:
        """The text that a cell printed."""
        return self._panel.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output pre")


class Control:
    """The control of a shared number."""

    def __init__(self, box: Locator) -> None:
        self.box = box
        self.slider = box.locator(".driftdb-slider")
        self.field = box.locator(".driftdb-field")
        self.badge = box.locator(".driftdb-badge")

    def set(self, value: float) -> None:
        """Move the slider there."""
        self.slider.fill(str(value))

    def shows(self, value: float) -> None:
        """Wait until the control shows a value."""
        expect(self.field).to_have_value(str(value), timeout=PATIENCE_MILLISECONDS)

    def is_connected(self) -> None:
        """Wait until the control is connected to its room, and knows the room's value."""
        self.is_in_phase("connected")
        expect(self.box).not_to_have_class("driftdb-state driftdb-stale")

    def is_in_phase(self, phase: str) -> None:
        """Wait until the badge tells that."""
        expect(self.badge).to_have_attribute("data-phase", phase, timeout=PATIENCE_MILLISECONDS)

    def sample(self) -> None:
        """Begin to note what the slider shows in every frame that is painted."""
        self.slider.evaluate(
            """slider => {
                window.samples = [];
                const look = () => {
                    if (!slider.isConnected) return;
                    window.samples.push(Number(slider.value));
                    requestAnimationFrame(look);
                };
                look();
            }"""
        )

    def samples(self) -> list[float]:
        """What the slider has shown since :meth:`sample`."""
        noted: Any = self.slider.evaluate("() => window.samples")
        return [float(value) for value in noted]
