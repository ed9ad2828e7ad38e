"""Attackers, each in a process of its own: ``python -m tests.attacks.attackers KIND URL PART``.

The URL is the server's root. Where ``PART`` is 4, a quarter of the connections are opened. An
attacker does what it does until it is refused, or has done as much as it would have to; then it
says how it ended in one line of JSON, ``{"code": …, "pushed": …}``, and stays connected until its
standard input ends. ``code`` is the last error's, ``null`` without one; ``pushed`` the number of
messages that it has sent.
"""

from __future__ import annotations

import asyncio
import json
import resource
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

import cbor2

from ..conformance.peer import fetch
from ..faults.wire import TEXT, Ended, masked, trusting
from .pusher import Pusher

__all__ = ["KINDS"]

KIB, MIB = 1024, 1024 * 1024
APPEND, RELAY, REPLACE = ({"type": kind} for kind in ("append", "relay", "replace"))


class Refused(Exception):
    """No room was made; ``code`` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def new_room(url: str) -> str:
    """The URL of a new room."""
    answer = await fetch(f"{url}new", method="POST")
    if answer.status != 200:
        raise Refused(answer.json["code"])
    return f"{url}room/{answer.json['room']}"


def push(key: str, value: object, action: object = APPEND, **fields: object) -> bytes:
    """A push as JSON."""
    return json.dumps(
        {"type": "push", "key": key, "value": value, "action": action, **fields},
        separators=(",", ":"),
    ).encode()


def many(key: str, values: list[object], action: object = APPEND) -> bytes:
    """A push of several values."""
    return json.dumps(
        {"type": "push", "key": key, "values": values, "action": action}, separators=(",", ":")
    ).encode()


async def flood(url: str, messages: Iterable[bytes], *, query: str = "") -> Pusher:
    """Send all messages to a new room, or up to the first that is refused."""
    pusher = await Pusher.open(await new_room(url), query)
    await pusher.send_all(messages)
    return pusher


async def flood_rooms(url: str, count: int, messages: Callable[[int], Iterable[bytes]]) -> Pusher:
    """Send messages to as many new rooms, or up to the first that is refused."""
    pushers, code = [], None
    for number in range(count):
        try:
            pushers.append(await flood(url, messages(number)))
        except Refused as refused:
            code = refused.code
        except Ended:  # a room is made, and then there is no memory to open it
            code = "unavailable"
        else:
            code = pushers[-1].code
        if code is not None:
            break
    return Pusher.together(pushers, code)


BEGIN = json.dumps({"type": "get", "key": "k", "epoch": None}).encode()  # a recovery window
DELETE = {"type": "delete"}
# Four bytes a character in memory, for the sake of the first.
WIDE = "\N{GRINNING FACE}" + "k" * 1000


def presence(key: str, value: object) -> bytes:
    """A client is there."""
    return json.dumps({"type": "presence", "key": key, "value": value}).encode()


def delete(key: str) -> bytes:
    """A deletion."""
    return json.dumps({"type": "push", "key": key, "action": DELETE}).encode()


async def zeros(url: str) -> Pusher:
    """Values of one byte, 4,096 in a message of 8 KB: objects, not bytes."""
    messages = [many(f"k{number}", [0] * 4096) for number in range(4)]
    return await flood(url, (messages[number % 4] for number in range(900)))


async def single_values(url: str) -> Pusher:
    """Values of one byte, each in a message of its own."""
    return await flood(url, [push("k", 0)] * 400_000)


async def rooms(url: str) -> Pusher:
    """Many rooms, each with a recovery window and something in it."""
    messages = [BEGIN, many("k", ["x" * 50] * 1000)]
    return await flood_rooms(url, 300, lambda number: messages)


async def walk(url: str) -> Pusher:
    """Fill rooms that are kept in a file, then come back to one after the other and stay."""
    message = push("k", "x" * (MIB - 200))
    names = []
    for _ in range(30):
        names.append(await new_room(url))
        pusher = await Pusher.open(names[-1])
        await pusher.send_all([message] * 5)
        pusher.close()
        await asyncio.sleep(0.1)
    pushers, code = [], None
    for name in names:
        try:
            pushers.append(await Pusher.open(name))
        except Ended:
            code = "unavailable"
    return Pusher.together(pushers, code)


async def empty_rooms(url: str) -> Pusher:
    """Many rooms that are open for a moment, and hold next to nothing."""
    return await flood_rooms(url, 500, lambda number: [])


async def pinned(url: str) -> Pusher:
    """Values of one byte in messages of 1 MiB, of which no view may be kept."""
    return await flood(url, [push("k", 0, ignored="x" * (MIB - 100))] * 200)


async def pinned_relays(url: str) -> Pusher:
    """The same with relays, which the recovery window keeps."""
    return await flood(url, [BEGIN, *[push("k", 0, RELAY, ignored="x" * (MIB - 100))] * 200])


async def pinned_presences(url: str) -> Pusher:
    """The same with presences."""
    message = presence("k", 0)[:-1] + b',"ignored":"' + b"x" * (MIB - 100) + b'"}'
    names = (b'"key":"%d"' % number for number in range(200))
    return await flood(url, (message.replace(b'"key": "k"', name) for name in names))


async def presences(url: str) -> Pusher:
    """Presences of 1 MB under many keys, in many rooms."""
    value = "x" * (MIB - 200)
    return await flood_rooms(url, 10, lambda _: (presence(f"{n}", value) for n in range(15)))


async def small_presences(url: str) -> Pusher:
    """Presences of one byte, as many as there may be."""
    return await flood_rooms(url, 12, lambda _: (presence(f"{n}", 1) for n in range(10_000)))


async def byte_strings(url: str) -> Pusher:
    """CBOR byte strings with a reader of JSON, for which each is four times as long."""
    room = await new_room(url)
    reader = await Pusher.open(room)
    await reader.send_all([json.dumps({"type": "get", "key": "k"}).encode()])
    pusher = await Pusher.open(room, cbor=True)
    message = {"type": "push", "key": "k", "value": b"\xff" * (200 * KIB), "action": APPEND}
    await pusher.send_all([cbor2.dumps(message)] * 100)
    await reader.send_all([json.dumps({"type": "get", "key": "k", "limit": 10}).encode()])
    return pusher


async def long_keys(url: str) -> Pusher:
    """Keys of 1 KiB, of characters that take four times that in memory."""
    return await flood_rooms(url, 5, lambda _: (push(f"{WIDE}{n}", 0) for n in range(9_900)))


async def relayed_keys(url: str) -> Pusher:
    """Relays under long keys, which the recovery windows remember."""
    return await flood_rooms(
        url, 8, lambda _: [BEGIN, *(push(f"{WIDE}{n}", 0, RELAY) for n in range(4_000))]
    )


async def deletions(url: str) -> Pusher:
    """Deletions of keys that hold nothing, which the recovery windows remember."""
    return await flood_rooms(
        url, 8, lambda _: [BEGIN, *(delete(f"{WIDE}{n}") for n in range(4_000))]
    )


async def meta(url: str) -> Pusher:
    """What keys are meant to be, 100 KB for each."""
    value = {"kind": "state", "label": "x" * 100 * KIB}
    return await flood(url, (push(f"$meta/{n}", value, REPLACE) for n in range(2_000)))


async def churn(url: str) -> Pusher:
    """Fill a stream and delete it, again and again: what is freed must be there again."""
    fill = [many("k", [0] * 4096)] * 25
    return await flood(url, [*fill, delete("k")] * 8)


async def middling(url: str) -> Pusher:
    """Values of 2 KB and a deletion: what the allocator doesn't give back by itself."""
    fill = [push("k", "x" * 2000)] * 30_000
    return await flood(url, [*fill, delete("k")])


async def anonymous(url: str) -> Pusher:
    """Each value by another author, known by nothing but this request."""
    room = await new_room(url)
    message = push("k", 0, REPLACE).decode()
    for _ in range(2_000):
        await fetch(f"{room}/send", method="POST", body=message)
    return await Pusher.open(room)


async def denials(url: str) -> Pusher:
    """What a policy denies, under long keys, and credentials that are none."""
    made = (await fetch(f"{url}new?admin=true", method="POST")).json
    room, owner = f"{url}room/{made['room']}", {"Authorization": f"Bearer {made['admin']}"}
    policy = '{"anyone":{"can":"read","prefixes":["open/"]}}'
    await fetch(f"{room}/access", method="PUT", body=policy, headers=owner)
    pusher = await Pusher.open(room)
    for turn in range(20):
        for number in range(500):
            key = f"{WIDE}{number}"
            said: list[dict[str, object]] = [
                {"type": "get", "key": key, "epoch": None},
                {"type": "can", "key": key},
                {"type": "presence", "key": key, "value": 1},
                {"type": "renew", "token": f"a.b.{key}"},
                {"type": "renew", "ticket": key},
                {"type": "unsubscribe", "key": f"{WIDE}{number - 250}"},
            ]
            pusher.code = None
            await pusher.send_all([push(key, turn), *(json.dumps(each).encode() for each in said)])
    return pusher


async def producers(url: str) -> Pusher:
    """Clients that push ids with gaps and come no more."""
    room = await new_room(url)
    for _ in range(60):
        pusher = await Pusher.open(room, f"client={secrets.token_urlsafe(24)}")
        await pusher.send_all(push("k", 0, RELAY, id=2 * number + 1) for number in range(2_040))
        pusher.close()
    return await Pusher.open(room)


class Deaf:
    """Connections that say something and read no answer; each stays open."""

    part = 1

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port, self.path = parts.netloc, parts.port, parts.path
        self._tls = trusting() if parts.scheme == "https" else None
        self._threads = ThreadPoolExecutor(_AT_ONCE)
        self._ends: list[socket.socket] = []

    def request(self, method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
        """The head of a request, and what has come of its body."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", *headers, "", ""]
        return "\r\n".join(lines).encode() + body

    def handshake(self, room_url: str, query: str = "") -> bytes:
        """The request for a socket to a room."""
        return self.request(
            "GET",
            f"{urlsplit(room_url).path}/connect?{query}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )

    def say(self, said: bytes) -> None:
        """Open one, and say something for as long as it is heard."""
        end = socket.socket()
        end.settimeout(5)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with suppress(OSError):
            end.connect(("127.0.0.1", self.port))
            if self._tls is not None:
                end = self._tls.wrap_socket(end)
        self._ends.append(end)
        with suppress(OSError):
            end.sendall(said)

    def leave(self) -> None:
        """End all connections."""
        for end in self._ends:
            end.close()
        self._ends.clear()

    async def say_all(self, count: int, said: Callable[[int], bytes]) -> Pusher:
        """Open as many, some at a time."""
        loop, count = asyncio.get_running_loop(), count // self.part

        def say(number: int) -> None:
            self.say(said(number))

        await asyncio.gather(*(loop.run_in_executor(self._threads, say, n) for n in range(count)))
        pusher = Pusher(None)
        pusher.pushed, pusher.deaf = count, self
        return pusher


_AT_ONCE = 50


def raise_descriptors() -> None:
    """Have as many sockets as the system allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def long_stream(url: str) -> str:
    """The URL of a room with 30 MB under a key."""
    room = await new_room(url)
    filler = await Pusher.open(room)
    await filler.send_all([push("long", "x" * 600_000)] * 50)
    await filler.end()
    return room


GET_LONG = b'{"type":"get","key":"long","seq":0}'


async def unread_requests(url: str) -> Pusher:
    """Ask for a long stream by requests, and read nothing."""
    room, deaf = await long_stream(url), Deaf(url)
    length = f"Content-Length: {len(GET_LONG)}"
    said = deaf.request("POST", f"{urlsplit(room).path}/send", length, body=GET_LONG)
    return await deaf.say_all(2_000, lambda _: said)


async def unread_sockets(url: str) -> Pusher:
    """Ask for it over sockets."""
    room, deaf = await long_stream(url), Deaf(url)
    said = deaf.handshake(room) + masked(TEXT, GET_LONG)
    return await deaf.say_all(2_000, lambda _: said)


async def unread_watchers(url: str) -> Pusher:
    """Ask to be shown all that happens."""
    room, deaf = await long_stream(url), Deaf(url)
    return await deaf.say_all(2_000, lambda _: deaf.handshake(room, "debug=true"))


async def unread_files(url: str) -> Pusher:
    """Ask for a file of a page, many times on each connection."""
    deaf = Deaf(url)
    said = deaf.request("GET", f"{deaf.path}driftdb.js") * 20
    return await deaf.say_all(2_000, lambda _: said)


async def idle_sockets(url: str) -> Pusher:
    """Connect, and do nothing."""
    room, deaf = await new_room(url), Deaf(url)
    return await deaf.say_all(3_000, lambda _: deaf.handshake(room))


async def heads(url: str) -> Pusher:
    """Requests whose head doesn't end."""
    deaf = Deaf(url)
    said = deaf.request("GET", "/", "Cookie: " + "x" * 11_000)[:-4]
    return await deaf.say_all(3_000, lambda _: said)


async def bodies(url: str) -> Pusher:
    """Bodies that lack the last byte."""
    room, deaf = await new_room(url), Deaf(url)
    path, length = f"{urlsplit(room).path}/send", f"Content-Length: {2 * MIB}"
    said = deaf.request("POST", path, length, body=b"x" * (2 * MIB - 1))
    return await deaf.say_all(300, lambda _: said)


async def incomplete(url: str) -> Pusher:
    """Messages that lack the last byte."""
    room, deaf = await new_room(url), Deaf(url)
    said = deaf.handshake(room) + masked(TEXT, b"x" * (2 * MIB))[:-1]
    return await deaf.say_all(300, lambda _: said)


async def fragments(url: str) -> Pusher:
    """Messages in fragments of one byte, of which the last one lacks."""
    room, deaf = await new_room(url), Deaf(url)
    first = masked(TEXT, b"x")
    begun = bytes([first[0] & 0x7F]) + first[1:]
    more = masked(0, b"x")
    said = deaf.handshake(room) + begun + (bytes([more[0] & 0x7F]) + more[1:]) * 100_000
    return await deaf.say_all(100, lambda _: said)


async def subscriptions(url: str) -> Pusher:
    """Subscribe to keys of 1 KB, as many as there may be."""
    room, deaf = await new_room(url), Deaf(url)

    def said(number: int) -> bytes:
        wishes = (
            json.dumps({"type": "get", "key": f"{WIDE}{number} {n}", "seq": None}).encode()
            for n in range(2_000)
        )
        return deaf.handshake(room) + b"".join(masked(TEXT, wish) for wish in wishes)

    return await deaf.say_all(100, said)


async def addresses(url: str) -> Pusher:
    """Come from many addresses, by what a proxy says."""
    deaf = Deaf(url)

    def said(number: int) -> bytes:
        return b"".join(
            deaf.request("GET", "/none", f"X-Forwarded-For: 10.{number}.{n >> 8}.{n & 255}")
            for n in range(500)
        )

    return await deaf.say_all(130, said)


async def names(url: str) -> Pusher:
    """Ask for rooms that aren't there, by long names, for the sake of the log."""
    deaf = Deaf(url)

    def said(number: int) -> bytes:
        return b"".join(
            deaf.request("GET", f"/room/{number}-{n}-{'%F0%9F%98%80' * 500}") for n in range(100)
        )

    return await deaf.say_all(150, said)


async def leavers(url: str) -> Pusher:
    """Clients with a presence of 5 KB each that leave, and are still shown."""
    room, deaf = await new_room(url), Deaf(url)

    def said(number: int) -> bytes:
        there = {"type": "presence", "key": "k", "value": "x" * 5_000}
        secret = f"client={number:020}"
        return deaf.handshake(room, secret) + masked(TEXT, json.dumps(there).encode())

    for _ in range(3):
        pusher = await deaf.say_all(1_500, said)
        deaf.leave()
    return pusher


KINDS: dict[str, Callable[[str], Awaitable[Pusher]]] = {
    kind.__name__: kind
    for kind in (
        *(zeros, single_values, rooms, walk, empty_rooms, pinned, pinned_relays, pinned_presences),
        *(presences, small_presences, byte_strings, long_keys, relayed_keys, deletions, meta),
        *(churn, middling, anonymous, denials, producers),
        *(unread_requests, unread_sockets, unread_watchers, unread_files, idle_sockets, heads),
        *(bodies, incomplete, fragments, subscriptions, addresses, names, leavers),
    )
}


async def main(kind: str, url: str, part: str) -> None:
    """Attack, and stay."""
    raise_descriptors()
    Deaf.part = int(part)
    pusher = await KINDS[kind](url)
    print(json.dumps({"code": pusher.code, "pushed": pusher.pushed}), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
