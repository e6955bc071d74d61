"""A small HTTP/1.1 server on loopback that carries a simulator, and plays the faults that tests planted.

It knows nothing of the systems that are simulated. Connections are kept alive; every request is recorded.
"""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from connectors.sandbox.exchange import Reply, Request
from connectors.sandbox.faults import Fault, FaultTable

Handler = Callable[[Request], Reply]
# What is done to every reply before it is sent, planned faults included: the vendor's own headers.
Finish = Callable[[Reply], Reply]
_NO_FAULT = Fault(name="")
# A request larger than any the worker sends is a bug of the worker.
_LARGEST_BODY_BYTES = 10_000_000
_DRIPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One exchange that took place: the request, the status sent (0 when the connection was reset), the fault."""

    request: Request
    status: int
    fault: str = ""


class RunningServer:
    """A simulator that is being served. Leave the `with` block or call `stop`: nothing stays behind.

    `calls` lists all exchanges in order, `unmodelled` what was refused because the simulator does not model it,
    `crashes` exceptions of the simulator itself; a test asserts that the last two are empty.
    """

    def __init__(
        self,
        handler: Handler,
        faults: FaultTable,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        finish: Finish | None = None,
    ) -> None:
        self.faults = faults
        self.calls: list[Call] = []
        self.unmodelled: list[str] = []
        self.crashes: list[str] = []
        self.stopping = threading.Event()
        self.finish: Finish = finish or (lambda reply: reply)
        self._handler = handler
        self._server = _Server((host, port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The origin, without a slash at the end: `http://127.0.0.1:40123`."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def handle(self, request: Request) -> Reply:
        """The simulator's own reply; an exception of the simulator becomes a 500 and is kept in `crashes`."""
        try:
            return self._handler(request)
        except Exception as crash:  # noqa: BLE001 - kept for the test to see; a worker must never hang on our bug
            self.crashes.append(f"{request.method} {request.path}: {type(crash).__name__}: {crash}")
            return Reply(status=500, body=b"the simulator crashed", content_type="text/plain")

    def stop(self) -> None:
        """Close the port and every connection and wait for the threads. Calling it again does nothing."""
        if not self.stopping.is_set():
            self.stopping.set()
            self._server.shutdown()
            self._server.hang_up()
            self._server.server_close()
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], running: RunningServer) -> None:
        self.running = running
        self.to_reset: set[Any] = set()
        self._open: dict[Any, threading.Thread] = {}
        self._open_lock = threading.Lock()
        super().__init__(address, _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._open_lock:
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.pop(request, None)
        if request in self.to_reset:
            self.to_reset.discard(request)
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the open connections and wait for their threads."""
        with self._open_lock:
            connections = tuple(self._open.items())
        for connection, thread in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is its own affair: it is what several faults are meant to cause."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay silent: the calls are recorded instead."""

    def _exchange(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LARGEST_BODY_BYTES or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            self._send(Reply(status=413, body=b"send a Content-Length of at most 10 MB"), _NO_FAULT)
            return
        request = Request.from_target(self.command, self.path, dict(self.headers.items()), self.rfile.read(length))
        running = self.server.running
        fault = running.faults.take(request) or _NO_FAULT
        reply = running.finish(self._reply(request, fault))
        running.calls.append(Call(request=request, status=0 if fault.reset else reply.status, fault=fault.name))
        if reply.unmodelled:
            running.unmodelled.append(reply.unmodelled)
        if fault.reset:
            self._reset()
        else:
            self._send(reply, fault)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _exchange  # noqa: N815

    def _reply(self, request: Request, fault: Fault) -> Reply:
        if fault.meanwhile is not None:
            fault.meanwhile()
        if fault.instead is not None or fault.reset:
            if fault.handle_first:
                self.server.running.handle(request)
            return fault.instead or Reply(status=0)
        reply = self.server.running.handle(request)
        return fault.change(reply) if fault.change is not None else reply

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.to_reset.add(self.connection)

    def _send(self, reply: Reply, fault: Fault) -> None:
        phrase = responses.get(reply.status, "Unknown")
        lines = [f"HTTP/1.1 {reply.status} {phrase}", f"Content-Length: {len(reply.body)}"]
        if reply.body:
            lines.append(f"Content-Type: {reply.content_type}")
        lines.extend(f"{name}: {value}" for name, value in reply.headers.items())
        body = b"" if self.command == "HEAD" else reply.body
        if fault.truncate_at is not None:
            body = body[: fault.truncate_at]
            self.close_connection = True
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        self._drip(head, fault.header_seconds)
        self._drip(body, fault.body_seconds)

    def _drip(self, raw: bytes, seconds: float) -> None:
        """Write at once, or over `seconds`; stopping the server ends the wait."""
        if seconds <= 0:
            self.wfile.write(raw)
            return
        size = max(1, -(-len(raw) // _DRIPS))
        for start in range(0, len(raw), size):
            if self.server.running.stopping.wait(seconds / _DRIPS):
                return
            self.wfile.write(raw[start : start + size])
