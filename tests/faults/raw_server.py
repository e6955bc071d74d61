"""A server on loopback that answers with exactly the bytes a test gives it, good manners or not."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Answer = Callable[[socket.socket], None]


def answer_bytes(content: bytes) -> Answer:
    """Send these bytes and close."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(content)

    return answer


def ok(body: bytes, *, headers: str = "", length: int | None = None) -> bytes:
    """A 200 answer; `length` is what it claims, which need not be true."""
    claimed = len(body) if length is None else length
    return f"HTTP/1.1 200 OK\r\nContent-Length: {claimed}\r\n{headers}\r\n".encode() + body


def reset(connection: socket.socket) -> None:
    """Close with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def read_request(connection: socket.socket) -> bytes:
    """One whole request: closing with a part of it unread would send a reset."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return received
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.lower().splitlines() if line.startswith(b"content-length")]
    while lengths and len(body) < int(lengths[0]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


class RawServer:
    """Answers each connection's first request with the next of `answers`; the last one is repeated."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self.stopped = threading.Event()
        self.requests: list[bytes] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=5)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            self._start(self._serve, connection, answer)

    def _serve(self, connection: socket.socket, answer: Answer) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            self.requests.append(read_request(connection))
            answer(connection)

    def drip(self, start: bytes, piece: bytes, *, every_seconds: float = 0.05) -> Answer:
        """Send `start`, then `piece` again and again, slowly, for as long as the test runs."""

        def answer(connection: socket.socket) -> None:
            connection.sendall(start)
            while not self.stopped.wait(every_seconds):
                connection.sendall(piece)

        return answer
