"""The address that a browser comes back to is answered once, to this machine, and only for our own request."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError

import pytest

from config.complaints import ConfigurationError
from sync.cli.callback import CallbackServer, Grant, read_grant

STATE = "s" * 43
GOOD = f"/callback?code=CANARY-code&state={STATE}&realmId=9130347"


@contextmanager
def waiting(seconds: float = 10.0) -> Iterator[tuple[str, list[Grant | ConfigurationError], threading.Thread]]:
    outcome: list[Grant | ConfigurationError] = []
    with CallbackServer("http://localhost:0/callback", state=STATE) as server:

        def wait() -> None:
            try:
                outcome.append(server.wait(seconds=seconds))
            except ConfigurationError as error:
                outcome.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        yield f"http://127.0.0.1:{server.port}", outcome, thread
        thread.join(timeout=15)
        assert not thread.is_alive()


def test_the_browser_is_sent_on_to_a_plain_page_without_the_code() -> None:
    with waiting() as (origin, outcome, thread), urllib.request.urlopen(origin + GOOD, timeout=5) as reply:
        body = reply.read().decode()
        assert f"{origin}/done" == reply.url
        assert "no-store" in reply.headers["Cache-Control"]
        assert "CANARY" not in body
        thread.join(timeout=15)
        assert [Grant("CANARY-code", "9130347")] == outcome
        assert "CANARY" not in repr(outcome)


def test_a_foreign_request_is_refused_and_the_waiting_goes_on() -> None:
    with waiting() as (origin, outcome, _):
        for target in ("/callback?code=x&state=other&realmId=1", "/callback", "/elsewhere"):
            with pytest.raises(HTTPError) as refused:
                urllib.request.urlopen(origin + target, timeout=5)
            refused.value.close()
            assert refused.value.code in (400, 404)
        assert [] == outcome
        urllib.request.urlopen(origin + GOOD, timeout=5).close()


def test_a_refusal_of_the_person_is_one_sentence() -> None:
    with waiting() as (origin, outcome, _):
        urllib.request.urlopen(f"{origin}/callback?error=access_denied&state={STATE}", timeout=5).close()
    assert "access_denied" in str(outcome[0])


def test_nobody_coming_back_ends_the_waiting() -> None:
    with waiting(seconds=0.1) as (_, outcome, thread):
        thread.join(timeout=15)
    assert "in time" in str(outcome[0])


def test_the_state_works_once() -> None:
    server = CallbackServer("http://localhost:0/callback", state=STATE)
    with server:
        assert 302 == server.answer(GOOD)[0]
        assert 404 == server.answer(GOOD)[0]


def test_a_pasted_address_is_checked_like_an_opened_one() -> None:
    address = "https://app.example.com" + GOOD
    grant = read_grant(address, state=STATE, redirect_url="https://app.example.com/callback")
    assert Grant("CANARY-code", "9130347") == grant
    for wrong in (address.replace(STATE, "other"), address.replace("code=", "kode=")):
        with pytest.raises(ConfigurationError) as refused:
            read_grant(wrong, state=STATE, redirect_url="https://app.example.com/callback")
        assert "CANARY" not in str(refused.value)
