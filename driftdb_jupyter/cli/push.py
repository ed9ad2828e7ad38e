"""``driftdb push``."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
from traitlets import Bool, Enum, Int

from ..client.form import written
from ..client.frames import Action
from ..client.handle import Handle
from ..client.values import encode
from .member import MemberCommand
from .record import json_line
from .terminal import put

__all__ = ["PushCommand"]


class PushCommand(MemberCommand):
    """Write a value under a key, and end when the room has it.

    The value is JSON; what is no JSON is a text. `-` reads it from the standard input.
    """

    name = "driftdb-push"
    description = __doc__
    arguments = "KEY VALUE"
    insists = True
    examples = """
    driftdb push slider 42
    driftdb push name Ann                      # the same as '"Ann"'
    driftdb push config - < config.json
    driftdb push chat '{"text": "hello"}' --action relay
    driftdb push lock mine --if-seq 0          # only where the key is empty, else it ends with 5
    """
    aliases: dict[Any, Any] = {  # noqa: RUF012
        **MemberCommand.aliases,
        "action": "PushCommand.action",
        "if-seq": "PushCommand.if_seq",
    }
    flags: dict[Any, Any] = {  # noqa: RUF012
        **MemberCommand.flags,
        "text": ({"PushCommand": {"text": True}}, "The value is a text, also where it is JSON."),
        "json": ({"PushCommand": {"json": True}}, "Print an object: key and seq."),
    }
    action = Enum(
        ["replace", "append", "relay", "delete"],
        default_value="replace",
        config=True,
        help="What becomes of the value. replace: the key holds this value alone, as a state "
        "does; append: it is added to the key's stream; relay: it is kept nowhere, as in a "
        "channel; delete: the key is emptied (and no value is given).",
    )
    if_seq = Int(
        None,
        allow_none=True,
        min=0,
        config=True,
        help="Write only if the key's newest sequence number is this; 0: if it is empty.",
    )
    text = Bool(False, config=True, help="Whether the value is a text, also where it is JSON.")
    json = Bool(False, config=True, help="Whether to print the sequence number, as JSON.")

    def run(self) -> None:
        """Push it, and wait for the room's answer."""
        action: Action = self.action  # type: ignore[assignment]
        deletes = action == "delete"
        if len(self.extra_args) != (1 if deletes else 2):
            wanted = "a key" if deletes else "a key and a value"
            self.misused(f"expected {wanted}, got {len(self.extra_args)} arguments")
        key = self.extra_args[0]
        values = [] if deletes else [self._value(self.extra_args[1])]
        if action == "replace":
            values = [written(value) for value in values]
        with self.joined() as room:
            receipt = room.connection.send(key, *values, action=action, if_seq=self.if_seq)
            handle = Handle(receipt, lambda seq: seq, why=lambda: room.error)
            seq = handle.result(self.timeout_seconds)
        if self.json:
            put(msgspec.json.encode({"key": key, "seq": seq}).decode())

    def _value(self, given: str) -> bytes:
        if given == "-":
            given = self.standard_input().read().decode(errors="replace").removesuffix("\n")
        if not self.text:
            with suppress(ValueError):
                return json_line(given)
        return encode(given)
