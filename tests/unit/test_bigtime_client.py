"""What the BigTime client sends, refuses and makes of each answer."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import msgspec
import pytest
import requests
import responses
from responses.matchers import header_matcher, json_params_matcher, query_param_matcher

from connectors.bigtime.client import ApiToken, BigTimeClient, Limits, UserLogin
from connectors.bigtime.faults import classify, parse_rows, retry_after_seconds
from connectors.bigtime.reading import BigTimeReader
from connectors.errors import (
    AccessExpired,
    AccessRevoked,
    ConnectorError,
    ContractBroken,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
)
from connectors.retrying import RetryPolicy
from connectors.sandbox.clock import SimulatedClock
from connectors.transport import Reply, Transport
from mappings.model import System

ADDRESS = "https://bigtime.example/BigtimeData/api/v2"
CANARY = "canary-5a7c"
START = datetime(2026, 3, 10, 9, tzinfo=UTC)


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mocked:
        yield mocked


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


def client_of(
    clock: SimulatedClock,
    *,
    access: ApiToken | UserLogin | None = None,
    firm: str = "abc3-4567-fgr4",
    limits: Limits | None = None,
) -> BigTimeClient:
    return BigTimeClient(
        Transport(System.BIGTIME),
        access if access is not None else ApiToken(lambda: CANARY),
        base_url=ADDRESS + "/",
        firm=firm,
        clock=clock,
        limits=limits,
    )


def reader_of(clock: SimulatedClock, **options: object) -> BigTimeReader:
    return BigTimeReader(client_of(clock, **options))  # type: ignore[arg-type]


HEADERS = {
    "X-Auth-ApiToken": CANARY,
    "X-Auth-Realm": "abc3-4567-fgr4",
    "Content-Type": "application/json",
    "Accept": "application/json",
}


def test_each_list_has_its_own_names_for_dates(web: responses.RequestsMock, clock: SimulatedClock) -> None:
    first, last = date(2026, 1, 1), date(2026, 2, 3)
    expected = {
        "/invoice/history": {"startDt": "2026-01-01", "endDt": "2026-02-03"},
        "/payment/history": {"startDate": "2026-01-01", "endDate": "2026-02-03"},
        "/invoice/drafts": {},
        "/client": {"ShowInactive": "true"},
    }
    for path, params in expected.items():
        web.get(ADDRESS + path, body=b"[]", match=[query_param_matcher(params), header_matcher(HEADERS)])
    reader = reader_of(clock)
    assert (reader.fetch_invoices(first, last), reader.fetch_payments(first, last)) == ((), ())
    assert (reader.fetch_drafts(), reader.fetch_clients()) == ((), ())
    assert reader.sent == 4


def test_the_detailed_view_names_the_client(web: responses.RequestsMock, clock: SimulatedClock) -> None:
    web.get(
        ADDRESS + "/client/detail/301",
        body=b'{"SystemId": 301, "QBCustomerId": "12"}',
        match=[query_param_matcher({"View": "Detailed"})],
    )
    assert reader_of(clock).fetch_client_detail("301") == b'{"SystemId": 301, "QBCustomerId": "12"}'


def test_rows_come_back_as_they_were_written(web: responses.RequestsMock, clock: SimulatedClock) -> None:
    web.get(ADDRESS + "/invoice/drafts", body=b'\xef\xbb\xbf [ {"Sid":1, "TotalAmt":1.10} ,\n{"Sid":2}, 3, null ] ')
    assert reader_of(clock).fetch_drafts() == (b'{"Sid":1, "TotalAmt":1.10}', b'{"Sid":2}', b"3", b"null")


@pytest.mark.parametrize(
    "path",
    [
        "/Async/PostInvoice",
        "/invoice/detail/1",
        "/invoice/history/",
        "/client/../session",
        "/session",
        "/report/data/1",
    ],
)
def test_anything_but_a_read_is_refused_and_never_sent(path: str, clock: SimulatedClock) -> None:
    client = client_of(clock)
    for fetch in (client.fetch_rows, client.fetch_object):
        with pytest.raises(Rejected, match="not sent"):
            fetch(path, {}, "something")
    assert client.sent == 0


@pytest.mark.parametrize("client_id", ["", "../session", "1/2", "1?x=1", "١", "1" * 41])
def test_an_id_cannot_lead_elsewhere(client_id: str, clock: SimulatedClock) -> None:
    reader = reader_of(clock)
    with pytest.raises(Rejected):
        reader.fetch_client_detail(client_id)
    assert reader.sent == 0


def test_a_user_logs_in_once_and_again_when_the_session_ends(
    web: responses.RequestsMock, clock: SimulatedClock
) -> None:
    body = json_params_matcher({"UserId": "jo", "Pwd": CANARY, "Firm": "abc3-4567-fgr4"})
    for token in ("first", "second"):
        web.post(ADDRESS + "/session", json={"firm": "ABC3-4567-fgr4", "userid": 9, "token": token}, match=[body])
    drafts = ADDRESS + "/invoice/drafts"
    web.get(drafts, body=b"[1]", match=[header_matcher({"X-Auth-Token": "first"})])
    web.get(drafts, status=401, match=[header_matcher({"X-Auth-Token": "first"})])
    web.get(drafts, body=b"[2]", match=[header_matcher({"X-Auth-Token": "second"})])
    reader = reader_of(clock, access=UserLogin("jo", lambda: CANARY))
    assert [reader.fetch_drafts(), reader.fetch_drafts()] == [(b"1",), (b"2",)]
    assert reader.sent == 5


def test_a_second_refusal_needs_a_person(web: responses.RequestsMock, clock: SimulatedClock) -> None:
    web.get(ADDRESS + "/invoice/drafts", status=401)
    reader = reader_of(clock)
    with pytest.raises(AccessRevoked, match="tieout connect bigtime") as caught:
        reader.fetch_drafts()
    assert (reader.sent, caught.value.http_status) == (2, 401)
    assert CANARY not in repr(caught.value)


def test_a_wrong_password_is_not_tried_again(web: responses.RequestsMock, clock: SimulatedClock) -> None:
    web.post(ADDRESS + "/session", status=401)
    reader = reader_of(clock, access=UserLogin("jo", lambda: CANARY))
    with pytest.raises(AccessRevoked, match="user or password"):
        reader.fetch_drafts()
    assert reader.sent == 1


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        ({"firm": "other-firm", "token": "t"}, AccessRevoked, "another firm"),
        ({"firm": "abc3-4567-fgr4"}, ContractBroken, "without a token"),
        ({"token": "a b\r\nX: y"}, AccessRevoked, "no header can carry"),
    ],
)
def test_a_login_must_give_a_token_for_this_firm(
    answer: dict[str, str],
    error: type[ConnectorError],
    sentence: str,
    web: responses.RequestsMock,
    clock: SimulatedClock,
) -> None:
    web.post(ADDRESS + "/session", json=answer)
    with pytest.raises(error, match=sentence):
        reader_of(clock, access=UserLogin("jo", lambda: CANARY)).fetch_drafts()


@pytest.mark.parametrize("secret", ["", " ", "to ken", "line\n", "ключ"])
def test_a_token_that_no_header_can_carry_is_said_before_anything_is_sent(secret: str, clock: SimulatedClock) -> None:
    reader = reader_of(clock, access=ApiToken(lambda: secret))
    with pytest.raises(AccessRevoked, match="stray spaces"):
        reader.fetch_drafts()
    assert reader.sent == 0


def test_a_replaced_token_is_used_at_once(web: responses.RequestsMock, clock: SimulatedClock) -> None:
    tokens = iter(["old", "new"])
    web.get(ADDRESS + "/client", status=401, match=[header_matcher({"X-Auth-ApiToken": "old"})])
    web.get(ADDRESS + "/client", body=b"[]", match=[header_matcher({"X-Auth-ApiToken": "new"})])
    assert reader_of(clock, access=ApiToken(lambda: next(tokens))).fetch_clients() == ()


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(200, b"[]"), None),
        (reply(200, b" \xef\xbb\xbf[]"), None),
        (reply(204), None),
        (reply(204, b"[]"), ContractBroken),
        (reply(200), Unavailable),
        (reply(200, b"  \r\n"), Unavailable),
        (reply(200, b"<!DOCTYPE html><html></html>"), ContractBroken),
        (reply(200, b"\xef\xbb\xbf<?xml version='1.0'?><Reply/>"), ContractBroken),
        (reply(202, b"{}"), ContractBroken),
        (reply(302, b"", Location="https://elsewhere.example"), ContractBroken),
        (reply(400, b'{"Message": "no"}'), Rejected),
        (reply(401), AccessExpired),
        (reply(403), AccessRevoked),
        (reply(405), AccessRevoked),
        (reply(404, b"<html>"), NotFound),
        (reply(408), Unavailable),
        (reply(418), Rejected),
        (reply(429), Throttled),
        (reply(503, b"<html>"), Throttled),
        (reply(500, b"<html>"), Unavailable),
        (reply(502), Unavailable),
        (reply(504), Unavailable),
        (reply(599), Unavailable),
    ],
)
def test_each_answer_is_exactly_one_kind_of_error(answer: Reply, error: type[ConnectorError] | None) -> None:
    found = classify(answer, "invoice history")
    assert type(found) is (error or type(None))
    assert found is None or answer.status == found.http_status


def test_missing_rights_say_what_to_give_to_whom() -> None:
    assert "financial administrator" in str(classify(reply(405), "payment history"))


def test_no_error_quotes_a_body() -> None:
    for status in (200, 204, 302, 400, 401, 403, 404, 405, 429, 500, 503):
        error = classify(reply(status, f"<b>{CANARY}</b>".encode()), "invoice history")
        assert CANARY not in repr(error) + str(error)


@pytest.mark.parametrize(
    ("header", "sent", "seconds"),
    [
        ("7", "", 7.0),
        ("0", "", 0.0),
        ("", "", None),
        ("soon", "", None),
        ("-5", "", None),
        ("٣", "", None),
        ("99999999999999", "", 999_999_999.0),
        ("Tue, 10 Mar 2026 09:00:30 GMT", "Tue, 10 Mar 2026 09:00:00 GMT", 30.0),
        ("Tue, 10 Mar 2026 08:00:00 GMT", "Tue, 10 Mar 2026 09:00:00 GMT", 0.0),
        ("Tue, 10 Mar 2026 09:00:30 GMT", "", None),
    ],
)
def test_the_wait_that_is_asked_for_is_read(header: str, sent: str, seconds: float | None) -> None:
    assert retry_after_seconds(reply(503, Retry_After=header, Date=sent)) == seconds


@pytest.mark.parametrize("body", [b"[1, 2", b"[{]", b"[1] 2", b"\xff\xfe[", b"[" * 100_000, b'["a\x00b"]', b"nul"])
def test_damaged_json_may_be_whole_the_next_time(body: bytes) -> None:
    with pytest.raises(Unavailable, match="cut off or damaged"):
        parse_rows(body, "client list")


@pytest.mark.parametrize("body", [b"{}", b"null", b'"text"', b"1", b"true", b'{"Message": "canary-5a7c"}'])
def test_anything_but_a_list_breaks_the_contract(body: bytes) -> None:
    with pytest.raises(ContractBroken) as caught:
        parse_rows(body, "client list")
    assert CANARY not in str(caught.value)


def test_an_answer_without_content_is_a_list_without_rows(web: responses.RequestsMock, clock: SimulatedClock) -> None:
    web.get(ADDRESS + "/invoice/drafts", status=204)
    assert reader_of(clock).fetch_drafts() == ()


def test_throttling_waits_as_long_as_asked(web: responses.RequestsMock, clock: SimulatedClock) -> None:
    web.get(ADDRESS + "/client", status=503, body=b"<html>busy</html>", headers={"Retry-After": "17"})
    web.get(ADDRESS + "/client", body=b"[]")
    reader = reader_of(clock)
    assert reader.fetch_clients() == ()
    assert 17 <= (clock.now() - START).total_seconds() <= 18
    assert reader.sent == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "body": b"<html>oops</html>"},
        {"body": requests.ConnectionError("gone")},
        {"body": requests.ReadTimeout("slow")},
        {"body": b"[1, 2"},
        {"body": b""},
    ],
)
def test_a_read_is_tried_again_after_a_failure_that_passes(
    fault: dict[str, object], web: responses.RequestsMock, clock: SimulatedClock
) -> None:
    web.get(ADDRESS + "/client", **fault)
    web.get(ADDRESS + "/client", body=b"[1]")
    assert reader_of(clock).fetch_clients() == (b"1",)


@pytest.mark.parametrize("status", [400, 404, 405, 302])
def test_a_refusal_is_not_repeated(status: int, web: responses.RequestsMock, clock: SimulatedClock) -> None:
    web.get(ADDRESS + "/client", status=status)
    reader = reader_of(clock)
    with pytest.raises(ConnectorError):
        reader.fetch_clients()
    assert reader.sent == 1


def test_tries_come_to_an_end(web: responses.RequestsMock, clock: SimulatedClock) -> None:
    web.get(ADDRESS + "/client", status=500)
    reader = reader_of(clock, limits=Limits(retries=RetryPolicy(attempts=3)))
    with pytest.raises(Unavailable):
        reader.fetch_clients()
    assert reader.sent == 3


def test_a_throttled_login_does_not_multiply_tries(web: responses.RequestsMock, clock: SimulatedClock) -> None:
    web.post(ADDRESS + "/session", status=503)
    reader = reader_of(clock, access=UserLogin("jo", lambda: CANARY), limits=Limits(retries=RetryPolicy(attempts=3)))
    with pytest.raises(Throttled):
        reader.fetch_drafts()
    assert reader.sent == 3


def test_no_more_calls_a_minute_than_configured(web: responses.RequestsMock, clock: SimulatedClock) -> None:
    moments: list[float] = []

    def note(_: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        moments.append(clock.monotonic_seconds())
        return 200, {}, "[]"

    web.add_callback(responses.GET, ADDRESS + "/client", callback=note)
    reader = reader_of(clock, limits=Limits(calls_per_minute=25))
    for _ in range(80):
        reader.fetch_clients()
    assert all(later - sooner >= 60 for sooner, later in zip(moments, moments[25:], strict=False))
    assert moments[24] == moments[0]
    assert moments[-1] < 181


def test_a_list_of_rows_is_cut_at_the_byte_limit(web: responses.RequestsMock, clock: SimulatedClock) -> None:
    web.get(ADDRESS + "/client", body=msgspec.json.encode(["x" * 100] * 100))
    with pytest.raises(ContractBroken, match="larger than"):
        reader_of(clock, limits=Limits(max_bytes=5000)).fetch_clients()
