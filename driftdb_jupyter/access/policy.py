"""A room's policy: what its owner lets others do (docs/access.md, "The policy of a room")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from ..protocol.errors import BadMessage
from .grants import ACTIONS, NOTHING, ROLES, Action, Grant, Grants, compile_grants
from .identity import Identity

__all__ = ["COMPILED_LIMIT", "Policy", "grants_from", "parse_policy", "shown_grants"]

# What the objects take of memory that a member, a grant, and a key or prefix are read into; of the
# last one also what one compiled copy of it takes. And grants that were compiled for somebody, with
# what they remember of keys; so many of them are remembered. Measured: see
# ``tests/rooms/test_memory_cost.py``.
_MEMBER_COST_BYTES = 160
_GRANT_COST_BYTES = 288
_PLACE_COST_BYTES = 128
_COMPILED_COST_BYTES = 2048
COMPILED_LIMIT = 32
"""For how many people at most the compiled grants of a policy are remembered."""
_PARTS = ("anyone", "users", "groups")
_FIELDS = ("can", "keys", "prefixes")
_BRIEF = 80
_WORDS = ", ".join([*ROLES, *[action for action in ACTIONS if action not in ROLES]])


class Policy(Struct, frozen=True):
    """Who may do what in a room; who isn't named in it may do nothing.

    ``anyone``: what everybody may do. ``users``: what persons may do besides, by their subject,
    and ``groups`` what the members of a group may do.
    """

    anyone: tuple[Grant, ...] = ()
    users: Mapping[str, tuple[Grant, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[Grant, ...]] = field(default_factory=dict)

    @property
    def place_count(self) -> int:
        """The number of keys and prefixes that it names."""
        return sum(len(grant.keys) + len(grant.prefixes) for grant in self._grants())

    @property
    def cost_bytes(self) -> int:
        """The bytes of memory that it takes, with its compiled grants that are remembered."""
        members = [*self.users, *self.groups]
        cost = _COMPILED_COST_BYTES * min(COMPILED_LIMIT, 1 + len(members))
        cost += sum(_MEMBER_COST_BYTES + name.__sizeof__() for name in members)
        for grant in self._grants():
            cost += _GRANT_COST_BYTES
            for place in (*grant.keys, *grant.prefixes):
                cost += _PLACE_COST_BYTES + 3 * place.__sizeof__()
        return cost

    def _grants(self) -> Iterator[Grant]:
        for grants in (self.anyone, *self.users.values(), *self.groups.values()):
            yield from grants

    def grants_for(self, identity: Identity, *others: Grant) -> Grants:
        """Return what somebody may do: by this policy, and by grants that come from elsewhere."""
        found = [*self.given_to(identity), *others]
        return compile_grants(*found) if found else NOTHING

    def given_to(self, identity: Identity) -> list[Grant]:
        """Return what it gives to somebody, as it is written down."""
        found = [*self.anyone]
        if identity.subject is not None:
            found += self.users.get(identity.subject, ())
        for group in sorted(identity.groups & self.groups.keys()):
            found += self.groups[group]
        return found

    def to_builtins(self) -> dict[str, Any]:
        """Return the policy as JSON has it, in the form that :func:`parse_policy` reads."""
        content: dict[str, Any] = {"anyone": shown_grants(self.anyone)}
        for name, part in (("users", self.users), ("groups", self.groups)):
            content[name] = {who: shown_grants(grants) for who, grants in part.items()}
        return content

    def encode(self) -> bytes:
        """Return the policy as JSON text."""
        return msgspec.json.encode(self.to_builtins())


def parse_policy(content: object) -> Policy:
    """Read a policy from what its JSON text decodes to, or from JSON text itself (bytes).

    Each part is a role (``"read"``, ``"write"``, ``"admin"``), a grant
    (``{"can": ["append"], "keys": ["log"], "prefixes": ["poll/"]}``), or a list of these.
    Raises :class:`BadMessage`, which names the part that is wrong.
    """
    if isinstance(content, bytes):
        try:
            content = msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadMessage(f"expected a policy as JSON: {error}") from None
    if not isinstance(content, Mapping):
        raise BadMessage(f"expected a policy as an object, got {_kind(content)}")
    _demand_names(content, _PARTS, "the policy")
    named = []
    for part in _PARTS[1:]:
        members = content.get(part, {})
        if not isinstance(members, Mapping):
            raise BadMessage(f"expected {part} to be an object, got {_kind(members)}")
        for name in members:
            if not isinstance(name, str) or not name:
                raise BadMessage(f"expected names in {part}, got {_brief(name)}")
        named.append(
            {name: grants_from(given, f"{part}[{_brief(name)}]") for name, given in members.items()}
        )
    return Policy(grants_from(content.get("anyone", []), "anyone"), *named)


def grants_from(given: object, where: str = "the grants") -> tuple[Grant, ...]:
    """Read grants: a role, a grant as an object, or a list of these; ``None`` is nothing.

    ``where`` is how an error calls them. Raises :class:`BadMessage`.
    """
    if given is None:
        return ()
    if isinstance(given, (list, tuple)):
        return tuple(_grant(each, f"{where}[{number}]") for number, each in enumerate(given))
    return (_grant(given, where),)


def _grant(given: object, where: str) -> Grant:
    if isinstance(given, Grant):
        return given
    if isinstance(given, str):
        return Grant(_actions(given, where))
    if not isinstance(given, Mapping):
        raise BadMessage(f"expected {where} to be a role or a grant, got {_kind(given)}")
    _demand_names(given, _FIELDS, where)
    if "can" not in given:
        raise BadMessage(f"expected {where} to say what is allowed (can), got nothing of it")
    actions = _actions(given["can"], f"{where}.can")
    keys = _texts(given.get("keys"), f"{where}.keys")
    prefixes = _texts(given.get("prefixes"), f"{where}.prefixes")
    if keys is None and prefixes is None:
        return Grant(actions)
    if not (keys or prefixes):
        # It would cover everything, which nobody means who writes an empty list.
        raise BadMessage(f"expected {where} to name keys or prefixes, or neither, got none")
    if "" in (prefixes or ()):
        raise BadMessage(f"expected prefixes in {where} that aren't empty: leave them out instead")
    if "admin" in actions:
        raise BadMessage(f"expected {where} without keys and prefixes: admin is for a whole room")
    return Grant(actions, keys or (), prefixes or ())


def _actions(given: object, where: str) -> tuple[Action, ...]:
    if isinstance(given, str) and given in ROLES:
        return ROLES[given]  # one object for all members who have the role
    words = [given] if isinstance(given, str) else given
    if not isinstance(words, (list, tuple)):
        raise BadMessage(f"expected {where} to be words, got {_kind(given)}")
    found: dict[Action, None] = {}
    for word in words:
        if isinstance(word, str) and word in ROLES:
            found.update(dict.fromkeys(ROLES[word]))
        elif isinstance(word, str) and word in ACTIONS:
            found[word] = None  # type: ignore[index]  # the words of ACTIONS are those of Action
        else:
            raise BadMessage(f"expected {where} to be of {_WORDS}, got {_brief(word)}")
    return tuple(found)


def _texts(given: object, where: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    if not isinstance(given, (list, tuple)):
        raise BadMessage(f"expected {where} to be a list, got {_kind(given)}")
    for text in given:
        if not isinstance(text, str):
            raise BadMessage(f"expected texts in {where}, got {_kind(text)}")
    return tuple(given)


def shown_grants(grants: tuple[Grant, ...]) -> list[Any]:
    """Return grants as JSON has them, in the form that :func:`grants_from` reads."""
    shown: list[Any] = []
    for grant in grants:
        role = next((role for role, actions in ROLES.items() if grant == Grant(actions)), None)
        if role is not None:
            shown.append(role)
            continue
        content: dict[str, Any] = {"can": list(grant.can)}
        if grant.keys:
            content["keys"] = list(grant.keys)
        if grant.prefixes:
            content["prefixes"] = list(grant.prefixes)
        shown.append(content)
    return shown


def _demand_names(content: Mapping[object, object], names: tuple[str, ...], where: str) -> None:
    unknown = [name for name in content if name not in names]
    if unknown:
        raise BadMessage(f"expected {', '.join(names)} in {where}, got {_brief(unknown[0])}")


def _kind(given: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(given), "a number" if isinstance(given, (int, float)) else "another")


def _brief(given: object) -> str:
    text = repr(given)
    return text if len(text) <= _BRIEF else f"{text[:_BRIEF]}…"
