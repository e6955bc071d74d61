"""The seam over intuit-oauth: no call that nobody asked for, nothing taken from an answer but what is known."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from connectors.errors import (
    AccessRevoked,
    ConnectorError,
    ContractBroken,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Unavailable,
)
from connectors.quickbooks.auth import DISCOVERY_URLS, Authority, new_state
from connectors.sandbox.clock import SimulatedClock
from connectors.transport import Transport
from mappings.model import System

NOW = datetime(2026, 11, 5, 9, tzinfo=UTC)
DISCOVERY = "https://id.example/.well-known/openid_configuration"
TOKEN = "https://id.example/tokens"
REVOKE = "https://id.example/revoke"
DOCUMENT = {
    "issuer": "https://id.example",
    "authorization_endpoint": "https://id.example/connect",
    "token_endpoint": TOKEN,
    "revocation_endpoint": REVOKE,
    "jwks_uri": "https://id.example/jwks",
    "userinfo_endpoint": "https://id.example/me",
}
GOOD = {
    "token_type": "bearer",
    "access_token": "access-2",
    "refresh_token": "refresh-2",
    "expires_in": 3600,
    "x_refresh_token_expires_in": 8726400,
    "x_refresh_token_hard_expires_in": 157494248,
}


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def an_authority(clock: SimulatedClock, *, discovery_url: str = DISCOVERY) -> Authority:
    return Authority(
        Transport(System.QUICKBOOKS),
        clock,
        client_id="app",
        client_secret="canary-secret",
        redirect_url="https://localhost/callback",
        discovery_url=discovery_url,
    )


def test_making_one_calls_nobody(clock: SimulatedClock) -> None:
    with responses.RequestsMock():
        an_authority(clock)


def test_a_refresh_gives_tokens_with_times_of_our_clock(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.get(DISCOVERY, json=DOCUMENT)
    web.post(TOKEN, json=GOOD)
    tokens = an_authority(clock).refresh("refresh-1")
    assert (tokens.access_token, tokens.refresh_token) == ("access-2", "refresh-2")
    assert tokens.access_expires_at == NOW + timedelta(hours=1)
    assert tokens.refresh_expires_at == NOW + timedelta(seconds=8726400)
    assert tokens.hard_expires_at == NOW + timedelta(seconds=157494248)
    request = web.calls[1].request
    assert parse_qs(str(request.body, "ascii") if isinstance(request.body, bytes) else request.body or "") == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["refresh-1"],
    }
    assert request.headers["Authorization"].startswith("Basic ")
    assert request.headers["x-include-refresh-token-hard-expires-in"] == "true"


def test_the_discovery_document_is_read_once_a_day(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.get(DISCOVERY, json=DOCUMENT)
    web.post(TOKEN, json=GOOD)
    authority = an_authority(clock)
    for _ in range(3):
        authority.refresh("refresh-1")
    assert [call.request.url for call in web.calls].count(DISCOVERY) == 1
    clock.advance(hours=25)
    authority.refresh("refresh-1")
    assert [call.request.url for call in web.calls].count(DISCOVERY) == 2


def test_without_the_discovery_document_intuits_published_endpoints_are_used(
    clock: SimulatedClock, web: responses.RequestsMock
) -> None:
    web.get(DISCOVERY_URLS["production"], status=503)
    web.post("https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer", json=GOOD)
    assert an_authority(clock, discovery_url="").refresh("refresh-1").access_token == "access-2"


@pytest.mark.parametrize(
    "document",
    [
        {**DOCUMENT, "token_endpoint": "http://id.example/tokens"},
        {"issuer": "x"},
        [],
    ],
)
def test_a_discovery_document_that_would_send_secrets_in_the_clear_is_refused(
    clock: SimulatedClock, web: responses.RequestsMock, document: object
) -> None:
    web.get(DISCOVERY, json=document)
    with pytest.raises(ContractBroken, match="discovery_url"):
        an_authority(clock).refresh("refresh-1")


def test_an_answer_cannot_change_the_librarys_session(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.get(DISCOVERY, json=DOCUMENT)
    hostile = {**GOOD, "verify": False, "headers": {"X": "1"}, "trust_env": True, "id_token": "a.b.c", "proxies": {}}
    web.post(TOKEN, json=hostile)
    authority = an_authority(clock)
    assert authority.refresh("refresh-1").access_token == "access-2"
    client = authority._client()
    client.verify = False
    client.proxies = {"https": "https://evil.example"}
    assert client.verify is True
    assert client.proxies == {}


REFUSALS: list[tuple[int, str, type[ConnectorError]]] = [
    (400, '{"error":"invalid_grant","error_description":"Incorrect or invalid refresh token"}', AccessRevoked),
    (400, '{"error":"invalid_grant"}', AccessRevoked),
    (401, '{"error":"invalid_client"}', AccessRevoked),
    (400, '{"error":"unsupported_grant_type"}', Rejected),
    (400, "<html/>", Unavailable),
    (401, "", Unavailable),
    (429, "", Throttled),
    (500, '{"error":"server_error"}', Unavailable),
    (503, "<html/>", Unavailable),
    (302, "", Unavailable),
    (200, '{"access_token":"a"', Unavailable),
    (200, '{"access_token":"a"}', Unavailable),
    (200, "", Unavailable),
    (200, json.dumps({**GOOD, "access_token": "a\nb"}), Unavailable),
    (200, json.dumps({**GOOD, "refresh_token": ""}), Unavailable),
]


@pytest.mark.parametrize(("status", "body", "expected"), REFUSALS)
def test_only_intuits_own_words_mean_that_a_person_must_connect(
    clock: SimulatedClock, web: responses.RequestsMock, status: int, body: str, expected: type[ConnectorError]
) -> None:
    web.get(DISCOVERY, json=DOCUMENT)
    web.post(TOKEN, status=status, body=body, headers={"intuit_tid": "1-tid"})
    with pytest.raises(expected) as caught:
        an_authority(clock).refresh("refresh-1")
    assert type(caught.value) is expected
    assert caught.value.request_id == "1-tid"


def test_a_lost_answer_to_a_refresh_may_be_tried_again(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.get(DISCOVERY, json=DOCUMENT)
    web.post(TOKEN, body=requests.ReadTimeout())
    with pytest.raises(Unavailable):
        an_authority(clock).refresh("refresh-1")


def test_a_lost_answer_to_a_code_may_not(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.get(DISCOVERY, json=DOCUMENT)
    web.post(TOKEN, body=requests.ReadTimeout())
    with pytest.raises(OutcomeUnknown):
        an_authority(clock).exchange_code("code")


def test_a_code_is_exchanged_for_the_first_tokens(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.get(DISCOVERY, json=DOCUMENT)
    web.post(TOKEN, json=GOOD)
    assert an_authority(clock).exchange_code("the-code").refresh_token == "refresh-2"
    body = web.calls[1].request.body or b""
    assert parse_qs(body.decode() if isinstance(body, bytes) else str(body))["redirect_uri"] == [
        "https://localhost/callback"
    ]


def test_the_authorize_address_asks_for_accounting_only_and_carries_our_state(
    clock: SimulatedClock, web: responses.RequestsMock
) -> None:
    web.get(DISCOVERY, json=DOCUMENT)
    state = new_state()
    asked = parse_qs(urlsplit(an_authority(clock).authorize_url(state)).query)
    assert asked["scope"] == ["com.intuit.quickbooks.accounting"]
    assert asked["state"] == [state]
    assert new_state() != state


@pytest.mark.parametrize(
    ("status", "body"), [(200, ""), (400, '{"error":"invalid_grant"}'), (400, '{"error":"invalid_request"}')]
)
def test_revoking_a_dead_token_is_success(
    clock: SimulatedClock, web: responses.RequestsMock, status: int, body: str
) -> None:
    web.get(DISCOVERY, json=DOCUMENT)
    web.post(REVOKE, status=status, body=body)
    an_authority(clock).revoke("refresh-1")
    sent = web.calls[1].request.body or b""
    assert json.loads(sent) == {"token": "refresh-1"}


def test_revoking_with_the_wrong_secret_is_not_success(clock: SimulatedClock, web: responses.RequestsMock) -> None:
    web.get(DISCOVERY, json=DOCUMENT)
    web.post(REVOKE, status=401, body='{"error":"invalid_client"}')
    with pytest.raises(AccessRevoked):
        an_authority(clock).revoke("refresh-1")


def test_secrets_are_in_no_log_and_no_error(
    clock: SimulatedClock, web: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    web.get(DISCOVERY, json=DOCUMENT)
    web.post(TOKEN, status=400, body='{"error":"invalid_grant","refresh_token":"canary-echo"}')
    with pytest.raises(AccessRevoked) as caught:
        an_authority(clock).refresh("canary-refresh")
    shown = caplog.text + str(caught.value) + repr(caught.value) + repr(caught.value.__cause__)
    assert "canary" not in shown
