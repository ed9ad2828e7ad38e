"""What reverse proxies say of the requests that they pass on, as far as they are trusted.

Anybody can send such headers. Those that come from a trusted proxy's address are believed, and in a
list of addresses (each proxy adds the one that it was asked from) the right-most that is no trusted
proxy's: what stands left of it the client itself may have written.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

from tornado.httputil import HTTPServerRequest, split_host_and_port

from ..settings import DriftDB

__all__ = ["Proxies", "proxies_of"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_HOST = re.compile(r"[A-Za-z0-9_.:\[\]-]{1,255}")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_.~@%+-]+)*/?")
# RFC 7239, section 4: a parameter, and the parameters of one hop.
_PARAMETER = re.compile(r'\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*(?:;|$)')
_ELEMENT = re.compile(rf"(?:{_PARAMETER.pattern})*\s*")


class Proxies:
    """The reverse proxies that are believed.

    ``trusted``: their addresses or networks. ``standard``: whether they set ``Forwarded``
    (RFC 7239), and not ``X-Forwarded-For``, ``-Proto``, ``-Host`` and ``-Prefix``; what they don't
    set they may pass on as a client has written it, so it is never looked at.
    """

    def __init__(self, trusted: Iterable[str] = (), *, standard: bool = False) -> None:
        self._trusted = [ipaddress.ip_network(entry) for entry in trusted]
        self._standard = standard

    def apply(self, request: HTTPServerRequest) -> bool:
        """Make a request what the client has sent: its address, scheme, host and path's prefix.

        The last one becomes its attribute ``prefix``, a path with no slash at its end. Returns
        False where a proxy speaks that isn't trusted.
        """
        asked: Any = request
        asked.prefix = ""
        near = _peer(request) if self._trusted else None
        if near is None or not self._is_trusted(near):
            return ("Forwarded" if self._standard else "X-Forwarded-For") not in request.headers
        hops = self._hops(request)
        # The near proxy itself, and each before it that is trusted.
        position = len(hops)
        while position > 0:
            position -= 1
            address = _parse(hops[position].get("for", ""))
            if address is None:
                break
            near = address
            if not self._is_trusted(address):
                break
        request.remote_ip = str(near)
        hop = hops[position] if hops else {}
        scheme = _SCHEMES.get(hop.get("proto", "").lower())
        if scheme is not None:
            request.protocol = scheme
        host = hop.get("host", "")
        if _HOST.fullmatch(host):
            request.host = host
            request.host_name = split_host_and_port(host.lower())[0]
        prefix = hop.get("prefix", "")
        if _PREFIX.fullmatch(prefix):
            asked.prefix = prefix.rstrip("/")
        return True

    def include(self, address: str) -> bool:
        """Return True if an address is one of the proxies'."""
        parsed = _parse(address)
        return parsed is not None and self._is_trusted(parsed)

    def _is_trusted(self, address: _Address) -> bool:
        return any(address in network for network in self._trusted)

    def _hops(self, request: HTTPServerRequest) -> list[dict[str, str]]:
        """Return what each proxy says, the nearest last."""
        headers = request.headers
        if self._standard:
            return _elements(",".join(headers.get_list("Forwarded")))
        hops = [{"for": each} for each in _listed(headers.get_list("X-Forwarded-For"))]
        hops = hops or [{}]
        for name in ("proto", "host", "prefix"):
            values = _listed(headers.get_list(f"X-Forwarded-{name}"))
            # Each proxy adds one as with addresses, or the nearest has replaced what there was.
            for back, hop in enumerate(reversed(hops), 1):
                if values:
                    hop[name] = values[-min(back, len(values))]
        return hops


def proxies_of(settings: DriftDB) -> Proxies:
    """Return the proxies that the settings name."""
    standard = settings.forwarded_headers == "Forwarded"
    return Proxies(settings.trusted_proxies, standard=standard)


def _peer(request: HTTPServerRequest) -> _Address | None:
    """Return the address that the connection comes from, whatever Tornado believes."""
    context = getattr(request.connection, "context", None)
    address = getattr(context, "address", None)
    return _parse(str(address[0]) if isinstance(address, tuple) else request.remote_ip or "")


def _listed(lines: list[str]) -> list[str]:
    return [entry.strip() for entry in ",".join(lines).split(",") if entry.strip()]


def _elements(text: str) -> list[dict[str, str]]:
    """Return the elements of ``Forwarded``, those right of the right-most that is malformed.

    They are read from the right, where the proxies have added theirs: what stands left of them a
    client may have written, a quote with no end, too.
    """
    elements: list[dict[str, str]] = []
    end = comma = len(text)
    while end > 0:
        comma = text.rfind(",", 0, comma)
        if _ELEMENT.fullmatch(text, comma + 1, end) is not None:
            elements.append(_parameters(text, comma + 1, end))
            end = comma
        elif comma < 0:
            break
    return [element for element in reversed(elements) if element]


def _parameters(text: str, begin: int, end: int) -> dict[str, str]:
    parameters = {}
    for found in _PARAMETER.finditer(text, begin, end):
        quoted = found[2]
        value = found[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        parameters[found[1].lower()] = value
    return parameters


def _parse(text: str) -> _Address | None:
    """Return an address of a header, with a port or without; None if it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped
