"""The guards against hostile pages, names and headers: each with a test that needs it.

``python -m tests.guards.guards`` removes each in turn from a copy of the package, and shows that
its test fails then.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["GUARDS", "ROOT", "Guard", "fails_without"]

ROOT = Path(__file__).parents[2]
_HTTP = "driftdb_jupyter/server/http/"
_TESTS = "tests/server/http/"
_FRONT_END = "js/"


@dataclass(frozen=True)
class Guard:
    """A guard: its text in a file, what it is without it, and a test that fails then."""

    name: str
    file: str
    text: str
    without: str
    test: str


GUARDS = [
    Guard(
        "a share link in another room, or after it was taken back",
        "driftdb_jupyter/access/share_link.py",
        "access.name == self.room and access.get(LINK, self.link_id) is not None",
        "True",
        "tests/access/test_share_link.py::"
        "test_a_person_may_do_what_the_link_gives_in_its_room_as_long_as_that_has_it",
    ),
    Guard(
        "a share link whose holder isn't counted",
        "driftdb_jupyter/access/share_link.py",
        '        """Return nothing."""\n        return NOTHING',
        "        return compile_grants(*ShareLink.all_of(access)[0].terms.grants)",
        "tests/access/test_share_link.py::test_its_holder_may_do_nothing_before_being_counted",
    ),
    Guard(
        "a room's policy in a cache",
        _HTTP + "access_handlers.py",
        'self.set_header("Cache-Control", "no-store")',
        "pass",
        _TESTS + "test_hostile.py",
    ),
    Guard(
        "a room's links in a cache",
        _HTTP + "link_handlers.py",
        'self.set_header("Cache-Control", "no-store")\n        self.answer(await',
        "self.answer(await",
        _TESTS + "test_hostile.py",
    ),
    Guard(
        "the URL of a new link in a cache",
        _HTTP + "link_handlers.py",
        'self.set_header("Cache-Control", "no-store")\n        self.answer({"id"',
        'self.answer({"id"',
        _TESTS + "test_hostile.py",
    ),
    Guard(
        "the figures of a room in a cache",
        _HTTP + "pages.py",
        'self.set_header("Cache-Control", "no-store")\n        figures',
        "figures",
        _TESTS + "test_hostile.py",
    ),
    Guard(
        "the server's figures in a cache",
        _HTTP + "metrics.py",
        'self.set_header("Cache-Control", "no-store")',
        "pass",
        _TESTS + "test_metrics.py",
    ),
    Guard(
        "an answer of the administration in a cache",
        _HTTP + "administration_handlers.py",
        'self.set_header("Cache-Control", "no-store")',
        "pass",
        _TESTS + "test_administration_handlers.py",
    ),
    Guard(
        "a type that a browser guesses of the administration's answers",
        _HTTP + "administration_handlers.py",
        'self.set_header("X-Content-Type-Options", "nosniff")',
        "pass",
        _TESTS + "test_administration_handlers.py",
    ),
    Guard(
        "the figures of a room for who may read a part of it",
        _HTTP + "pages.py",
        "if not grants.reads_all:  # they are about the whole room",
        "if False:",
        "tests/conformance/test_grants.py",
    ),
    Guard(
        "keys over HTTP for who may read none",
        _HTTP + "handlers.py",
        "if isinstance(message, Keys) and not grants.reads_any:",
        "if False:",
        "tests/conformance/test_grants.py",
    ),
    Guard(
        "directives of a page's policy in the setting of its frames",
        "driftdb_jupyter/server/settings.py",
        "if not sites or not all(map(_SITE.fullmatch, sites.split())):",
        "if False:",
        "tests/server/test_check_config.py",
    ),
    Guard(
        "secrets by other names in the line of a request",
        "driftdb_jupyter/server/process/log_text.py",
        " or _SECRET_NAMES.search(name) is not None",
        "",
        "tests/server/process/test_log_text.py",
    ),
    Guard(
        "cross-site WebSocket hijacking and requests",
        "driftdb_jupyter/server/standalone.py",
        "self.site.gate.check_origin(self.request)",
        "pass",
        _TESTS + "test_gate.py::TestServer::test_a_website_has_nothing_of_a_server_on_this_machine",
    ),
    Guard(
        "DNS rebinding",
        "driftdb_jupyter/server/standalone.py",
        "        self.site.gate.check_host(self.request)\n",
        "",
        _TESTS + "test_gate.py::TestServer::test_a_name_that_was_bound_anew_has_nothing_either",
    ),
    Guard(
        "the host that a proxy names",
        _HTTP + "gate.py",
        '{request.headers.get("Host", request.host), request.host}',
        '{request.headers.get("Host", request.host)}',
        _TESTS + "test_gate.py::test_what_a_proxy_says_the_host_was_is_looked_at_too",
    ),
    Guard(
        "a page without TLS of a server behind it",
        _HTTP + "gate.py",
        'or (request.protocol == "https" and scheme == "http")',
        "",
        _TESTS + "test_gate.py::test_a_page_without_tls_is_none_of_a_server_behind_it",
    ),
    Guard(
        "rooms made by images",
        _HTTP + "handlers.py",
        'if headers.get("Upgrade", "").lower() != "websocket":',
        "if False:",
        _TESTS + "test_gate.py::TestServer::test_no_image_makes_a_room",
    ),
    Guard(
        "forwarded headers of anybody",
        _HTTP + "forwarded.py",
        "if near is None or not self._is_trusted(near):",
        "if near is None:",
        _TESTS + "test_forwarded.py",
    ),
    Guard(
        "addresses that a client invents",
        _HTTP + "forwarded.py",
        "            if not self._is_trusted(address):\n                break\n",
        "",
        _TESTS + "test_forwarded.py",
    ),
    Guard(
        "prefixes that lead elsewhere",
        _HTTP + "forwarded.py",
        "if _PREFIX.fullmatch(prefix):",
        "if True:",
        _TESTS + "test_forwarded.py",
    ),
    Guard(
        "XSRF and other origins under Jupyter",
        "driftdb_jupyter/server/jupyter/extension.py",
        "if not self.check_origin():",
        "if False:",
        "tests/server/jupyter/test_extension.py::TestOrigin",
    ),
    Guard(
        "other origins at a service of a hub",
        "driftdb_jupyter/server/hub/request.py",
        "self.site.gate.check_origin(self.request)",
        "pass",
        "tests/server/hub/test_request.py::test_a_website_has_nothing_of_a_login",
    ),
    Guard(
        "XSRF at a service of a hub",
        "driftdb_jupyter/server/hub/request.py",
        "            super().check_xsrf_cookie()",
        "            pass",
        "tests/server/hub/test_request.py"
        "::test_a_login_is_nothing_without_the_token_that_its_page_has",
    ),
    Guard(
        "a login that leads to another site",
        "driftdb_jupyter/server/hub/auth.py",
        "next_url=page",
        'next_url=handler.get_argument("next", page)',
        "tests/server/hub/test_request.py::test_a_login_leads_back_to_the_page_that_was_asked_for",
    ),
    Guard(
        "clickjacking",
        _HTTP + "pages.py",
        'f"frame-ancestors {self.hub.settings.frame_ancestors}",',
        "",
        _TESTS + "test_hostile.py",
    ),
    Guard(
        "scripts of others on a page",
        _HTTP + "pages.py",
        "\"script-src 'self'\",",
        "",
        _TESTS + "test_pages.py",
    ),
    Guard(
        "hosts that widen a page's policy",
        _HTTP + "pages.py",
        'if _HOST.fullmatch(host) else ""',
        "",
        _TESTS + "test_pages.py::test_a_host_that_is_none_widens_no_policy",
    ),
    Guard(
        "guessing of content types",
        _HTTP + "request.py",
        '        self.set_header("X-Content-Type-Options", "nosniff")\n',
        "",
        _TESTS + "test_hostile.py",
    ),
    Guard(
        "Referer",
        _HTTP + "pages.py",
        '        self.set_header("Referrer-Policy", "no-referrer")\n',
        "",
        _TESTS + "test_hostile.py",
    ),
    Guard(
        "the token for making rooms",
        "driftdb_jupyter/server/standalone.py",
        "return (token is None or vouched) and ",
        "return ",
        _TESTS + "test_server_tokens.py::TestServer",
    ),
    Guard(
        "policies that are read of anybody",
        _HTTP + "access_handlers.py",
        "return self._demand_admin(self.path_args[0])",
        "return None",
        _TESTS + "test_gathered.py::test_a_policy_is_not_even_read_of_who_may_not_set_it",
    ),
    Guard(
        "open metrics for websites",
        _HTTP + "metrics.py",
        "self.site.gate.check_host(self.request)",
        "pass",
        _TESTS + "test_metrics.py::test_open_ones_are_not_for_a_website_whose_name_leads_here",
    ),
    Guard(
        "the token for metrics",
        _HTTP + "metrics.py",
        "if self._token is not None and not holds_token(self.request, self._token):",
        "if False:",
        _TESTS + "test_metrics.py::test_only_who_has_the_token_is_told",
    ),
    Guard(
        "lines of a log that a peer breaks",
        "driftdb_jupyter/server/process/log_text.py",
        "if not cut.isprintable():",
        "if False:",
        "tests/server/process",
    ),
    Guard(
        "lines of Jupyter's log that a peer breaks",
        "driftdb_jupyter/server/jupyter/extension.py",
        "class JupyterRequest(LoggableRequest, RoomRequest, JupyterHandler)",
        "class JupyterRequest(RoomRequest, JupyterHandler)",
        "tests/server/jupyter/test_loggable.py",
    ),
    Guard(
        "secrets in a log",
        "driftdb_jupyter/server/process/log_text.py",
        "if equals and _is_secret_name(unquote_plus(name)):",
        "if False:",
        "tests/server/process",
    ),
    Guard(
        "headers and lines of a log that a room's name breaks",
        "driftdb_jupyter/protocol/name.py",
        "        and not _CONTROL.search(text)\n",
        "",
        "tests/conformance/test_names.py",
    ),
    Guard(
        "room names that lead to another path",
        "driftdb_jupyter/protocol/name.py",
        '        and text not in (".", "..")\n',
        "",
        "tests/protocol/test_name.py",
    ),
    Guard(
        "path traversal by the names of the front end's files",
        _HTTP + "pages.py",
        "content = files().get(name)",
        "content = files().get(name) or (Path(__file__).parent / name).read_bytes()",
        _TESTS + "test_hostile.py::test_no_name_reaches_a_file_that_is_none_of_the_pages",
    ),
    Guard(
        "labels as HTML in saved notebooks",
        "driftdb_jupyter/widgets/output.py",
        "<strong>{escape(label)}</strong>",
        "<strong>{label}</strong>",
        "tests/widgets/test_output.py",
    ),
    Guard(
        "texts of a room as HTML",
        "js/src/widgets/control.ts",
        "if (children.length > 0) made.append(...children);",
        "for (const c of children)"
        ' typeof c === "string" ? made.insertAdjacentHTML("beforeend", c) : made.append(c);',
        "js/test/widgets/state.test.ts",
    ),
    Guard(
        "code of charts from a foreign server",
        "js/src/widgets/chart_code.ts",
        "served.origin === location.origin ?",
        "served.origin ?",
        "js/test/widgets/chart_code.test.ts",
    ),
    Guard(
        "code of charts from where an element of the page says",
        "js/src/widgets/chart_code.ts",
        'typeof driftdbFiles === "string" ?',
        "driftdbFiles ?",
        "js/test/widgets/chart_code.test.ts",
    ),
    Guard(
        "formulas in a chart's CSV",
        "js/src/chart/sheet.ts",
        "? `'${plain}` : plain;",
        "? plain : plain;",
        "js/test/chart/reader.test.ts",
    ),
    Guard(
        "controls by the names of a prototype",
        "js/src/widgets/state.ts",
        'this.chart : CONTROLS.get(this.kind ?? "");',
        'this.chart : (Object.fromEntries(CONTROLS) as any)[this.kind ?? ""];',
        "js/test/widgets/state.test.ts",
    ),
    Guard(
        "names of a prototype in values",
        "js/src/room/values.ts",
        "    Object.fromEntries(\n"
        "      Object.entries(members).map(([name, member]) => [name, decode(member, bigint)]),\n"
        "    );",
        "    Object.entries(members).reduce((made: any, [name, member]) => {"
        " made[name] = decode(member, bigint); return made; }, {} as any);",
        "js/test/room/prototype.test.ts",
    ),
    Guard(
        "names of a prototype in CBOR",
        "js/src/protocol/cbor.ts",
        "return Object.fromEntries(this.#items(number, () => this.#member(depth - 1)));",
        "return this.#items(number, () => this.#member(depth - 1)).reduce("
        "(made: any, [name, value]: any) => { made[name] = value; return made; }, {});",
        "js/test/room/prototype.test.ts",
    ),
    Guard(
        "options by the names of a prototype",
        "js/src/client/check.ts",
        "Object.hasOwn(rules, name)",
        "rules[name] !== undefined",
        "js/test/room/prototype.test.ts",
    ),
    Guard(
        "views that a notebook's file says in part",
        "js/src/lab/output.ts",
        "return isWhole(told) ? show(remembered(told), parent) : () => {};",
        "return show(remembered(told), parent);",
        "js/test/lab/output.test.ts",
    ),
    Guard(
        "HTML of a room in a widget that is bound",
        "driftdb_jupyter/client/objects/binding.py",
        "    if not trusted and (why := risk(widget, trait)) is not None:\n        raise",
        "    if False:\n        raise",
        "tests/client/objects/test_binding.py::"
        "test_html_is_shared_with_a_room_that_is_trusted_alone",
    ),
    Guard(
        "a widget that is bound and turned into HTML",
        "driftdb_jupyter/client/objects/binding.py",
        "if not self.trusted and (why := risk(self.widget, self.trait)) is not None:",
        "if not self.trusted and (why := None) is not None:",
        "tests/client/objects/test_binding.py::"
        "test_what_becomes_html_later_takes_nothing_more_from_the_room",
    ),
    Guard(
        "a view that a widget names itself",
        "driftdb_jupyter/client/objects/trust.py",
        "if module != _CONTROLS:",
        "if False:",
        "tests/client/objects/test_trust.py",
    ),
    Guard(
        "what vouches for a user",
        "driftdb_jupyter/access/identity.py",
        """return Value.from_json(b'%b%b"source":"%b"}' % (fields, comma, self.source.encode()))""",
        "return self.user",
        "tests/access/test_identity.py",
    ),
    Guard(
        "a guest's claim to a name",
        "driftdb_jupyter/client/objects/presence.py",
        'f"{claimed} (guest)"',
        "claimed",
        "tests/client/objects/test_presence.py",
    ),
    Guard(
        "a ticket that is shown again",
        "driftdb_jupyter/server/hosting/tickets.py",
        "self._out.pop(_digest(text), ",
        "self._out.get(_digest(text), ",
        "tests/server/hosting/test_tickets.py::test_one_stands_for_its_credential_once",
    ),
    Guard(
        "a ticket that is shown again at another server",
        "driftdb_jupyter/broker/redis/shared.py",
        '"GETDEL"',
        '"GET"',
        "tests/server/test_several_servers.py::"
        "test_a_ticket_of_one_server_lets_in_at_the_other_once",
    ),
    Guard(
        "a guest's ticket where everybody needs a login",
        "driftdb_jupyter/server/hosting/carried.py",
        "            return self._guest\n",
        "            return Guest()\n",
        "tests/server/hosting/test_tickets.py::TestShared::"
        "test_where_nobody_comes_in_with_nothing_no_guest_does_by_a_ticket",
    ),
    Guard(
        "the last place of a share link, given by two servers at once",
        "driftdb_jupyter/server/hosting/links.py",
        "expected=before",
        "expected={}",
        "tests/server/hosting/test_links.py::test_of_two_servers_one_lets_the_last_one_in",
    ),
    Guard(
        "a password in the query of Redis's URL",
        "driftdb_jupyter/broker/redis/connecting.py",
        ' or "password" in asked',
        "",
        "tests/broker/redis/test_connecting.py::test_a_password_in_the_url_is_refused_and_not_told",
    ),
    Guard(
        "a ticket for a ticket",
        "driftdb_jupyter/server/http/ticket_handlers.py",
        "if self.has_ticket:",
        "if False:",
        _TESTS + "test_ticket_handlers.py::test_one_gives_no_other",
    ),
    Guard(
        "rights that whoever gave them has taken back in part",
        "driftdb_jupyter/server/hosting/peer.py",
        "return None if was_unlimited and self._unlimited else self.review()",
        "return None if was_unlimited else self.review()",
        "tests/server/hosting/test_credentials.py",
    ),
    Guard(
        "a message to who lost the right to it, and wasn't told so yet",
        "driftdb_jupyter/server/hosting/hosted_room.py",
        "self.mute(applied.key)",
        "pass",
        "tests/server/hosting/test_policy_changes.py",
    ),
    Guard(
        "that there is a room of a name, told to who may do nothing in it",
        _HTTP + "handlers.py",
        "if self.hides_rooms and await self._would_miss(access.name):",
        "if False:",
        "tests/server/http/test_hidden_rooms.py",
    ),
    Guard(
        "logins of any number that ask the hub",
        "driftdb_jupyter/server/hub/request.py",
        "self.admit()\n        self.current_user",
        "self.current_user",
        "tests/server/hub/test_request.py",
    ),
    Guard(
        "renewals of any number that ask the hub",
        _HTTP + "handlers.py",
        "if seconds:  # for others",
        "if False:  # for others",
        "tests/server/hub/test_request.py",
    ),
    Guard(
        "a token that was taken back by its id, and whose signer's clock is ahead",
        "driftdb_jupyter/access/tokens/revocation.py",
        "if _at(record) + leeway_seconds < now",
        "if True",
        "tests/access/tokens/test_token.py",
    ),
    Guard(
        "a public key as a secret",
        "driftdb_jupyter/access/tokens/keys.py",
        "elif _PUBLIC.match(text):",
        "elif False:",
        "tests/access/tokens/test_keys.py",
    ),
    Guard(
        "a ticket in a log",
        "driftdb_jupyter/server/process/log_text.py",
        '("client", "code", "state", "ticket")',
        '("client", "code", "state")',
        _TESTS + "test_ticket_handlers.py::test_no_log_has_one",
    ),
    Guard(
        "a token for another room",
        "driftdb_jupyter/access/tokens/token.py",
        "if not claims.are_for(access.name):",
        "if False:",
        "tests/access/tokens/test_token.py::test_one_is_good_in_its_room_alone",
    ),
    Guard(
        "a token that has expired",
        "driftdb_jupyter/access/tokens/verifier.py",
        "if claims.expires_at <= now - self.leeway_seconds:",
        "if False:",
        "tests/access/tokens/test_verifier.py",
    ),
    Guard(
        "a token for another server",
        "driftdb_jupyter/access/tokens/verifier.py",
        "                    audience=self._audience or None,\n",
        "                    audience=self._audience or ['rooms', 'other'],\n",
        "tests/access/tokens/test_verifier.py",
    ),
    Guard(
        "a token of a clock that is too far ahead",
        "driftdb_jupyter/access/tokens/verifier.py",
        "if at is not None and at > now + self.leeway_seconds:",
        "if False:",
        "tests/access/tokens/test_verifier.py",
    ),
    Guard(
        "a token that is signed by no algorithm (none)",
        "driftdb_jupyter/access/tokens/verifier.py",
        'named, algorithm = header.get("kid"), header.get("alg")',
        'named, algorithm = header.get("kid"), header.get("alg")\n'
        '        if algorithm == "none":\n'
        '            return jwt.decode(text, options={"verify_signature": False}), keys[0]',
        "tests/access/tokens/test_verifier.py",
    ),
    Guard(
        "algorithm confusion",
        "driftdb_jupyter/access/tokens/verifier.py",
        "meant = [key for key in meant if key.algorithm == algorithm]",
        "meant = [Key(algorithm, key.id, key.verifying) for key in meant]",
        "tests/access/tokens/test_verifier.py",
    ),
    Guard(
        "a renewal as somebody else",
        "driftdb_jupyter/server/hosting/peer.py",
        "if not before.is_same_person(after):",
        "if False:",
        _TESTS + "test_signed.py::test_nobody_goes_on_as_somebody_else_or_in_another_room",
    ),
    Guard(
        "a kernel under the name of another",
        "driftdb_jupyter/server/jupyter/kernels.py",
        "return shown if shown.kernel and proven else None",
        "return shown if shown.kernel else None",
        "tests/server/jupyter/test_kernels.py::test_no_kernel_has_the_name_of_another",
    ),
    Guard(
        "a kernel that is gone",
        "driftdb_jupyter/server/jupyter/kernels.py",
        "return None if shown.of_person else self._unknown",
        "return self._unknown",
        "tests/server/jupyter/test_kernels.py::test_its_secret_opens_nothing_when_it_is_gone",
    ),
    Guard(
        "a connection of a kernel that is gone",
        "driftdb_jupyter/server/jupyter/access.py",
        "return self._is_there()",
        "return True",
        "tests/server/jupyter/test_kernels.py::test_its_connections_end_when_it_is_gone",
    ),
    Guard(
        "a kernel with more rights than who started it",
        "driftdb_jupyter/server/jupyter/kernels.py",
        "if type(handler.authorizer) is AllowAllAuthorizer:",
        "if True:",
        "tests/server/jupyter/test_kernels.py::test_it_may_do_what_its_person_may",
    ),
    Guard(
        "others at the port that is for kernels",
        "driftdb_jupyter/server/jupyter/kernel_listener.py",
        "if not known or not request.path.startswith(self._root):",
        "if not request.path.startswith(self._root):",
        "tests/server/jupyter/test_kernel_listener.py::test_nobody_else_is_answered_there",
    ),
    Guard(
        "what is not of rooms at the port that is for kernels",
        "driftdb_jupyter/server/jupyter/kernel_listener.py",
        "if not known or not request.path.startswith(self._root):",
        "if not known:",
        "tests/server/jupyter/test_kernel_listener.py::test_nobody_else_is_answered_there",
    ),
    Guard(
        "news of a room while an authorizer hasn't answered",
        "driftdb_jupyter/server/hosting/hub.py",
        "                if peer.is_asking:\n                    self._mute_peer(",
        "                if False:\n                    self._mute_peer(",
        "tests/server/hosting/test_policy_changes.py"
        "::test_who_is_asked_about_hears_nothing_more_until_others_have_answered",
    ),
    Guard(
        "an authorizer that never answers",
        "driftdb_jupyter/server/jupyter/access.py",
        "timer = Context().run(loop.call_later, seconds, end, None)",
        "timer = Context().run(loop.call_later, 3600, end, None)",
        "tests/server/jupyter/test_extension.py::TestAuthorizer"
        "::test_one_that_does_not_answer_counts_as_saying_no",
    ),
    Guard(
        "a token that is taken back for a shorter time than it is good",
        "driftdb_jupyter/server/http/token_handlers.py",
        "if not isinstance(token, Token) or token.claims.id != token_id:",
        "if not isinstance(token, Token):",
        _TESTS + "test_signed.py"
        "::test_what_was_taken_back_is_remembered_until_the_token_would_have_ended",
    ),
    Guard(
        "a token of the environment for a server that a notebook names",
        "driftdb_jupyter/client/transport/location.py",
        "(typed or _is_server_of_room(place.server, environ))",
        "True",
        "tests/client/transport/test_location.py"
        "::test_it_goes_to_no_server_that_a_notebook_names_alone",
    ),
    Guard(
        "a room that looks like a person's of the hub",
        "driftdb_jupyter/server/hub/room_names.py",
        'if not looks.startswith(f"{kind}:"):',
        'if not room.startswith(f"{kind}:"):',
        "tests/server/hub/test_room_names.py",
    ),
    Guard(
        "a subprotocol that is chosen without the secret behind it",
        _HTTP + "subprotocol.py",
        "    if not behind:\n",
        "    if not behind:\n        return None\n    if not behind:\n",
        "tests/conformance/test_delivery.py"
        "::test_ours_is_never_chosen_without_the_secret_behind_it",
    ),
]


def fails_without(guard: Guard) -> bool:
    """Remove a guard from a copy of the package, and return whether its test fails then."""
    with TemporaryDirectory() as folder:
        copy = Path(folder)
        ignored = shutil.ignore_patterns("__pycache__", "node_modules")
        is_front_end = guard.test.startswith(_FRONT_END)
        for part in ("driftdb_jupyter", "tests", *(("js",) if is_front_end else ())):
            shutil.copytree(ROOT / part, copy / part, ignore=ignored)
        for part in ("pyproject.toml", "docs", *(("js/node_modules",) if is_front_end else ())):
            os.symlink((ROOT / part).resolve(), copy / part)
        file = copy / guard.file
        before = file.read_text("utf-8")
        assert before.count(guard.text) == 1, guard.name
        file.write_text(before.replace(guard.text, guard.without), "utf-8")
        pytest = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", guard.test]
        vitest = ["npx", "vitest", "run", guard.test.removeprefix(_FRONT_END)]
        run = subprocess.run(
            vitest if is_front_end else pytest,
            cwd=copy / "js" if is_front_end else copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
        )
        # 1: tests have failed. Anything else says nothing about the guard.
        assert run.returncode in (0, 1), run.stdout
        assert "failed" in run.stdout or run.returncode == 0, run.stdout
        return run.returncode == 1


def main() -> int:
    """Show it for all of them."""
    missed = 0
    for guard in GUARDS:
        found = fails_without(guard)
        missed += not found
        print(f"{'a test fails' if found else 'NO TEST FAILS'} without: {guard.name}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
