"""The seam over python-quickbooks: what goes out, with which token, and what comes back."""

import logging
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from connectors.errors import AccessRevoked, BudgetSpent, ConnectorError, Rejected, Throttled, Unavailable
from connectors.metering import CallMeter
from connectors.pacing import Pacer
from connectors.quickbooks.client import CallLimits, QuickBooksClient, _NotARead
from connectors.quickbooks.wire import read_rows
from connectors.retrying import Retrier, RetryPolicy
from connectors.sandbox.clock import SimulatedClock
from connectors.transport import Reply, Transport
from mappings.model import System

ORIGIN = "https://books.example"
REALM = "9130347"
QUERY = f"{ORIGIN}/v3/company/{REALM}/query"
CDC = f"{ORIGIN}/v3/company/{REALM}/cdc"
EMPTY = '{"QueryResponse":{},"time":"2026-05-05T05:16:21.718-07:00"}'
EXPIRED = '{"fault":{"error":[{"message":"m","code":"3200"}],"type":"AUTHENTICATION"}}'


class Access:
    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.refused: list[str] = []

    def access_token(self) -> str:
        return self.tokens[0]

    def renew(self, refused: str) -> str:
        self.refused.append(refused)
        if self.tokens[0] == refused:
            self.tokens.pop(0)
        return self.tokens[0]


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(datetime(2026, 11, 5, tzinfo=UTC))


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def a_client(clock: SimulatedClock, access: Access | None = None, **others: object) -> QuickBooksClient:
    return QuickBooksClient(
        Transport(System.QUICKBOOKS),
        access or Access("token-1"),
        realm_id=REALM,
        origin=ORIGIN + "/",
        meter=others.get("meter") or CallMeter(System.QUICKBOOKS, clock),  # type: ignore[arg-type]
        retrier=Retrier(clock, RetryPolicy(attempts=3), jitter=lambda: 0.0),
        pacers=others.get("pacers", ()),  # type: ignore[arg-type]
    )


def query(client: QuickBooksClient) -> tuple[bytes, ...]:
    return client.fetch_query(
        "SELECT * FROM Invoice", lambda reply: read_rows(reply, "Invoice", "page").records, operation="page"
    )


def test_a_query_is_posted_as_text_with_the_minor_version_and_the_token(
    clock: SimulatedClock, web: responses.RequestsMock
) -> None:
    web.post(QUERY, body=EMPTY)
    assert query(a_client(clock)) == ()
    request = web.calls[0].request
    assert request.body == b"SELECT * FROM Invoice"
    assert request.headers["Content-Type"] == "application/text"
    assert request.headers["Authorization"] == "Bearer token-1"
    assert parse_qs(urlsplit(request.url or "").query) == {"minorversion": ["75"]}


def test_changes_are_asked_for_with_an_offset(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.get(CDC, body="{}")
    since = datetime(2026, 3, 8, 1, 30, tzinfo=timezone(timedelta(hours=-8)))
    body = a_client(clock).fetch_changes(["Invoice", "Payment"], since, lambda reply: reply.body, operation="changes")
    assert body == b"{}"
    assert parse_qs(urlsplit(web.calls[0].request.url or "").query) == {
        "minorversion": ["75"],
        "entities": ["Invoice,Payment"],
        "changedSince": ["2026-03-08T09:30:00+00:00"],
    }
    assert "%2B00" in (web.calls[0].request.url or "")


def test_the_library_says_nothing_when_it_is_made(clock: SimulatedClock) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a_client(clock)


def test_nothing_but_reads_can_be_sent(clock: SimulatedClock) -> None:
    library = a_client(clock)._library
    with responses.RequestsMock():
        for change in (
            lambda: library.create_object("Invoice", "{}"),
            lambda: library.update_object("Invoice", "{}"),
            lambda: library.delete_object("Invoice", "{}"),
            lambda: library.batch_operation("{}"),
            lambda: library.misc_operation("invoice", "{}"),
        ):
            with pytest.raises(_NotARead):
                change()  # type: ignore[no-untyped-call]  # the library has no types


def test_the_token_of_each_call_is_the_newest(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.post(QUERY, body=EMPTY)
    access = Access("token-1", "token-2")
    client = a_client(clock, access)
    query(client)
    access.tokens.pop(0)
    query(client)
    assert [call.request.headers["Authorization"] for call in web.calls] == ["Bearer token-1", "Bearer token-2"]


def test_an_expired_token_costs_one_renewal_and_one_replay(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.post(QUERY, status=401, body=EXPIRED)
    web.post(QUERY, body=EMPTY)
    access = Access("old", "new")
    assert query(a_client(clock, access)) == ()
    assert access.refused == ["old"]
    assert [call.request.headers["Authorization"] for call in web.calls] == ["Bearer old", "Bearer new"]


def test_a_refusal_of_a_new_token_that_passes_needs_nobody(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    for _ in range(3):
        web.post(QUERY, status=401, body=EXPIRED)
    web.post(QUERY, body=EMPTY)
    access = Access("old", "new")
    assert query(a_client(clock, access)) == ()
    assert access.refused == ["old"]


def test_a_refusal_of_a_new_token_that_lasts_needs_a_person(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.post(QUERY, status=401, body=EXPIRED)
    access = Access("old", "new")
    with pytest.raises(AccessRevoked, match="tieout connect quickbooks"):
        query(a_client(clock, access))
    assert access.refused == ["old"]
    assert len(web.calls) == 1 + 3


def test_an_answer_that_was_cut_off_is_asked_for_again(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.post(QUERY, body='{"QueryResponse":{"Invoice":[{"Id":"1"},{"I')
    web.post(QUERY, body=EMPTY)
    assert query(a_client(clock)) == ()
    assert clock.monotonic_seconds() > 0


def test_a_throttle_is_waited_out(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.post(QUERY, status=429, body="<x/>", headers={"Retry-After": "12"})
    web.post(QUERY, body=EMPTY)
    assert query(a_client(clock)) == ()
    assert clock.monotonic_seconds() == 12


@pytest.mark.parametrize(
    ("answer", "expected", "calls"),
    [((503, "<html/>"), Unavailable, 3), ((429, ""), Throttled, 3), ((400, "{}"), Rejected, 1)],
)
def test_patience_ends_and_the_error_keeps_the_request_id(
    clock: SimulatedClock,
    web: responses.RequestsMock,
    answer: tuple[int, str],
    expected: type[ConnectorError],
    calls: int,
) -> None:
    web.post(QUERY, status=answer[0], body=answer[1], headers={"intuit_tid": "1-tid"})
    with pytest.raises(expected) as caught:
        query(a_client(clock))
    assert caught.value.request_id == "1-tid"
    assert caught.value.operation == "page"
    assert len(web.calls) == calls


def test_only_good_answers_are_metered_and_all_calls_are_counted(
    clock: SimulatedClock, web: responses.RequestsMock
) -> None:
    web.post(QUERY, status=503)
    web.post(QUERY, body=EMPTY)
    client = a_client(clock)
    query(client)
    assert (client.meter.sent, client.meter.metered) == (2, 1)


def test_nothing_is_sent_when_the_budget_is_spent(clock: SimulatedClock) -> None:
    meter = CallMeter(System.QUICKBOOKS, clock, monthly_budget=1)
    meter.count_metered()
    with responses.RequestsMock(), pytest.raises(BudgetSpent):
        query(a_client(clock, meter=meter))


def test_calls_are_paced(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.post(QUERY, body=EMPTY)
    client = a_client(clock, pacers=[Pacer(2, 1.0, clock)])
    for _ in range(5):
        query(client)
    assert clock.monotonic_seconds() >= 2.0


def test_no_token_reaches_a_log(
    clock: SimulatedClock, web: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    web.post(QUERY, status=401, body=EXPIRED)
    with pytest.raises(AccessRevoked) as caught:
        query(a_client(clock, Access("canary-1", "canary-2")))
    assert "canary" not in caplog.text + repr(caught.value) + str(caught.value)


def test_limits_are_intuits_unless_said_otherwise() -> None:
    assert CallLimits().deadline_seconds == 120


def test_a_good_reply_is_handed_on_as_it_came(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.post(QUERY, body=EMPTY)
    got: Reply = a_client(clock).fetch_query("SELECT", lambda reply: reply, operation="page")
    assert got.body == EMPTY.encode()
