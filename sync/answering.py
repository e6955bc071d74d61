"""A small HTTP server for a handful of paths: one request a connection, everything bounded, nothing logged.

For health checks and webhooks. A peer can neither hold a connection for long, nor send a large body, nor have us
run more than a fixed number of threads.
"""

import logging
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from sync.logs import place_of

_LOG = logging.getLogger(__name__)
_CONNECTION_SECONDS = 10.0
_MOST_CONNECTIONS = 32
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request: its body as it came, and its headers by lower-case name."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


Handler = Callable[[Question], Answer]


class AnsweringServer:
    """Serves `routes`, which name a method and a path, once it is started.

    With `hosts`, only requests whose `Host` header names one of them are answered: a page in a browser that has a
    name of its own resolved to this machine gets nothing. A body over `largest_body_bytes` is refused unread.
    Raises: `OSError` when the address is taken, at once.
    """

    def __init__(
        self,
        host: str,
        port: int,
        routes: Mapping[tuple[str, str], Handler],
        *,
        hosts: frozenset[str] = frozenset(),
        largest_body_bytes: int = 0,
    ) -> None:
        self.routes = routes
        self.hosts = hosts
        self.largest_body_bytes = largest_body_bytes
        self._server = _Server((host, port), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="answering", daemon=True
        )

    @property
    def url(self) -> str:
        """The origin, without a slash at the end."""
        host, port = self._server.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{shown}:{port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port; requests that are being answered are cut off."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], answering: AnsweringServer) -> None:
        self.answering = answering
        self._free = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Connection)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's own asks the name service for our name

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        cutting = threading.Timer(_CONNECTION_SECONDS, _cut, (request,))
        cutting.daemon = True
        cutting.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            cutting.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A peer that went away, or a handler's defect, which is said: the connection is closed either way."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            _LOG.error(
                "a request could not be answered: this is a defect of Tieout (%s at %s)",
                type(error).__name__,
                place_of(error),
                extra={"action": "request_failed"},
            )


class _Connection(BaseHTTPRequestHandler):
    server: _Server
    server_version = "tieout"
    sys_version = ""
    timeout = 5.0

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        answer = self._answer_of(self.server.answering)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)
        self.close_connection = True

    def _answer_of(self, answering: AnsweringServer) -> Answer:
        path = self.path.partition("?")[0]
        handler = answering.routes.get((self.command, path))
        if answering.hosts and _host_of(self.headers.get("Host", "")) not in answering.hosts:
            return Answer(status=421, body=b"not a name of this server\n")
        if handler is None:
            is_known = any(known == path for _, known in answering.routes)
            return Answer(status=405 if is_known else 404, body=b"not here\n")
        body = self._body(answering.largest_body_bytes)
        if isinstance(body, Answer):
            return body
        return handler(Question(headers={name.lower(): value for name, value in self.headers.items()}, body=body))

    def _body(self, largest: int) -> bytes | Answer:
        if self.command != "POST":
            return b""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or self.headers.get("Transfer-Encoding"):
            return Answer(status=411, body=b"a Content-Length is needed\n")
        if len(length) > 12 or int(length) > largest:
            return Answer(status=413, body=b"too large\n")
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else Answer(status=400, body=b"cut off\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Requests are counted elsewhere; their paths and senders are nobody's business."""


def _host_of(header: str) -> str:
    """The name in a `Host` header, without its port."""
    name = header.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0].removeprefix("[")
    return name.partition(":")[0]


def _cut(request: socket.socket) -> None:
    with suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)
