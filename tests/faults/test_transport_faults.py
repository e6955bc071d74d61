"""Bad servers: every exchange ends in time, within its size, as a whole answer or as one of our errors."""

import gzip
import json
import socket
import time
import tracemalloc

import pytest

from connectors.errors import ContractBroken, OutcomeUnknown, Unavailable
from connectors.transport import Reply, Transport
from mappings.model import System
from tests.faults.raw_server import RawServer, answer_bytes, ok, reset

DEADLINE_SECONDS = 0.6
SECRET = "canary-token-1234567890"


def send(url: str, *, writes: bool = False, max_bytes: int = 1_000_000, deadline: float = DEADLINE_SECONDS) -> Reply:
    transport = Transport(System.QUICKBOOKS)
    try:
        return transport.send(
            "POST",
            url,
            headers={"Authorization": f"Bearer {SECRET}"},
            body="SELECT",
            deadline_seconds=deadline,
            max_bytes=max_bytes,
            operation="invoice page",
            writes=writes,
        )
    finally:
        transport.close()


def test_a_whole_answer_comes_back_with_its_headers_in_any_case() -> None:
    with RawServer(answer_bytes(ok(b'{"a":1}', headers="intuit_tid: 1-x\r\n"))) as server:
        reply = send(server.url)
    assert (reply.status, reply.body, reply.headers["Intuit_TID"]) == (200, b'{"a":1}', "1-x")


CUT: dict[str, bytes] = {
    "body shorter than it claims": ok(b'{"QueryResponse":', length=500),
    "chunk cut": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nabc",
    "damaged gzip": ok(b"no gzip at all", headers="Content-Encoding: gzip\r\n"),
    "nothing at all": b"",
    "not HTTP": b"220 smtp.example ESMTP\r\n\r\n",
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n",
    "an endless header": b"HTTP/1.1 200 OK\r\nA: " + b"b" * 200_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("content", CUT.values(), ids=CUT.keys())
def test_an_answer_that_is_not_whole_is_no_answer(content: bytes) -> None:
    with RawServer(answer_bytes(content)) as server, pytest.raises(Unavailable):
        send(server.url)


@pytest.mark.parametrize("content", CUT.values(), ids=CUT.keys())
def test_a_write_without_a_whole_answer_has_an_unknown_outcome(content: bytes) -> None:
    with RawServer(answer_bytes(content)) as server, pytest.raises(OutcomeUnknown):
        send(server.url, writes=True)


def test_a_reset_connection_is_unavailable() -> None:
    with RawServer(reset) as server, pytest.raises(Unavailable):
        send(server.url)


def free_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_write_that_never_left_is_unavailable_not_unknown() -> None:
    with pytest.raises(Unavailable, match="no connection could be made"):
        send(free_url(), writes=True)


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status", "headers", "body", "body without length", "HTTP/1.0", "chunks", "100 Continue for ever"],
)
def test_a_slow_answer_ends_at_the_deadline(start: bytes, piece: bytes) -> None:
    with RawServer() as server:
        server._answers.append(server.drip(start, piece))
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="time ran out"):
            send(server.url)
        assert time.monotonic() - begun < DEADLINE_SECONDS + 0.5


def test_silence_ends_at_the_deadline() -> None:
    with RawServer() as server:

        def stay_silent(_: socket.socket) -> None:
            server.stopped.wait(5)

        server._answers.append(stay_silent)
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            send(server.url)
        assert time.monotonic() - begun < DEADLINE_SECONDS + 0.5


def test_a_body_over_the_cap_is_not_read() -> None:
    with RawServer(answer_bytes(ok(b"x" * 50_000))) as server, pytest.raises(ContractBroken, match=r"10,000 bytes"):
        send(server.url, max_bytes=10_000)


def test_a_small_answer_that_unpacks_to_a_huge_one_costs_little_memory() -> None:
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=6)
    with RawServer(answer_bytes(ok(bomb, headers="Content-Encoding: gzip\r\n"))) as server:
        tracemalloc.start()
        try:
            with pytest.raises(ContractBroken):
                send(server.url, max_bytes=1_000_000, deadline=10)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 64_000_000


def test_a_redirect_is_not_followed() -> None:
    with RawServer(answer_bytes(ok(b"the other host"))) as other:
        moved = f"HTTP/1.1 302 Found\r\nLocation: {other.url}/\r\nContent-Length: 0\r\n\r\n".encode()
        with RawServer(answer_bytes(moved)) as server:
            assert send(server.url).status == 302
        assert other.requests == []


def test_proxy_variables_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(answer_bytes(ok(b"proxy"))) as proxy, RawServer(answer_bytes(ok(b"direct"))) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert send(server.url).body == b"direct"
        assert proxy.requests == []


def test_cookies_are_not_kept() -> None:
    with RawServer(answer_bytes(ok(b"1", headers="Set-Cookie: a=b; Path=/\r\nConnection: close\r\n"))) as server:
        transport = Transport(System.QUICKBOOKS)
        for _ in range(2):
            transport.send("GET", server.url, headers={}, deadline_seconds=2, max_bytes=10)
        transport.close()
        assert not any(b"Cookie" in request for request in server.requests)


def test_a_connection_is_used_again() -> None:
    ports: set[int] = set()

    def answer_three(connection: socket.socket) -> None:
        ports.add(connection.getpeername()[1])
        connection.sendall(ok(b"1"))
        for _ in range(2):
            connection.recv(65536)
            connection.sendall(ok(b"1"))

    with RawServer(answer_three) as server:
        transport = Transport(System.QUICKBOOKS)
        for _ in range(3):
            assert transport.send("GET", server.url, headers={}, deadline_seconds=2, max_bytes=10).body == b"1"
        transport.close()
    assert len(ports) == 1


def test_a_deadline_on_a_used_connection_works_as_on_a_new_one() -> None:
    with RawServer() as server:

        def answer_then_drip(connection: socket.socket) -> None:
            connection.sendall(ok(b"1"))
            connection.recv(65536)
            server.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x")(connection)

        server._answers.append(answer_then_drip)
        transport = Transport(System.QUICKBOOKS)
        transport.send("GET", server.url, headers={}, deadline_seconds=2, max_bytes=10)
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            transport.send("GET", server.url, headers={}, deadline_seconds=DEADLINE_SECONDS, max_bytes=10)
        assert time.monotonic() - begun < DEADLINE_SECONDS + 0.5
        transport.close()


@pytest.mark.parametrize("token", ["bad\nheader", "ümlaut€"])
def test_no_failure_tells_the_token_or_the_address(token: str) -> None:
    transport = Transport(System.QUICKBOOKS)
    with pytest.raises(Unavailable) as caught:
        transport.send(
            "GET",
            free_url() + f"/{SECRET}",
            headers={"Authorization": token + SECRET},
            deadline_seconds=2,
            max_bytes=10,
        )
    transport.close()
    shown = json.dumps(
        [str(caught.value), repr(caught.value), repr(caught.value.__cause__), repr(caught.value.__context__)]
    )
    assert SECRET not in shown


def test_the_library_below_does_not_log_addresses(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with RawServer(answer_bytes(b"HTTP/1.1 200 OK\r\nContent-Len")) as server:
        send(f"{server.url}/v3/company/{SECRET}")
    assert SECRET not in caplog.text
