from __future__ import annotations

import json

from .shell import Shell


def test_each_time_a_room_is_made_that_can_be_used(server_url: str) -> None:
    elsewhere = Shell("", DRIFTDB_URL=server_url)
    first, second = elsewhere.prints("new").strip(), elsewhere.prints("new").strip()
    assert first != second
    assert first.startswith(server_url + "room/")
    Shell(first).prints("push", "k", "1")
    assert Shell(first).prints("get", "k") == "1\n"


def test_for_programs_it_says_more(server_url: str) -> None:
    made = json.loads(Shell("").prints("new", "--url", server_url, "--json"))
    assert made["url"] == f"{server_url}room/{made['room']}"
    assert made["page"] == made["url"] + "/page"


def test_where_no_server_is_that_has_a_status_of_its_own() -> None:
    refused = Shell("").run("new", "--url=http://127.0.0.1:9/", "--timeout=0.3")
    assert refused.returncode == 4
    assert refused.stderr.startswith("driftdb new: nothing answers at http://127.0.0.1:9/")
    assert "Python" not in refused.stderr
