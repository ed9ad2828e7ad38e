from __future__ import annotations

from pathlib import Path

from .shell import Shell


def test_the_page_can_be_printed(shell: Shell) -> None:
    assert shell.prints("open", "--print") == f"{shell.room_url}/page\n"


def test_a_key_has_a_page_of_its_own(shell: Shell) -> None:
    assert shell.prints("open", "a b", "--print") == f"{shell.room_url}/page?key=a%20b\n"


def test_the_page_is_opened_in_the_browser(shell: Shell, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    shell.environment["BROWSER"] = str(browser)
    shell.prints("open")
    assert (tmp_path / "opened").read_text() == f"{shell.room_url}/page\n"
