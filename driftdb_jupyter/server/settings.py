"""The settings that both servers share, ``c.DriftDB.… = …`` in either's configuration file."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any, Literal, TypedDict

from traitlets import Bool, Enum, Float, Int, List, TraitError, Unicode, default, validate
from traitlets.config import Configurable

from ..access.read_policies import read_policies
from ..broker.broker import Broker
from ..broker.durability import Durability, open_broker
from ..protocol.limits import Limits
from ..rooms.memory_budget import MemoryBudget
from ..rooms.presence import PresenceLimits
from ..rooms.quota import Quota
from ..rooms.window import WindowLimits
from .machine_memory import machine_memory_bytes

__all__ = ["BrokerOptions", "DriftDB"]

_DEFAULT = Limits()
_QUOTA = Quota()
_WINDOW = WindowLimits()
_PRESENCE = PresenceLimits()
_ROOT_URL = re.compile(r"https?://[A-Za-z0-9_.:\[\]-]+(?:/[A-Za-z0-9_.~@%+-]+)*/?")
_SITE = re.compile(r"'(?:none|self)'|[A-Za-z0-9_.:/*\[\]~%@+-]+")  # no ; begins another directive
_DAY_SECONDS = 24 * 60 * 60.0
_KEPT_SECONDS = 30 * _DAY_SECONDS


class BrokerOptions(TypedDict):
    """What the settings say of the broker, wherever its rooms are."""

    room_limit: int
    producer_limit: int
    quota: Quota
    window_limits: WindowLimits
    memory: MemoryBudget


class DriftDB(Configurable):
    """The settings of a server's rooms."""

    message_limit_bytes = Int(
        _DEFAULT.message_bytes,
        min=1024,
        config=True,
        help="The longest message that is taken, in bytes. A little over it a message is answered "
        "with the error too_large, at twice the limit the connection is closed with 1009.",
    )
    key_limit_bytes = Int(
        _DEFAULT.key_bytes,
        min=1,
        config=True,
        help="The longest key that is taken, in bytes of UTF-8.",
    )
    nesting_limit = Int(
        _DEFAULT.nesting,
        min=1,
        max=500,
        config=True,
        help="How deep arrays and objects may be nested in a value, in levels.",
    )
    values_limit = Int(
        _DEFAULT.values, min=1, config=True, help="How many values a single push may carry."
    )
    items_limit = Int(
        _DEFAULT.items,
        min=100,
        config=True,
        help="How many values and names a message may hold, at any depth; more is refused with "
        "too_large.",
    )
    containers_limit = Int(
        _DEFAULT.containers,
        min=100,
        config=True,
        help="How many of them may be arrays, objects, byte strings and tags, which take ten times "
        "as long to check and to convert as a number. A tag counts as two.",
    )
    durability: Durability = Enum(  # type: ignore[assignment]
        ("memory", "batched", "synced"),
        "batched",
        config=True,
        help="What an acknowledged push survives, where there is a journal. memory: nothing, rooms "
        "end with the server. batched: the death of the server's process. synced: a crash of the "
        "machine, too; broadcasts then wait for the disk.",
    )
    commit_interval_seconds = Float(
        0.01,
        min=0.0,
        config=True,
        help="The least time from one commit to the journal to the next while much is written, in "
        "seconds (batched).",
    )
    memory_limit_bytes = Int(
        0,
        min=0,
        config=True,
        help="How much memory everything that the server holds for its peers may take, in bytes, "
        "by its own account: values with what their objects cost, presences, what waits to be "
        "sent. What would pass it is refused with the error quota. 0: a quarter of the machine's "
        "or container's memory.",
    )
    redis = Unicode(
        "",
        config=True,
        help="The Redis in which rooms are kept, and by which any number of servers share them: "
        "redis://USER@HOST:PORT/DB, rediss:// with TLS, or unix:///PATH; where Sentinels know the "
        "primary, redis+sentinel://USER@HOST:PORT,HOST:PORT/NAME/DB or rediss+sentinel://. Empty: "
        "none.",
    )
    redis_password_file = Unicode(
        "",
        config=True,
        help="A file with the password of that Redis, readable by its owner alone; or put the "
        "password into the environment variable DRIFTDB_REDIS_PASSWORD.",
    )
    redis_sentinel_password_file = Unicode(
        "",
        config=True,
        help="A file with the password of the Sentinels, where they have one, as of that Redis; or "
        "put it into the environment variable DRIFTDB_REDIS_SENTINEL_PASSWORD.",
    )
    redis_prefix = Unicode(
        "driftdb:",
        config=True,
        help="What all keys and channels in Redis begin with: servers with the same prefix share "
        "their rooms. Under Jupyter the default has the user's name and what stands for the root "
        "folder: driftdb-jupyter:USER:FOLDER:.",
    )
    redis_timeout_seconds = Float(
        5.0,
        min=0.1,
        config=True,
        help="How long Redis may take to answer, in seconds, before another connection is tried.",
    )
    room_limit = Int(100_000, min=1, config=True, help="How many rooms there may be at once.")
    disk_limit_bytes = Int(
        0,
        min=0,
        config=True,
        help="How much of the disk all rooms together may take, in bytes, as far as the journal's "
        "file is in use. Past it no room is made and nothing is added to one (error quota); "
        "deleting makes space. 0: what they take when the server starts, and half of what is free "
        "on that disk then.",
    )
    room_limit_bytes = Int(
        _QUOTA.room_bytes,
        min=1024,
        config=True,
        help="How much the values that a room keeps may take, in bytes. A push that would pass it "
        "is refused with the error quota, as with the next three.",
    )
    room_keys_limit = Int(
        _QUOTA.keys, min=1, config=True, help="How many keys of a room may hold something."
    )
    stream_length_limit = Int(
        _QUOTA.stream_length,
        min=1,
        config=True,
        help="How many values the stream of a key may hold.",
    )
    stream_limit_bytes = Int(
        _QUOTA.stream_bytes,
        min=1024,
        config=True,
        help="How much the values in the stream of a key may take, in bytes.",
    )
    access_limit_bytes = Int(
        _QUOTA.access_bytes,
        min=1024,
        config=True,
        help="How much a room may keep about who may do what, in bytes: its policy, and the records"
        " of links and tokens. A change that would pass it is refused with the error quota.",
    )
    policy_cache_limit_bytes = Int(
        read_policies.limit_bytes,
        min=0,
        config=True,
        help="How much memory the policies may take that were read lately, for rooms that aren't"
        " open, in bytes; beside memory_limit_bytes. One that takes more than half of that is read"
        " again for each request.",
    )
    room_retention_seconds = Float(
        _DAY_SECONDS,
        min=0.0,
        config=True,
        help="How long a room is kept that nobody uses, in seconds. 0: for ever. Under Jupyter, "
        "and with --data or --redis, the default is 30 days.",
    )
    room_idle_seconds = Float(
        60.0,
        min=0.0,
        config=True,
        help="How long a room that is kept elsewhere stays in memory without connections, in "
        "seconds.",
    )
    recovery_window_count = Int(
        _WINDOW.count,
        min=0,
        config=True,
        help="How many of a room's newest pushes are remembered for clients that come back.",
    )
    recovery_window_bytes = Int(
        _WINDOW.cost_bytes,
        min=0,
        config=True,
        help="How much memory those pushes may take in a room, in bytes.",
    )
    recovery_window_seconds = Float(
        _WINDOW.seconds,
        min=0.0,
        config=True,
        help="How long those pushes are remembered, in seconds.",
    )
    presence_limit = Int(
        _PRESENCE.count, min=0, config=True, help="How many presences may be set in a room."
    )
    presence_limit_bytes = Int(
        _PRESENCE.cost_bytes,
        min=0,
        config=True,
        help="How much memory the presences in a room may take, in bytes.",
    )
    presence_grace_seconds = Float(
        10.0,
        min=0.0,
        config=True,
        help="How long a client is still shown that has lost its connection, in seconds, so that "
        "a client that reconnects at once is never shown as gone.",
    )
    peer_limit = Int(
        10_000,
        min=1,
        config=True,
        help="How many connections there may be at once. One more is refused with status 429.",
    )
    address_peer_limit = Int(
        5_000,
        min=1,
        config=True,
        help="How many of these connections may come from one address. Behind a proxy all do, "
        "unless it is one of trusted_proxies.",
    )
    person_peer_limit = Int(
        1_000,
        min=1,
        config=True,
        help="How many of these connections one person may have, wherever they come from: somebody "
        "whom a credential names, a user of Jupyter or the hub or the subject of a token. Guests "
        "and kernels are nobody in that sense.",
    )
    subscription_limit = Int(
        10_000,
        min=1,
        config=True,
        help="How many keys a connection may be subscribed to, and to the descriptions of how "
        "many.",
    )
    rate_limit_per_second = Float(
        0.0,
        min=0.0,
        config=True,
        help="How many messages a second a connection may send in the long run (over HTTP, an "
        "address). Over it a connection is read no further until it may send again, and a request "
        "is refused with the error rate. 0: any number.",
    )
    rate_limit_burst = Int(
        100,
        min=1,
        config=True,
        help="How many messages may come at once before that limit holds.",
    )
    malformed_limit_per_second = Float(
        500.0,
        min=0.0,
        config=True,
        help="How many malformed messages a second, of all connections together, are refused in "
        "the long run. Whoever sends one more is read no further until it is its turn, so that the "
        "others are not delayed. 0: any number.",
    )
    address_rate_limit_per_second = Float(
        0.0,
        min=0.0,
        config=True,
        help="How many messages a second all connections of one address may send together in the "
        "long run. Over it they are read no further until they may send again. 0: any number.",
    )
    address_rate_limit_burst = Int(
        1_000,
        min=1,
        config=True,
        help="How many messages may come at once before that limit holds.",
    )
    access_change_limit_per_second = Float(
        1.0,
        min=0.0,
        config=True,
        help="How often a second the policy of one room may be set over HTTP in the long run: all "
        "who are in the room are told. Once more is refused with status 429. 0: any number.",
    )
    access_change_limit_burst = Int(
        10,
        min=1,
        config=True,
        help="How often it may be set at once before that limit holds.",
    )
    link_people_limit = Int(
        1_000,
        min=1,
        config=True,
        help="How many people, each of them one browser, may come in by one share link at most. A "
        "link may say less.",
    )
    link_peer_limit = Int(
        2_000,
        min=1,
        config=True,
        help="How many connections all people who came in by one share link may have together.",
    )
    link_rate_limit_per_second = Float(
        5_000.0,
        min=0.0,
        config=True,
        help="How many messages a second they may send together in the long run. Over it their "
        "connections are read no further until they may send again. 0: any number.",
    )
    link_rate_limit_burst = Int(
        20_000,
        min=1,
        config=True,
        help="How many messages of theirs may come at once before that limit holds.",
    )
    request_limit_per_second = Float(
        500.0,
        min=0.0,
        config=True,
        help="How many requests a second one address may make in the long run: for pages and their "
        "files, over HTTP, and to open connections. One more is refused with status 429 before its "
        "body is read. 0: any number.",
    )
    request_limit_burst = Int(
        20_000,
        min=1,
        config=True,
        help="How many requests may come at once before that limit holds.",
    )
    person_rate_limit_per_second = Float(
        0.0,
        min=0.0,
        config=True,
        help="How many messages one person may send in the long run, over all their connections "
        "and requests together (see person_peer_limit). Over it their connections are read no "
        "further until they may send again, and a request is refused with the error rate. 0: any "
        "number.",
    )
    person_rate_limit_burst = Int(
        1_000,
        min=1,
        config=True,
        help="How many messages of one person may come at once before that limit holds.",
    )
    address_room_limit = Int(
        25_000,
        min=1,
        config=True,
        help="How many rooms one address may make at once. As many again may be made in the time "
        "that unused rooms are kept, so that no address can use room_limit up.",
    )
    body_timeout_seconds = Float(
        30.0,
        min=0.1,
        config=True,
        help="How long the body of a request may take to come, in seconds.",
    )
    outbox_limit_bytes = Int(
        16 * 1024 * 1024,
        min=4 * 1024 * 1024,
        config=True,
        help="How many bytes may wait for a peer that reads too slowly before it is closed with "
        "4408 and has to come back.",
    )
    incomplete_limit_bytes = Int(
        64 * 1024 * 1024,
        min=1024 * 1024,
        config=True,
        help="How much may be held of all messages whose end has not come yet, of connections and "
        "in bodies of requests, in bytes; at least one message. Over it the connection whose "
        "message began first is closed with 1013.",
    )
    backlog_limit_bytes = Int(
        64 * 1024 * 1024,
        min=1024 * 1024,
        config=True,
        help="How many bytes may wait to be sent to all peers together, what goes to many of them "
        "once; and what answers that wait keep alive. Past it the peers that take the least are "
        "closed.",
    )
    subscription_limit_bytes = Int(
        64 * 1024 * 1024,
        min=1024 * 1024,
        config=True,
        help="How much memory the subscriptions of all connections may take together, in bytes: "
        "some 400 and the key for each, and once for each key that anybody in a room is subscribed "
        "to 1200 and twice the key. A get that would pass it is refused with quota.",
    )
    read_minimum_bytes_per_second = Int(
        1024,
        min=0,
        config=True,
        help="How many bytes a second a peer has to take as long as something waits for it. One "
        "that keeps to that is never closed because an init takes long. 0: any number.",
    )
    read_grace_seconds = Float(
        90.0,
        min=1.0,
        config=True,
        help="How far a peer may lag behind that minimum before it is closed, in seconds: so long "
        "it may take nothing at all.",
    )
    debug_allowed = Bool(
        True,
        config=True,
        help="Whether a connection may ask with ?debug=true to be shown all that happens in a "
        "room; otherwise it is refused with status 403. By default it may on a standalone server, "
        "and not under Jupyter.",
    )
    unwritten_limit_count = Int(
        4096,
        min=1,
        config=True,
        help="How many pushes of a connection may wait for the journal before nothing more is read "
        "from it until it has caught up; and of all requests over HTTP together, before one more "
        "is refused with the error unavailable.",
    )
    unwritten_limit_bytes = Int(
        16 * 1024 * 1024,
        min=1,
        config=True,
        help="How much memory those pushes may take together, in bytes.",
    )
    stop_timeout_seconds = Float(
        30.0,
        min=0.1,
        config=True,
        help="How long the server may take to keep what is to be kept when it stops, in seconds; "
        "what isn't written by then is lost. A standalone server ends after twice that at the "
        "latest, whatever it waits for; the log says what that was.",
    )
    ping_interval_seconds = Float(
        30.0,
        min=0.0,
        config=True,
        help="How often a connection is asked for a sign of life, in seconds. One that gave none "
        "till the next time is closed. 0: never.",
    )
    credential_check_seconds = Float(
        30.0,
        min=0.0,
        config=True,
        help="How often is asked whether those who are connected may still be, in seconds: "
        "Jupyter's authorizer, and whoever gave the credential that they came in with. 0: never.",
    )
    authorizer_timeout_seconds = Float(
        10.0,
        min=0.1,
        config=True,
        help="How long Jupyter's authorizer and identity provider may take for an answer, in "
        "seconds. Without one the authorizer counts as saying no, and whoever the provider knew "
        "before may stay.",
    )
    token_keys_file = Unicode(
        "",
        config=True,
        help="A file with the keys that signed tokens are verified by: a JWK Set, a public key as "
        "PEM, or a secret as text. It is read again when it changes. One that holds secrets may be "
        "read by its owner alone. Empty: see token_keys_url.",
    )
    token_keys_url = Unicode(
        "",
        config=True,
        help="The URL (https) of a JWK Set with the public keys of whoever else signs tokens; needs"
        " token_audience. Empty: no such tokens are taken.",
    )
    token_audience = Unicode(
        "",
        config=True,
        help="What the claim aud of tokens has to name. Empty: tokens that have one are refused.",
    )
    token_issuer = Unicode(
        "",
        config=True,
        help="What the claim iss of tokens has to be. Empty: it isn't looked at.",
    )
    token_leeway_seconds = Float(
        10.0,
        min=0.0,
        config=True,
        help="How far the clock of whoever signs tokens may be apart from this one, in seconds.",
    )
    token_keys_refresh_seconds = Float(
        300.0,
        min=1.0,
        config=True,
        help="How long the keys of token_keys_url are used before they are asked for again, in "
        "seconds. Where they can't be had, they are used for twelve times as long.",
    )
    token_keys_timeout_seconds = Float(
        5.0, min=0.1, config=True, help="How long that URL may take to answer, in seconds."
    )
    token_keys_limit_bytes = Int(
        64 * 1024,
        min=1024,
        config=True,
        help="How long what it answers, or the file, may be, in bytes.",
    )
    ticket_lifetime_seconds = Float(
        30.0,
        min=1.0,
        config=True,
        help="How long a ticket is good for one socket or page, in seconds.",
    )
    ticket_limit = Int(
        20_000,
        min=1,
        config=True,
        help="How many tickets may be out that nobody has used. One more is refused with status "
        "429.",
    )
    address_ticket_limit = Int(
        2_000,
        min=1,
        config=True,
        help="How many tickets one address may have out that nobody has used. One more is refused "
        "with status 429.",
    )
    expiry_notice_seconds = Float(
        30.0,
        min=0.0,
        config=True,
        help="How long before a credential ends a connection is told that asked for it, in seconds;"
        " at most half of the time that is left.",
    )
    producer_limit = Int(
        10_000,
        min=1,
        config=True,
        help="How many clients a room remembers the pushes of. Of more, it forgets first those "
        "that have been gone for longest, and never those that are connected.",
    )
    producer_retention_seconds = Float(
        _DAY_SECONDS,
        min=0.0,
        config=True,
        help="How long the pushes of a client that left are remembered, in seconds, so that one "
        "which is sent again is not applied twice.",
    )
    compression = Bool(
        False,
        config=True,
        help="Compress messages (permessage-deflate) for clients that offer it. Saves bandwidth, "
        "and costs most of the server's speed, and 0.3 MB for each connection that uses it.",
    )

    audit_log = Unicode(
        "",
        config=True,
        help="The file of the audit log: a JSON object a line for each room that is made, each "
        "change of who may do what, and all that is forbidden. Empty: there is none.",
    )
    public_url = Unicode(
        "",
        config=True,
        help="The URL of the rooms' root as others have it, where a proxy or a tunnel stands "
        "before the server: https://school.example/rooms/. Links, codes and the URLs in answers "
        "begin with it. Empty: as the request has it. Under a JupyterHub that tells it, by default "
        "the hub's.",
    )
    trusted_proxies = List(
        Unicode(),
        config=True,
        help="The reverse proxies, as addresses or networks (10.0.0.0/8), whose word is believed "
        "on who asks, by which scheme, host and path. What others say of that is not.",
    )
    forwarded_headers: Literal["X-Forwarded", "Forwarded"] = Enum(  # type: ignore[assignment]
        ("X-Forwarded", "Forwarded"),
        "X-Forwarded",
        config=True,
        help="In which headers they say so: X-Forwarded-For, -Proto, -Host and -Prefix, or "
        "Forwarded (RFC 7239). The others they may pass on as a client has written them.",
    )
    frame_ancestors = Unicode(
        "'self'",
        config=True,
        help="Which sites may show a room's page in a frame, as Content-Security-Policy's "
        "frame-ancestors has them: 'none', 'self', https://school.example …",
    )

    def broker(self, path: str | None, *, allow_memory: bool = True) -> Broker:
        """Return the broker for these settings; ``path`` is the journal's file, ``None`` for none.

        ``allow_memory``: whether rooms may be in memory where the journal can't be used; else
        :class:`~..broker.journal.JournalUnusable` is raised.
        """
        return open_broker(
            path,
            durability=self.durability,
            commit_interval_seconds=self.commit_interval_seconds,
            disk_limit_bytes=self.disk_limit_bytes,
            allow_memory=allow_memory,
            **self.broker_options(),
        )

    def broker_options(self) -> BrokerOptions:
        """Return what a broker of any kind is made with; its memory budget is a new one."""
        return BrokerOptions(
            room_limit=self.room_limit,
            producer_limit=self.producer_limit,
            quota=self.quota,
            window_limits=self.window_limits,
            memory=self.new_memory_budget(),
        )

    def new_memory_budget(self) -> MemoryBudget:
        """Return the memory budget of a server with these settings: its broker has it."""
        return MemoryBudget(self.memory_limit_bytes or machine_memory_bytes() // 4)

    @property
    def limits(self) -> Limits:
        """The bounds of a single message."""
        return Limits(
            message_bytes=self.message_limit_bytes,
            key_bytes=self.key_limit_bytes,
            nesting=self.nesting_limit,
            values=self.values_limit,
            items=self.items_limit,
            containers=self.containers_limit,
        )

    @property
    def quota(self) -> Quota:
        """The bounds of a room."""
        return Quota(
            keys=self.room_keys_limit,
            stream_length=self.stream_length_limit,
            stream_bytes=self.stream_limit_bytes,
            room_bytes=self.room_limit_bytes,
            access_bytes=self.access_limit_bytes,
        )

    @property
    def window_limits(self) -> WindowLimits:
        """The bounds of a room's recovery window."""
        return WindowLimits(
            count=self.recovery_window_count,
            cost_bytes=self.recovery_window_bytes,
            seconds=self.recovery_window_seconds,
        )

    @property
    def presence_limits(self) -> PresenceLimits:
        """The bounds of the presences in a room."""
        return PresenceLimits(count=self.presence_limit, cost_bytes=self.presence_limit_bytes)

    @validate("frame_ancestors")
    def _sites(self, proposal: Any) -> str:
        sites: str = proposal["value"].strip()
        if not sites or not all(map(_SITE.fullmatch, sites.split())):
            raise TraitError(
                "expected frame_ancestors as 'none', 'self' or sites as https://school.example,"
                f" with spaces between them, got {sites!r}"
            )
        return " ".join(sites.split())

    @validate("public_url")
    def _url_of_a_root(self, proposal: Any) -> str:
        url: str = proposal["value"].strip()
        if url and not _ROOT_URL.fullmatch(url):
            raise TraitError(f"expected the URL of public_url as https://HOST/PATH/, got {url!r}")
        return url if url.endswith("/") or not url else url + "/"

    @validate("trusted_proxies")
    def _networks(self, proposal: Any) -> list[str]:
        try:
            return [str(ip_network(entry.strip(), strict=False)) for entry in proposal["value"]]
        except ValueError as error:
            raise TraitError(
                f"expected addresses or networks (10.0.0.0/8) in trusted_proxies: {error}"
            ) from None

    @default("public_url")
    def _public_url_of_this_server(self) -> str:
        url: str = getattr(self.parent, "default_public_url", "")
        return url

    @default("redis_prefix")
    def _redis_prefix_of_this_server(self) -> str:
        prefix: str = getattr(self.parent, "default_redis_prefix", "driftdb:")
        return prefix

    @default("debug_allowed")
    def _debug_allowed_on_this_server(self) -> bool:
        return getattr(self.parent, "default_debug_allowed", True)

    @default("room_retention_seconds")
    def _room_retention_of_this_server(self) -> Any:
        if self.redis:
            return _KEPT_SECONDS
        return getattr(self.parent, "default_room_retention_seconds", _DAY_SECONDS)
