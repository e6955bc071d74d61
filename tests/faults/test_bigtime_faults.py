"""BigTime's client against servers that misbehave on the wire: an answer is whole, or an error; never half."""

import socket
import time
from datetime import UTC, datetime

import pytest

from connectors.bigtime.client import ApiToken, BigTimeClient, Limits
from connectors.bigtime.reading import BigTimeReader
from connectors.errors import ConnectorError, ContractBroken, Unavailable
from connectors.retrying import RetryPolicy
from connectors.sandbox.clock import SimulatedClock
from connectors.transport import Transport
from mappings.model import System
from tests.faults.raw_server import Answer, RawServer, answer_bytes, ok, reset

CANARY = "canary-91ef"
WHOLE = b'[{"Sid": 1}, {"Sid": 2}]'


def fetch(server: RawServer, *, attempts: int = 3, deadline_seconds: float = 5.0) -> tuple[bytes, ...]:
    transport = Transport(System.BIGTIME)
    limits = Limits(deadline_seconds=deadline_seconds, max_bytes=100_000, retries=RetryPolicy(attempts=attempts))
    client = BigTimeClient(
        transport,
        ApiToken(lambda: CANARY),
        base_url=server.url,
        firm="abc3-4567-fgr4",
        clock=SimulatedClock(datetime(2026, 3, 10, tzinfo=UTC)),
        limits=limits,
    )
    try:
        return BigTimeReader(client).fetch_drafts()
    finally:
        transport.close()


def without_length(connection: socket.socket) -> None:
    """A body that is cut off where nothing says how long it should have been."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + WHOLE[:-8])


CUT_OFF: dict[str, Answer] = {
    "shorter than it says": answer_bytes(ok(WHOLE[:-4], length=len(WHOLE))),
    "without a length": without_length,
    "reset": reset,
    "nothing": answer_bytes(b""),
    "garbage": answer_bytes(b"\x00\x01\x02 not http\r\n\r\n"),
    "bad gzip": answer_bytes(ok(b"nonsense", headers="Content-Encoding: gzip\r\n")),
}


@pytest.mark.parametrize("fault", CUT_OFF.values(), ids=CUT_OFF.keys())
def test_a_cut_off_answer_is_read_again(fault: Answer) -> None:
    with RawServer(fault, answer_bytes(ok(WHOLE))) as server:
        assert fetch(server) == (b'{"Sid": 1}', b'{"Sid": 2}')
        assert len(server.requests) == 2


@pytest.mark.parametrize("fault", CUT_OFF.values(), ids=CUT_OFF.keys())
def test_an_answer_that_is_always_cut_off_is_an_error_without_secrets(fault: Answer) -> None:
    with RawServer(fault) as server, pytest.raises(Unavailable) as caught:
        fetch(server)
    assert CANARY not in repr(caught.value) + str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def test_a_body_that_drips_ends_at_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.05)

    started = time.monotonic()
    with RawServer(drip) as server, pytest.raises(ConnectorError):
        fetch(server, attempts=1, deadline_seconds=0.6)
    assert time.monotonic() - started < 4


def test_an_answer_without_end_is_not_kept() -> None:
    with RawServer(answer_bytes(ok(b"[" + b" " * 200_000 + b"]"))) as server, pytest.raises(ContractBroken):
        fetch(server)


def test_a_redirect_is_not_followed_and_takes_no_token_elsewhere() -> None:
    with RawServer(answer_bytes(ok(WHOLE))) as elsewhere:
        moved = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.url}/\r\nContent-Length: 0\r\n\r\n".encode()
        with RawServer(answer_bytes(moved)) as server, pytest.raises(ContractBroken, match="redirects"):
            fetch(server)
        assert elsewhere.requests == []
