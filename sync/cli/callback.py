"""The page that Intuit sends the browser back to: one request, to this machine only, answered once.

A page that gets secrets in its address must answer with a redirect, so that they leave the address bar and the
history. Source: facts/reliability.md B1 (Intuit's security requirements), B2 (RFC 9700).
"""

import hmac
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from config.complaints import ConfigurationError, configuration_error

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
_DONE = b"<!doctype html><title>Tieout</title><p>Tieout is connected. You can close this page.</p>"
_REFUSED = b"<!doctype html><title>Tieout</title><p>Tieout was not connected: see the terminal.</p>"


class Grant(msgspec.Struct, frozen=True):
    """What the browser brought back: a code that works once, and the company it was given for."""

    code: str
    realm_id: str

    def __repr__(self) -> str:
        return "Grant(code not shown)"


def read_grant(address: str, *, state: str, redirect_url: str) -> Grant:
    """The grant in the address that the browser was sent to.

    Raises: `ConfigurationError` when the address is not the answer to our request (`state`), or is a refusal.
    """
    answer = parse_qs(urlsplit(address).query)
    given = (answer.get("state") or [""])[0]
    if not hmac.compare_digest(given.encode(), state.encode()):
        raise configuration_error("connect", "the browser's answer does not belong to this request: start again")
    refusal = (answer.get("error") or [""])[0]
    if refusal:
        reason = refusal if refusal.replace("_", "").isalnum() else "refused"
        raise configuration_error("connect", f"QuickBooks was not connected ({reason}): start again to retry")
    code, realm_id = (answer.get("code") or [""])[0], (answer.get("realmId") or [""])[0]
    if not code or not realm_id:
        raise configuration_error("connect", f"the browser came back to {redirect_url} without a code: start again")
    return Grant(code, realm_id)


class CallbackServer:
    """Listens on the loopback address of a redirect URL until the browser comes back. Use it in a `with` block.

    Raises: `OSError` when the port is taken.
    """

    def __init__(self, redirect_url: str, *, state: str) -> None:
        parts = urlsplit(redirect_url)
        self._redirect_url, self._path, self._state = redirect_url, parts.path or "/", state
        self._outcome: Grant | ConfigurationError | None = None
        self._server = HTTPServer(("127.0.0.1", parts.port or 80), _handler(self))
        self._server.timeout = 0.5

    def __enter__(self) -> "CallbackServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def wait(self, *, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> Grant:
        """The grant. Raises: `ConfigurationError` when nobody came back in time, or the answer is a refusal."""
        until = monotonic() + seconds
        while self._outcome is None:
            if monotonic() > until:
                raise configuration_error("connect", "nobody came back from QuickBooks in time: start again")
            self._server.handle_request()
        self._server.handle_request()  # the page that the browser is sent on to
        if isinstance(self._outcome, ConfigurationError):
            raise self._outcome
        return self._outcome

    def answer(self, target: str) -> tuple[int, str, bytes]:
        """Status, `Location` and body for a request target. The first true answer ends the waiting."""
        parts = urlsplit(target)
        if parts.path == "/done":
            return 200, "", _DONE if isinstance(self._outcome, Grant) else _REFUSED
        if parts.path != self._path or self._outcome is not None:
            return 404, "", b""
        if not self._is_ours(target):
            return 400, "", b"This is not an answer to a request of Tieout."
        try:
            self._outcome = read_grant(target, state=self._state, redirect_url=self._redirect_url)
        except ConfigurationError as error:
            self._outcome = error
        return 302, "/done", b""

    def _is_ours(self, target: str) -> bool:
        given = (parse_qs(urlsplit(target).query).get("state") or [""])[0]
        return hmac.compare_digest(given.encode(), self._state.encode())


def _handler(server: CallbackServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0

        def do_GET(self) -> None:
            status, location, body = server.answer(self.path)
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-cache, no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
            """The address holds the code: nothing is logged."""

    return Handler
