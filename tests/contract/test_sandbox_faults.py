"""Planned faults, met by a real HTTP client on a real socket."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests

from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.exchange import Reply, Request, json_reply
from connectors.sandbox.faults import (
    Fault,
    FaultTable,
    Match,
    bad_gateway,
    during,
    empty_body,
    empty_fault,
    fault_in_ok,
    lost_reply,
    redirect,
    reset,
    slow_body,
    slow_headers,
    throttled,
    truncated,
    unauthorized,
    zip_bomb,
)
from connectors.sandbox.http_server import RunningServer


class Echo:
    """A simulator that counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def handle(self, request: Request) -> Reply:
        self.asked.append(request.path)
        if request.path == "/crash":
            raise RuntimeError("planted")
        return json_reply({"path": request.path, "params": dict(request.params), "body": request.body.decode()})


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def server(echo: Echo) -> Iterator[RunningServer]:
    with RunningServer(echo.handle, FaultTable()) as running:
        yield running


def get(server: RunningServer, path: str = "/a", timeout: float = 5, **params: str) -> requests.Response:
    return requests.get(server.url + path, params=params, timeout=timeout, allow_redirects=False)


def test_without_a_fault_the_simulator_answers_and_the_call_is_recorded(server: RunningServer) -> None:
    assert get(server, "/a b", q="1 + 1").json() == {"path": "/a b", "params": {"q": "1 + 1"}, "body": ""}
    assert [(call.request.method, call.request.path, call.status) for call in server.calls] == [("GET", "/a b", 200)]


@pytest.mark.parametrize(
    ("fault", "status", "part"),
    [
        (unauthorized(), 401, '"fault"'),
        (throttled("60"), 429, "<Fault"),
        (fault_in_ok(), 200, '"Fault"'),
        (empty_fault(), 200, '"Error":[]'),
        (empty_body(), 200, ""),
        (bad_gateway(), 502, "<html>"),
        (redirect("http://127.0.0.1:9/elsewhere"), 302, ""),
    ],
)
def test_a_canned_answer_keeps_the_request_from_the_simulator(
    server: RunningServer, echo: Echo, fault: Fault, status: int, part: str
) -> None:
    server.faults.add(fault)
    reply = get(server)
    assert reply.status_code == status
    assert part in reply.text
    assert echo.asked == []
    assert get(server).status_code == 200


def test_a_fault_strikes_the_nth_request_that_it_means(server: RunningServer) -> None:
    server.faults.add(bad_gateway(), on=Match(path="/query", contains="from invoice"), nth=2, times=2)
    statuses = [get(server, "/query", query=f"SELECT * FROM {name}").status_code for name in ("Invoice", "Payment")]
    statuses += [get(server, "/query", query="SELECT * FROM Invoice").status_code for _ in range(3)]
    assert statuses == [200, 200, 502, 502, 200]
    assert server.faults.struck == ["gateway 502", "gateway 502"]
    assert server.faults.pending == ()


def test_a_rule_that_did_not_strike_stays_pending(server: RunningServer) -> None:
    server.faults.add(reset(), on=Match(method="POST"))
    get(server)
    assert server.faults.pending == ("reset",)


def test_a_reset_comes_before_the_effect_and_a_lost_reply_after_it(server: RunningServer, echo: Echo) -> None:
    for fault, asked in ((reset(), []), (lost_reply(), ["/a"])):
        server.faults.add(fault)
        with pytest.raises(requests.ConnectionError):
            get(server)
        assert echo.asked == asked
    assert [call.status for call in server.calls] == [0, 0]


def test_a_truncated_body_ends_before_its_promised_length(server: RunningServer) -> None:
    server.faults.add(truncated(10))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get(server)


@pytest.mark.parametrize("fault", [slow_headers(0.3), slow_body(0.3)])
def test_a_slow_reply_arrives_whole_after_its_time(server: RunningServer, fault: Fault) -> None:
    server.faults.add(fault)
    started = time.monotonic()
    assert get(server).json()["path"] == "/a"
    assert time.monotonic() - started > 0.25


def test_a_client_with_a_shorter_deadline_gives_up_and_the_server_stops_all_the_same(echo: Echo) -> None:
    before = threading.active_count()
    with RunningServer(echo.handle, FaultTable()) as server:
        server.faults.add(slow_headers(60))
        with pytest.raises(requests.Timeout):
            get(server, timeout=0.1)
        started = time.monotonic()
    assert time.monotonic() - started < 2
    assert threading.active_count() == before


def test_a_bomb_unpacks_to_its_size(server: RunningServer) -> None:
    server.faults.add(zip_bomb(2))
    reply = get(server)
    assert len(reply.content) == 2_000_000
    assert int(reply.headers["Content-Length"]) < 20_000


def test_the_world_can_change_in_the_middle_of_a_scan(server: RunningServer, echo: Echo) -> None:
    server.faults.add(during(lambda: echo.asked.append("changed")), nth=2)
    get(server)
    get(server)
    assert echo.asked == ["/a", "changed", "/a"]


def test_a_crash_of_the_simulator_is_kept_for_the_test_to_see(server: RunningServer) -> None:
    assert get(server, "/crash").status_code == 500
    assert server.crashes == ["GET /crash: RuntimeError: planted"]


def test_a_clock_moves_only_forward_and_only_when_told() -> None:
    clock = SimulatedClock(datetime(2026, 11, 2, tzinfo=UTC))
    assert (clock.now(), clock.monotonic_seconds()) == (datetime(2026, 11, 2, tzinfo=UTC), 0)
    clock.sleep_seconds(90)
    clock.sleep_seconds(-5)
    assert clock.advance(days=1) == datetime(2026, 11, 3, 0, 1, 30, tzinfo=UTC)
    clock.advance_to(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.monotonic_seconds() == 86_490
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(seconds=-1)
    with pytest.raises(ValueError, match="aware"):
        SimulatedClock(datetime(2026, 11, 2))  # noqa: DTZ001 - what must be refused
