"""A real Firefox, headless, driven through WebDriver BiDi (which it speaks by itself).

Playwright drives a Firefox of its own only. The protocol: https://w3c.github.io/webdriver-bidi/.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websocket import WebSocket, create_connection

__all__ = ["Firefox", "Window", "found", "started_firefox"]

PATIENCE_SECONDS = 40
_NAMES = ("firefox", "firefox-esr")
_PREFERENCES = {
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    # Addresses of the machine, not names that nobody resolves here.
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.peerconnection.ice.loopback": True,
}
_KEYS = {"Enter": "\ue007", "ArrowRight": "\ue014", "ArrowLeft": "\ue012", "Control": "\ue009"}


class Firefox:
    """A browser; its windows share nothing, as on several machines."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.call("session.new", capabilities={})

    def call(self, method: str, **params: Any) -> Any:
        """Send a command; its result. What is only told meanwhile is passed over."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == number:
                assert answer["type"] == "success", f"{method}: {answer}"
                return answer["result"]

    def new_window(self, *, width: int = 1000, height: int = 800) -> Window:
        """Open a window, of so many CSS pixels."""
        user = self.call("browser.createUserContext")["userContext"]
        made = self.call("browsingContext.create", type="window", userContext=user)
        window = Window(self, made["context"])
        window.resize(width, height)
        return window


class Window:
    """One window of the browser."""

    def __init__(self, firefox: Firefox, context: str) -> None:
        self._firefox = firefox
        self._context = context

    def goto(self, url: str) -> None:
        """Open an address in front of the others, and wait until it is loaded."""
        self._call("browsingContext.activate")
        self._call("browsingContext.navigate", url=url, wait="complete")

    @property
    def url(self) -> str:
        """The address now."""
        address: str = self.run("() => location.href")
        return address

    def resize(self, width: int, height: int) -> None:
        """Show so many CSS pixels."""
        self._call("browsingContext.setViewport", viewport={"width": width, "height": height})

    def run(self, function: str, argument: Any = None) -> Any:
        """Call a JavaScript function, and wait for its promise; its result, as JSON has it."""
        call = f"async (text) => JSON.stringify(await ({function})(JSON.parse(text)))"
        result = self._firefox.call(
            "script.callFunction",
            functionDeclaration=call,
            arguments=[{"type": "string", "value": json.dumps(argument)}],
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        assert result["type"] == "success", result["exceptionDetails"]["text"]
        value = result["result"]
        return json.loads(value["value"]) if value["type"] == "string" else None

    def until(self, condition: str) -> None:
        """Wait until a JavaScript expression is true."""
        look = f"""(milliseconds) => new Promise((resolve) => {{
            const end = Date.now() + milliseconds;
            const look = () => {{
                let is = false;
                try {{ is = Boolean({condition}); }} catch {{}}
                if (is || Date.now() > end) resolve(is);
                else setTimeout(look, 20);
            }};
            look();
        }})"""
        assert self.run(look, PATIENCE_SECONDS * 1000), f"expected {condition}"

    def shows(self, selector: str, text: str) -> None:
        """Wait until an element has that text, or value."""
        find = f"document.querySelector({json.dumps(selector)})"
        self.until(f"({find}.value || {find}.textContent).trim() === {json.dumps(text)}")

    def click(self, selector: str) -> None:
        """Click on an element with the mouse."""
        origin = {"type": "element", "element": {"sharedId": self._node(selector)}}
        moves = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._act({"type": "pointer", "id": "mouse", "actions": moves})

    def press(self, *keys: str) -> None:
        """Press and release keys, one after the other; ``Control+a`` holds the first one."""
        actions = []
        for key in keys:
            held = [_KEYS.get(part, part) for part in (key.split("+") if len(key) > 1 else [key])]
            actions += [{"type": "keyDown", "value": part} for part in held]
            actions += [{"type": "keyUp", "value": part} for part in reversed(held)]
        self._act({"type": "key", "id": "keyboard", "actions": actions})

    def fill(self, selector: str, text: str) -> None:
        """Put a text into a field by the keyboard, in the place of what is there."""
        self.click(selector)
        self.press("Control+a", *text)

    def screenshot(self, path: Path) -> None:
        """Save what is shown as a PNG."""
        data = self._call("browsingContext.captureScreenshot")["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self) -> None:
        """Close the window."""
        self._call("browsingContext.close")

    def _node(self, selector: str) -> str:
        self.until(f"document.querySelector({json.dumps(selector)})")
        locator = {"type": "css", "value": selector}
        node = self._call("browsingContext.locateNodes", locator=locator)["nodes"][0]
        self._firefox.call(
            "script.callFunction",
            functionDeclaration="(element) => element.scrollIntoView({ block: 'center' })",
            arguments=[{"sharedId": node["sharedId"]}],
            target={"context": self._context},
            awaitPromise=False,
        )
        shared: str = node["sharedId"]
        return shared

    def _act(self, source: dict[str, Any]) -> None:
        self._call("browsingContext.activate")
        self._call("input.performActions", actions=[source])

    def _call(self, method: str, **params: Any) -> Any:
        return self._firefox.call(method, context=self._context, **params)


def found() -> str | None:
    """Where Firefox is, if it is installed."""
    return os.environ.get("FIREFOX") or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def started_firefox(folder: Path, **preferences: Any) -> Iterator[Firefox]:
    """The browser, with a new profile in ``folder``."""
    path = found()
    assert path, f"expected one of {', '.join(_NAMES)} on the PATH (./dev test installs it)"
    wanted = {**_PREFERENCES, **preferences}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(wanted[name])});\n" for name in wanted]
    (folder / "user.js").write_text("".join(lines))
    command = [path, "--headless", "--no-remote", "--profile", str(folder)]
    with subprocess.Popen(
        [*command, "--remote-debugging-port=0"],
        env={**os.environ, "HOME": str(folder)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            told = (re.search(r"BiDi listening on (ws://\S+)", line) for line in process.stderr)
            address = next(match[1] for match in told if match)
            socket = create_connection(
                f"{address}/session", suppress_origin=True, timeout=2 * PATIENCE_SECONDS
            )
            try:
                yield Firefox(socket)
            finally:
                socket.close()
        finally:
            process.terminate()
