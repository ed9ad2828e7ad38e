"""Requests whose lines in Jupyter's own log are safe to read.

Jupyter writes what a client sent into its log: the URI and the path, and of what is refused also
the origin and the page that led here. Each may have control characters that a terminal obeys
(C1, as U+009B), and the secrets of a page.
"""

from __future__ import annotations

from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import Application, RequestHandler

from ..process.log_text import printable, without_secrets

__all__ = ["LoggableRequest"]

# Jupyter has headers up to 64 KiB.
_TEXT_LIMIT = 8000
_LOGGED_HEADERS = ("Host", "Origin", "User-Agent")


class LoggableRequest(RequestHandler):
    """A request whose texts are made fit for a log before anything is done with it.

    Its arguments are parsed by then. A path or header that is changed by this was no good anyway.
    """

    def __init__(
        self, application: Application, request: HTTPServerRequest, **options: Any
    ) -> None:
        request.uri = printable(without_secrets(request.uri or ""), _TEXT_LIMIT)
        request.path = printable(request.path, _TEXT_LIMIT)
        headers = request.headers
        if "Referer" in headers:
            headers["Referer"] = printable(without_secrets(headers["Referer"]), _TEXT_LIMIT)
        for name in _LOGGED_HEADERS:
            if name in headers and not headers[name].isprintable():
                headers[name] = printable(headers[name], _TEXT_LIMIT)
        super().__init__(application, request, **options)
