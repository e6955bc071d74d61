"""Every answer of QuickBooks is either good or exactly one of our errors, whatever spelling the fault has."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import (
    AccessExpired,
    AccessRevoked,
    BudgetSpent,
    Conflict,
    ConnectorError,
    ContractBroken,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
)
from connectors.quickbooks.faults import fault_in, request_id_of, retry_after_of
from connectors.transport import Reply


def fault(code: str, kind: str = "ValidationFault") -> bytes:
    return (
        f'{{"Fault":{{"Error":[{{"Message":"m","Detail":"Amy Bird owes 10","code":"{code}","element":""}}],'
        f'"type":"{kind}"}},"time":"2026-05-05T05:16:21.718-07:00"}}'
    ).encode()


LOWER_401 = (
    b'{"fault":{"error":[{"message":"message=AuthenticationFailed; errorCode=003200; statusCode=401",'
    b'"detail":"Malformed bearer token","code":"3200"}],"type":"AUTHENTICATION"}}'
)
XML_THROTTLE = (
    b'<?xml version="1.0" encoding="UTF-8"?><IntuitResponse time="2016"><Fault type="SERVICE">'
    b'<Error code="3001"><Message>message=ThrottleExceeded; errorCode=003001; statusCode=429</Message>'
    b"<Detail>The request limit was reached.</Detail></Error></Fault></IntuitResponse>"
)
HTML = b"<html><body>Bad Gateway</body></html>"
HIDDEN = (
    b'{"Fault":{"Error":[{"Message":"message=ThrottleExceeded; errorCode=003001; statusCode=429"}],"type":"SERVICE"}}'
)

ANSWERS: list[tuple[int, bytes, type[ConnectorError]]] = [
    (401, LOWER_401, AccessExpired),
    (401, b"", AccessExpired),
    (401, HTML, AccessExpired),
    (401, b'<Fault type="AUTHENTICATION"><Error code="3200"/></Fault>', AccessExpired),
    (401, fault("120", "AuthorizatonFault"), AccessRevoked),
    (403, fault("3100", "AuthorizationFault"), AccessRevoked),
    (400, fault("6190"), AccessRevoked),
    (403, fault("", "AUTHORIZATION"), AccessRevoked),
    (403, b'{"fault":{}}', AccessRevoked),
    (403, HTML, Unavailable),
    (429, fault("3001", "SERVICE"), Throttled),
    (429, fault("003001", "SERVICE"), Throttled),
    (429, XML_THROTTLE, Throttled),
    (403, XML_THROTTLE, Throttled),
    (503, fault("3001", "SERVICE"), Throttled),
    (200, fault("3001", "SERVICE"), Throttled),
    (200, HIDDEN, Throttled),
    (429, b"", Throttled),
    (429, b'{"message":"Your app has used its monthly CorePlus allowance"}', BudgetSpent),
    (400, fault("610"), NotFound),
    (404, HTML, NotFound),
    (400, fault("5010"), Conflict),
    (400, fault("6240"), Rejected),
    (400, fault("4001"), Rejected),
    (400, fault("500"), Rejected),
    (400, fault("2050"), Rejected),
    (200, fault("4001"), Rejected),
    (400, b"", Rejected),
    (500, fault("10000", "SystemFault"), Unavailable),
    (200, fault("10000", "SystemFault"), Unavailable),
    (500, b"", Unavailable),
    (502, HTML, Unavailable),
    (504, b"\xff\xfe", Unavailable),
    (200, HTML, Unavailable),
    (200, b"", Unavailable),
    (200, b"   \n", Unavailable),
    (200, b"null", Unavailable),
    (200, b'{"Fault":{}}', ContractBroken),
    (200, b'{"Fault":{"Error":[],"type":""}}', ContractBroken),
    (200, b'{"Fault":{"Error":[{"Message":"no code"}]}}', ContractBroken),
    (200, b'{"Fault":{"Error":[{"code":"abc"}],"type":7}}', ContractBroken),
    (200, b'{"Fault":"a string"}', ContractBroken),
    (302, b"", ContractBroken),
    (204, b"", ContractBroken),
]


@pytest.mark.parametrize(("status", "body", "expected"), ANSWERS)
def test_a_bad_answer_is_exactly_one_class(status: int, body: bytes, expected: type[ConnectorError]) -> None:
    error = fault_in(Reply(status, {"intuit_tid": "1-a"}, body), "invoice page")
    assert type(error) is expected
    assert error.http_status == status
    assert error.request_id == "1-a"
    assert "Amy" not in str(error)


@pytest.mark.parametrize(
    "body",
    [
        b'{"QueryResponse":{},"time":"2026-05-05T05:16:21.718-07:00"}',
        b'{"QueryResponse":{"Customer":[{"DisplayName":"\\"Fault\\""}]},"time":"x"}',
        b'{"QueryResponse":{"Customer":[{"DisplayName":"Fault"}]},"time":"x"}',
        b'\xef\xbb\xbf{"a":1}'.removeprefix(b"\xef\xbb\xbf"),
    ],
)
def test_a_good_answer_is_no_error_even_when_a_record_talks_of_faults(body: bytes) -> None:
    assert fault_in(Reply(200, {}, body), "page") is None


def test_a_wrong_company_is_told_apart_from_a_lost_connection() -> None:
    error = fault_in(Reply(403, {}, fault("3100")), "page")
    assert error is not None
    assert "realm_id" in str(error)
    assert "environment" in str(error)


@settings(deadline=None)
@given(status=st.integers(100, 599), body=st.binary(max_size=200))
def test_no_answer_makes_the_classifier_fail(status: int, body: bytes) -> None:
    error = fault_in(Reply(status, {}, body), "page")
    assert error is not None or (status == 200 and body.lstrip().startswith(b"{"))


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda v: st.lists(v) | st.dictionaries(st.sampled_from(["Error", "error", "code", "type", "Message"]), v),
    )
)
def test_no_form_of_fault_makes_the_classifier_fail(inner: object) -> None:
    assert fault_in(Reply(200, {}, json.dumps({"Fault": inner}).encode()), "page") is not None or inner is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 60 "}, 60.0),
        ({"Retry-After": "Sun, 22 Nov 2026 10:00:30 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"Retry-After": "Sun, 22 Nov 2026 09:00:00 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "١٢"}, None),
        ({}, None),
    ],
)
def test_a_wait_is_read_as_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_of(headers) == seconds


def test_a_request_id_that_is_no_id_is_dropped() -> None:
    assert request_id_of({"intuit_tid": "x\x1b[31m\nforged line"}) is None
