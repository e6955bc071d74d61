"""The small server answers what it knows, refuses the rest, and lets no peer hold it up. All over real sockets."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from sync.answering import Answer, AnsweringServer, Question


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    def echo(question: Question) -> Answer:
        return Answer(status=200, body=question.body)

    def fail(question: Question) -> Answer:
        raise ValueError("a defect")

    routes = {
        ("GET", "/healthz"): lambda question: Answer(status=200, body=b"ok"),
        ("POST", "/echo"): echo,
        ("GET", "/fail"): fail,
    }
    made = AnsweringServer("127.0.0.1", 0, routes, hosts=frozenset({"127.0.0.1", "localhost"}), largest_body_bytes=1000)
    made.start()
    yield made
    made.stop()


def address(server: AnsweringServer) -> tuple[str, int]:
    parts = urlsplit(server.url)
    return str(parts.hostname), int(parts.port or 0)


def ask(server: AnsweringServer, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection(*address(server), timeout=5)
    try:
        connection.request(method, path, body=body or None, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def raw(server: AnsweringServer, text: bytes, *, wait: float = 5) -> bytes:
    with socket.create_connection(address(server), timeout=wait) as peer:
        peer.sendall(text)
        found = b""
        while part := peer.recv(4096):
            found += part
        return found


def test_known_paths_are_answered_and_others_are_not(server: AnsweringServer) -> None:
    assert (200, b"ok") == ask(server, "GET", "/healthz")
    assert (200, b"ok") == ask(server, "GET", "/healthz?verbose=1")
    assert 404 == ask(server, "GET", "/")[0]
    assert 405 == ask(server, "POST", "/healthz", b"x")[0]
    assert (200, b"hello") == ask(server, "POST", "/echo", b"hello")
    assert 501 == ask(server, "TRACE", "/healthz")[0]


def test_another_name_for_this_machine_gets_nothing(server: AnsweringServer) -> None:
    port = address(server)[1]
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", ""):
        assert b"421" in raw(server, f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())[:12]
    for host in (f"127.0.0.1:{port}", "localhost", "LOCALHOST"):
        assert b"200" in raw(server, f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())[:12]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Content-Length: 1001", b"413"),
        ("Content-Length: 999999999999999999999", b"413"),
        ("Content-Length: -1", b"411"),
        ("Content-Length: ten", b"411"),
        ("X: y", b"411"),
        ("Transfer-Encoding: chunked", b"411"),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", b"411"),
    ],
)
def test_a_body_is_bounded_and_announced(server: AnsweringServer, header: str, status: bytes) -> None:
    assert status in raw(server, f"POST /echo HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode())[:12]


def test_a_defect_closes_the_connection_and_nothing_else(server: AnsweringServer) -> None:
    assert b"" == raw(server, b"GET /fail HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert 200 == ask(server, "GET", "/healthz")[0]


def test_a_peer_that_drips_is_cut_off_and_keeps_nobody_waiting(
    server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.answering._CONNECTION_SECONDS", 0.6)
    with socket.create_connection(address(server), timeout=5) as peer:
        peer.sendall(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n")
        began = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - began < 4:
                peer.sendall(b"x")
                time.sleep(0.05)
        assert time.monotonic() - began < 2
    assert 200 == ask(server, "GET", "/healthz")[0]


def test_more_connections_than_places_are_closed_at_once(server: AnsweringServer) -> None:
    idle = [socket.create_connection(address(server), timeout=5) for _ in range(32)]
    try:
        time.sleep(0.3)
        assert b"" == raw(server, b"")
    finally:
        for peer in idle:
            peer.close()
    time.sleep(0.3)
    assert 200 == ask(server, "GET", "/healthz")[0]


def test_an_address_that_is_taken_is_refused_at_once(server: AnsweringServer) -> None:
    with pytest.raises(OSError, match="in use"):
        AnsweringServer(*address(server), {})
