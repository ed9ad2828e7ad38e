"""Which pages and host names a server answers.

A browser lets a page of any website ask any server that the browser's machine reaches, one that
listens on this machine alone among them. It says of which website the page is (``Origin``), so that
the server can refuse. A website whose own name leads to this server all at once (DNS rebinding) is
of the same origin to a browser, so the name that a request is made to (``Host``) is looked at, too.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

from ...protocol.errors import Forbidden
from .address import is_loopback

__all__ = [
    "ForeignHost",
    "ForeignOrigin",
    "Gate",
    "check_host_rule",
    "check_origin_rule",
    "own_names",
]

_HOST_RULE = re.compile(r"\*|(?:\*\.)?[a-z0-9_.-]+|\[[0-9a-f:.]+\]")
_ORIGIN_RULE = re.compile(
    rf"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>{_HOST_RULE.pattern})(?::(?P<port>\d+|\*))?"
)
# What may stand in a message, as it came.
_ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]*://[a-z0-9_.:\[\]-]{1,255}")
_NAME = re.compile(r"[a-z0-9_.:\[\]-]{1,255}")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class ForeignOrigin(Forbidden):
    """A page of another website asks, one that the settings don't allow."""

    http_reason = "Origin not allowed"


class ForeignHost(Forbidden):
    """A request is made to a name that is none of the server's."""

    http_reason = "Host name not allowed"


def own_names() -> list[str]:
    """Return the names that this machine has in its network, as rules for host names."""
    name = socket.gethostname().lower()
    names = (name, name.split(".")[0] + ".local")
    return [name for name in names if _HOST_RULE.fullmatch(name)]


def check_host_rule(rule: str) -> str:
    """Return a rule for host names in lower case.

    It is a name, ``*.`` and a name for all below it, or ``*`` for any. Raises :class:`ValueError`.
    """
    rule = rule.strip().lower()
    if not _HOST_RULE.fullmatch(rule):
        raise ValueError(f"expected a host name without a port, *.NAME or *, got {rule!r}")
    return rule


def check_origin_rule(rule: str) -> str:
    """Return a rule for origins in lower case.

    It is an origin (``https://school.example``), whose host may be a rule for host names and whose
    port may be ``*``; ``null`` for files and sandboxed frames; or ``*`` for any. Raises
    :class:`ValueError`.
    """
    rule = rule.strip().lower().rstrip("/")
    if rule not in ("*", "null") and not _ORIGIN_RULE.fullmatch(rule):
        raise ValueError(f"expected an origin as https://school.example, null or *, got {rule!r}")
    return rule


class Gate:
    """Lets in the requests of programs, of the server's own pages and of those that are allowed.

    ``hosts`` and ``origins``: what is allowed beside that (:func:`check_host_rule`,
    :func:`check_origin_rule`). ``public_url``: the root as others have it, empty if the same;
    its host and origin are allowed. Numeric addresses and the names of this machine for itself are
    answered always, because no website can have them.
    """

    def __init__(
        self, *, hosts: Iterable[str] = (), origins: Iterable[str] = (), public_url: str = ""
    ) -> None:
        public = urlsplit(public_url)
        if public.hostname:
            hosts = [*hosts, public.hostname]
            origins = [*origins, f"{public.scheme}://{public.netloc}".lower()]
        hosts = [check_host_rule(rule) for rule in hosts]
        origins = [check_origin_rule(rule) for rule in origins]
        self.all_origins = "*" in origins
        self._hosts = re.compile("|".join(map(_host_pattern, hosts)) or r"(?!)")
        self._origins = re.compile("|".join(map(_origin_pattern, origins)) or r"(?!)")

    def check_host(self, request: HTTPServerRequest) -> None:
        """Raise :class:`ForeignHost` if a request is made to a name that is none of the server's.

        Both count, the name in the request's head and what a trusted proxy says it was.
        """
        for host in {request.headers.get("Host", request.host), request.host}:
            name = _name_of(host.lower())
            if not (is_loopback(name) or _is_address(name) or self._hosts.fullmatch(name)):
                shown = name if _NAME.fullmatch(name) else "another name"
                raise ForeignHost(
                    f"this server isn't known as {shown}. Whoever runs it can allow that with"
                    f" --allow-host {shown if shown == name else 'NAME'}"
                    " (StandaloneServer.allow_host), or by its --public-url."
                )

    def check_origin(self, request: HTTPServerRequest) -> None:
        """Raise :class:`ForeignOrigin` if a page of a website asks that is not allowed."""
        origin = request.headers.get("Origin")
        if origin is None or self.all_origins:
            return
        origin = origin.lower()
        if _is_same(origin, request) or self._origins.fullmatch(_without_default_port(origin)):
            return
        known = _ORIGIN.fullmatch(origin) is not None
        raise ForeignOrigin(
            f"this server takes nothing from pages of {origin if known else 'another origin'}."
            " Whoever runs it can allow that with"
            f" --allow-origin {origin if known else 'ORIGIN'} (StandaloneServer.allow_origin)."
        )


def _is_same(origin: str, request: HTTPServerRequest) -> bool:
    """Return True if a page of that origin may be one of this server's, or of this machine's.

    A server that is asked by this machine's name for itself is asked from this machine, where a
    page of another port is another program's that could ask without a browser, too.
    """
    scheme, _, place = origin.partition("://")
    if scheme not in _DEFAULT_PORTS or (request.protocol == "https" and scheme == "http"):
        return False
    host = request.host.lower()
    if is_loopback(_name_of(host)) and is_loopback(_name_of(place)):
        return True
    default = f":{_DEFAULT_PORTS[scheme]}"
    return place.removesuffix(default) == host.removesuffix(default)


def _name_of(host: str) -> str:
    """Return a host without its port."""
    return re.sub(r":\d*$", "", host) if host.count(":") == 1 or "]" in host else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _without_default_port(origin: str) -> str:
    scheme = origin.partition("://")[0]
    return origin.removesuffix(f":{_DEFAULT_PORTS.get(scheme, '')}")


def _host_pattern(rule: str) -> str:
    if rule == "*":
        return r"(?:\[[^\]/]*\]|[^:/\[\]]+)"
    if rule.startswith("*."):
        return r"(?:[^:/\[\]]+\.)" + re.escape(rule[2:])
    return re.escape(rule)


def _origin_pattern(rule: str) -> str:
    if rule in ("*", "null"):
        return re.escape(rule)
    found = _ORIGIN_RULE.fullmatch(_without_default_port(rule))
    assert found is not None
    port = {None: "", "*": r"(?::\d+)?"}.get(found["port"], f":{found['port']}")
    return re.escape(found["scheme"] + "://") + _host_pattern(found["host"]) + port
