"""Sliders in people's hands."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from ..browser import NewWindow
from .conftest import Jupyter
from .notebook import Control, Notebook
from .test_notebooks import SLIDER, run_and_save

THROTTLED = """
from driftdb_jupyter import SharedState
s = SharedState("slider", 0, throttle_seconds=0.25)
told = []
s.observe(lambda change: told.append(change.new))
s
"""


# A person drags for ten; what it costs a second is the same.
SECONDS = 5


class Hand:
    """A mouse that holds the handle of a slider."""

    def __init__(self, page: Page, control: Control, value: float) -> None:
        box = control.slider.bounding_box()
        assert box
        self._mouse = page.mouse
        # A browser's handle is some 16 pixels wide, and stays within its slider.
        self._left, self._width = box["x"] + 8, box["width"] - 16
        self._height = box["y"] + box["height"] / 2
        self.move(value)
        self._mouse.down()

    def move(self, value: float) -> None:
        """Go to where the slider has that value, of 0 to 100."""
        self._mouse.move(self._left + self._width * value / 100, self._height)

    def let_go(self) -> None:
        self._mouse.up()


def test_two_who_drag_one_slider_hold_what_is_theirs_and_end_equal(jupyter: Jupyter) -> None:
    one = run_and_save(jupyter, "n.ipynb", SLIDER.replace("0)", "50)"))
    two = jupyter.open("n.ipynb")
    two.control().is_connected()
    two.control().shows(50)
    up, down = Hand(one.page, one.control(), 50), Hand(two.page, two.control(), 50)
    one.control().sample()
    two.control().sample()
    for step in range(60):
        up.move(50 + step * 40 / 59)
        down.move(50 - step * 40 / 59)
    rising, falling = one.control().samples(), two.control().samples()
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    assert rising[-1] > 85
    assert falling[-1] < 15
    up.let_go()
    down.let_go()
    for window in (one, two):
        expect(window.control().box).not_to_have_class("driftdb-state driftdb-stale")
    # Whichever the room took last: it is the same for both, and stays.
    expect(one.control().field).to_have_value(two.control().field.input_value())
    for hand, window in ((up, one), (down, two)):
        hand.move(0)  # nobody holds it any more
        expect(window.control().field).to_have_value(one.control().field.input_value())


def test_a_throttled_slider_costs_what_it_says_and_its_last_value_arrives(
    jupyter: Jupyter, new_window: NewWindow
) -> None:
    one = run_and_save(jupyter, "n.ipynb", THROTTLED, "print(len(told), told[-1])")
    pushes: list[str] = []

    def note(payload: str | bytes) -> None:
        if isinstance(payload, str) and '"push"' in payload:
            pushes.append(payload)

    page = new_window()
    page.on("websocket", lambda socket: socket.on("framesent", note))
    two = Notebook(page, jupyter.url("n.ipynb"))
    two.control().is_connected()
    hand = Hand(two.page, two.control(), 0)
    now = "performance.now() / 1000"
    began = two.page.evaluate(now)
    moves = 0
    while (seconds := two.page.evaluate(now) - began) < SECONDS:
        hand.move(100 * seconds / SECONDS)
        moves += 1
    hand.let_go()
    value = int(two.control().field.input_value())
    assert value > 90
    one.control().shows(value)
    most = (two.page.evaluate(now) - began) / 0.25 + 2
    assert 5 < len(pushes) <= most
    assert moves > 2 * most
    # The kernel is told no oftener either, and so perhaps a little later than the page.
    told, last = "0", ""
    while last != str(value):
        one.run(1)
        told, last = one.output(1).inner_text().split()
    assert 5 < int(told) <= most
