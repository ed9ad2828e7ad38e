from __future__ import annotations

import pytest

from driftdb_jupyter.server.hub.scopes import Role, Scopes

ADA = "custom:driftdb:write!user=ada"


@pytest.mark.parametrize(
    ("scopes", "room", "role"),
    [
        ([ADA], "user:ada:notes", "write"),
        ([ADA], "user:bob:notes", None),
        ([ADA], "user:ada", None),
        ([ADA], "class", None),
        (["custom:driftdb:read!group=a b"], "group:a%20b:x", "read"),
        (["custom:driftdb:read!group=ada"], "user:ada:notes", None),
        (["custom:driftdb:read", ADA], "user:ada:notes", "write"),
        (["custom:driftdb:admin", ADA], "user:ada:notes", "admin"),
        (["custom:driftdb:read"], "class", "read"),
        (["custom:driftdb:write!server=ada/"], "user:ada:notes", None),
        (["custom:driftdb:write!user="], "user::notes", None),
        (["custom:driftdb:own", "read:users", "self"], "user:ada:notes", None),
    ],
)
def test_scopes_give_roles_in_rooms(scopes: list[str], room: str, role: Role | None) -> None:
    assert Scopes(scopes).role_in(room) == role


@pytest.mark.parametrize(
    ("scopes", "bound"),
    [
        ([], None),
        (["custom:driftdb:admin!server=ada/"], None),
        ([ADA], "write"),
        ([ADA, "custom:driftdb:read"], "write"),
        (["custom:driftdb:read!user=ada", "custom:driftdb:admin!group=g"], "admin"),
    ],
)
def test_the_highest_role_is_the_bound(scopes: list[str], bound: Role | None) -> None:
    assert Scopes(scopes).bound == bound
