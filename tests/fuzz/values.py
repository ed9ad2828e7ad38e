"""Values and messages that are nearly right, as JSON and as CBOR."""

from __future__ import annotations

import copy
import json
import random
import struct
from typing import Any

from .corpus import Corpus

__all__ = ["Values", "mutated"]

_WORDS = ("__proto__", "constructor", "", "\0", "\x9b2J", "\u2028", "k" * 300, "$meta/k", "k")
_NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, -(2**64) - 1, 10**400, 0.5, -0.0, 1e308)
_MAJORS = range(8)
_TAGS = (0, 1, 2, 3, 4, 5, 21, 24, 30, 32, 37, 55799, 2**16, 2**32, 2**64 - 1)


class Values:
    """Makes values and messages out of the corpus, as a random generator decides."""

    def __init__(self, rng: random.Random, corpus: Corpus) -> None:
        self._rng = rng
        self._corpus = corpus

    def message(self) -> Any:
        """Return a message of a client; most have one or two things wrong."""
        message: Any = copy.deepcopy(self._rng.choice(self._corpus.messages))
        for _ in range(self._rng.choice((0, 0, 1, 1, 2, 5))):
            message = self.confused(message)
        return message

    def policy(self) -> Any:
        """Return a policy that may not be one."""
        policy: Any = copy.deepcopy(self._rng.choice(self._corpus.policies))
        for _ in range(self._rng.choice((0, 1, 2))):
            policy = self.confused(policy)
        return policy

    def confused(self, value: Any) -> Any:
        """Return the value with something in it that is of another type, missing, or too much."""
        rng = self._rng
        if isinstance(value, dict) and value and rng.random() < 0.85:
            key = rng.choice(list(value))
            deed = rng.randrange(6)
            if deed == 0:
                del value[key]
            elif deed == 1:
                value[rng.choice(_WORDS)] = value[key]
            else:
                value[key] = self.confused(value[key])
            return value
        if isinstance(value, list) and value and rng.random() < 0.6:
            at = rng.randrange(len(value))
            value[at] = self.confused(value[at])
            return value
        return self.any()

    def any(self) -> Any:
        """Return any value."""
        rng = self._rng
        kind = rng.randrange(8)
        if kind == 0:
            return rng.choice((None, True, False))
        if kind == 1:
            return rng.choice(_NUMBERS)
        if kind == 2:
            return rng.choice(_WORDS) * rng.choice((1, 1, 1, 50))
        if kind == 3:
            return [self.any() for _ in range(rng.randrange(4))]
        if kind == 4:
            return {rng.choice(_WORDS): self.any() for _ in range(rng.randrange(4))}
        if kind == 5:
            return copy.deepcopy(rng.choice(self._corpus.messages))
        if kind == 6:
            nested: Any = 0
            for _ in range(rng.choice((5, 60, 150))):
                nested = [nested] if rng.random() < 0.5 else {"a": nested}
            return nested
        return [0] * rng.choice((100, 5000))

    def text(self, value: Any) -> bytes:
        """Return a value as JSON, or something near it."""
        rng = self._rng
        text = json.dumps(value, ensure_ascii=rng.random() < 0.5)
        if rng.random() < 0.2:
            text = text.replace('"value": ', f'"value": {rng.choice(self._corpus.texts)}, "x": ', 1)
        if rng.random() < 0.1:
            text = text.replace("{", '{"type":"push",', 1)
        if rng.random() < 0.02:
            text = text.replace(": ", ": " + rng.choice(("[", '{"a":')) * 5000, 1)
        if rng.random() < 0.1:
            text = text.replace(" ", rng.choice(("", "\n\t ", "\0", " " * 500)))
        encoded = text.encode("utf-8", "surrogatepass")
        return mutated(rng, encoded) if rng.random() < 0.25 else encoded

    def item(self, value: Any) -> bytes:
        """Return a value as CBOR: in odd encodings, some of them none."""
        encoded = self._item(value, 0)
        return mutated(self._rng, encoded) if self._rng.random() < 0.25 else encoded

    def _item(self, value: Any, depth: int) -> bytes:
        rng = self._rng
        odd = rng.random()
        if odd < 0.02:
            return self._head(6, rng.choice(_TAGS)) + self._item(value, depth + 1)
        if odd < 0.03:
            return rng.choice(self._corpus.items)
        if odd < 0.035:
            return self._head(rng.choice(_MAJORS), rng.choice((0, 1, 2**16, 2**32, 2**63)))
        if value is None or isinstance(value, bool):
            return bytes((0xF6 if value is None else 0xF5 if value else 0xF4,))
        if isinstance(value, int):
            return self._integer(value)
        if isinstance(value, float):
            return rng.choice(
                (struct.pack(">Bd", 0xFB, value), b"\xf9\x7e\x00", b"\xfa" + b"\xff" * 4)
            )
        if isinstance(value, str):
            encoded = value.encode("utf-8", "surrogatepass")
            if rng.random() < 0.05:
                half = len(encoded) // 2
                parts = (encoded[:half], encoded[half:])
                return b"\x7f" + b"".join(self._head(3, len(p)) + p for p in parts) + b"\xff"
            return self._head(3, len(encoded)) + encoded
        open_ended = rng.random() < 0.05
        if isinstance(value, list):
            content = b"".join(self._item(each, depth + 1) for each in value)
            return (
                b"\x9f" + content + b"\xff" if open_ended else self._head(4, len(value)) + content
            )
        content = b"".join(
            self._item(key, depth + 1) + self._item(each, depth + 1) for key, each in value.items()
        )
        return b"\xbf" + content + b"\xff" if open_ended else self._head(5, len(value)) + content

    def _integer(self, value: int) -> bytes:
        tag, magnitude = (2, value) if value >= 0 else (3, -1 - value)
        if magnitude < 2**64:
            return self._head(0 if value >= 0 else 1, magnitude)
        digits = magnitude.to_bytes((magnitude.bit_length() + 7) // 8, "big")
        return self._head(6, tag) + self._head(2, len(digits)) + digits

    def _head(self, major: int, argument: int) -> bytes:
        """Return the head of an item; now and then longer than needed, or with a wrong argument."""
        rng = self._rng
        if rng.random() < 0.01:
            argument = rng.choice((argument + 1, argument - 1, 2**63)) % 2**64
        widths = [
            (info, size)
            for info, size in ((None, 0), (24, 1), (25, 2), (26, 4), (27, 8))
            if argument < (24 if info is None else 256**size)
        ]
        info, size = widths[0] if rng.random() < 0.95 else rng.choice(widths)
        if info is None:
            return bytes((major << 5 | argument,))
        return bytes((major << 5 | info,)) + argument.to_bytes(size, "big")


def mutated(rng: random.Random, data: bytes) -> bytes:
    """Return bytes with a few of them flipped, missing, doubled, or put elsewhere."""
    for _ in range(rng.choice((1, 1, 2, 8))):
        at, end = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
        deed = rng.randrange(6)
        if deed == 0 and data:
            at = rng.randrange(len(data))
            data = data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :]
        elif deed == 1:
            data = data[:at] + data[min(end, at + 8) :]
        elif deed == 2:
            data = data[:end] + data[at : at + 64] + data[end:]
        elif deed == 3:
            data = data[:at] + rng.randbytes(rng.choice((1, 4, 32))) + data[at:]
        elif deed == 4:
            data = data[:at]
        else:
            data = data[:at] + bytes((rng.choice((0, 10, 13, 34, 127, 128, 255)),)) + data[at + 1 :]
    return data
