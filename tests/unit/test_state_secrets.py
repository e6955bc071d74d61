"""Tokens and secrets: encrypted, bound to their place, refreshed by one process at a time."""

import base64
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from state.engine import write
from state.errors import KeyUnusable
from state.keyring import KeyRing, new_key
from state.store import CompanyStore, Store
from state.tables import OAUTH_TOKEN, SECRET
from state.tokens import Token, TokenStore, load_company_of_realm
from tests.stores import START, engine_of, everything

RING = KeyRing.from_text(new_key())
CANARIES = ("access-canary", "refresh-canary", "realm-canary", "secret-canary")


def token(access: str = "access-canary", refresh: str = "refresh-canary", **values: Any) -> Token:
    return Token(
        environment="production",
        realm_id="realm-canary",
        access_token=access,
        refresh_token=refresh,
        access_expires_at=START + timedelta(hours=1),
        **values,
    )


@pytest.fixture
def tokens(company_store: CompanyStore) -> TokenStore:
    return company_store.tokens(RING)


def test_a_token_comes_back_as_it_was_stored(tokens: TokenStore) -> None:
    assert tokens.load_token("quickbooks") is None
    given_token = token(refresh_expires_at=START + timedelta(days=100))
    tokens.record_token("quickbooks", given_token, at=START)
    stored = tokens.load_token("quickbooks")
    assert stored is not None
    assert (stored.token, stored.version, stored.previous_refresh_token) == (given_token, 1, "")


def test_the_refresh_token_before_the_last_is_kept(tokens: TokenStore) -> None:
    for refresh in ("first", "second", "second"):
        tokens.record_token("quickbooks", token(refresh=refresh), at=START)
    stored = tokens.load_token("quickbooks")
    assert stored is not None
    assert (stored.version, stored.token.refresh_token, stored.previous_refresh_token) == (3, "second", "first")


def test_the_refresh_token_of_another_realm_is_not_kept(tokens: TokenStore) -> None:
    tokens.record_token("quickbooks", token(refresh="first"), at=START)
    elsewhere = Token(
        environment="sandbox",
        realm_id="other",
        access_token="a",
        refresh_token="second",
        access_expires_at=START,
    )
    tokens.record_token("quickbooks", elsewhere, at=START)
    stored = tokens.load_token("quickbooks")
    assert stored is not None
    assert stored.previous_refresh_token == ""


def test_a_token_is_not_stored_over_one_that_nobody_expected(tokens: TokenStore) -> None:
    tokens.record_token("quickbooks", token(refresh="first"), at=START)
    assert tokens.record_token("quickbooks", token(refresh="late"), at=START, expected_version=0) is None
    assert tokens.record_token("quickbooks", token(refresh="second"), at=START, expected_version=1) is not None
    stored = tokens.load_token("quickbooks")
    assert stored is not None
    assert stored.token.refresh_token == "second"


def test_no_secret_is_readable_in_the_database_or_in_a_repr(store: Store, tokens: TokenStore) -> None:
    tokens.record_token("quickbooks", token(), at=START)
    tokens.record_secret("bigtime api token", "secret-canary", at=START)
    dump = repr(everything(engine_of(store)))
    shown = repr((tokens.load_token("quickbooks"), RING))
    assert [canary for canary in CANARIES if canary in dump or canary in shown] == []


def test_a_ciphertext_opens_only_in_its_own_company_and_column(store: Store) -> None:
    mine, theirs = store.company("acme").tokens(RING), store.company("other").tokens(RING)
    mine.record_token("quickbooks", token(access="mine"), at=START)
    theirs.record_token("quickbooks", token(access="theirs"), at=START)
    row_of = {row[0]: row for row in everything(engine_of(store))["oauth_token"]}
    columns = [column.name for column in OAUTH_TOKEN.columns]
    access, refresh = columns.index("access"), columns.index("refresh")
    (first, second) = sorted(row_of)
    for stolen in (row_of[second][access], row_of[first][refresh]):
        with write(engine_of(store)) as connection:
            connection.execute(update(OAUTH_TOKEN).where(OAUTH_TOKEN.c.company_id == first).values(access=stolen))
        with pytest.raises(KeyUnusable, match="moved"):
            mine.load_token("quickbooks")


def test_only_one_may_refresh_and_only_the_version_it_read(tokens: TokenStore) -> None:
    tokens.record_token("quickbooks", token(refresh="first"), at=START)
    lasting = timedelta(seconds=60)

    def begin(owner: str, *, version: int = 1, seconds: float = 0) -> bool:
        now = START + timedelta(seconds=seconds)
        return tokens.begin_refresh("quickbooks", version=version, owner=owner, lasting=lasting, now=now)

    assert begin("one")
    assert not begin("two")
    assert not begin("two", seconds=59)
    assert begin("two", seconds=60)  # the first has died
    tokens.end_refresh("quickbooks", owner="one")  # and gives back what is not his any more
    assert not begin("three", seconds=61)
    tokens.end_refresh("quickbooks", owner="two")
    assert begin("three", seconds=61)
    tokens.record_token("quickbooks", token(refresh="second"), at=START)
    assert not begin("four", seconds=62)
    assert begin("four", version=2, seconds=62)


def test_of_many_that_refresh_at_once_one_does(tokens: TokenStore) -> None:
    tokens.record_token("quickbooks", token(), at=START)
    barrier, results = threading.Barrier(6), list[bool]()

    def refresh(owner: str) -> None:
        barrier.wait()
        lasting = timedelta(seconds=60)
        results.append(tokens.begin_refresh("quickbooks", version=1, owner=owner, lasting=lasting, now=START))

    threads = [threading.Thread(target=refresh, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 5 + [True]


def test_wiping_forgets_the_provider_and_nothing_else(store: Store, tokens: TokenStore) -> None:
    tokens.record_token("quickbooks", token(), at=START)
    tokens.record_secret("quickbooks webhook", "secret-canary", at=START)
    tokens.record_secret("bigtime api token", "kept", at=START)
    tokens.wipe("quickbooks")
    assert tokens.load_token("quickbooks") is None
    assert tokens.load_secret("quickbooks webhook") is None
    assert tokens.load_secret("bigtime api token") == "kept"
    assert everything(engine_of(store))["oauth_token"] == []


def test_a_new_key_encrypts_and_the_earlier_one_still_opens(company_store: CompanyStore) -> None:
    earlier, newer = new_key(), new_key()
    first = company_store.tokens(KeyRing.from_text(earlier))
    first.record_token("quickbooks", token(), at=START)
    first.record_secret("bigtime api token", "secret-canary", at=START)
    both = company_store.tokens(KeyRing.from_text(f"{newer}\n{earlier}"))
    assert both.reencrypt() == 2
    assert both.reencrypt() == 0
    alone = company_store.tokens(KeyRing.from_text(newer))
    assert alone.load_secret("bigtime api token") == "secret-canary"
    stored = alone.load_token("quickbooks")
    assert stored is not None
    assert stored.token == token()
    with pytest.raises(KeyUnusable, match="not in the ring"):
        first.load_secret("bigtime api token")


def test_the_company_of_a_realm_is_found_without_reading_a_realm(store: Store, company_store: CompanyStore) -> None:
    earlier, newer = new_key(), new_key()
    company_store.tokens(KeyRing.from_text(earlier)).record_token("quickbooks", token(), at=START)
    ring = KeyRing.from_text(f"{newer} {earlier}")
    assert load_company_of_realm(engine_of(store), ring, "realm-canary") == company_store.company.id
    assert load_company_of_realm(engine_of(store), ring, "another") is None


def test_a_changed_ciphertext_does_not_open(store: Store, tokens: TokenStore) -> None:
    tokens.record_secret("bigtime api token", "secret-canary", at=START)
    (row,) = everything(engine_of(store))["secret"]
    value = bytearray(row[2])
    for position in (0, 1, 8, len(value) - 1):
        changed = value.copy()
        changed[position] ^= 1
        with write(engine_of(store)) as connection:
            connection.execute(update(SECRET).values(value=bytes(changed)))
        with pytest.raises(KeyUnusable):
            tokens.load_secret("bigtime api token")


@given(st.text(max_size=300), st.text(max_size=50))
def test_what_was_encrypted_opens_again_in_its_place_only(secret: str, place: str) -> None:
    ciphertext = RING.encrypt(secret, place=place)
    assert RING.decrypt(ciphertext, place=place) == secret
    with pytest.raises(KeyUnusable):
        RING.decrypt(ciphertext, place=place + "x")
    assert RING.encrypt(secret, place=place) != ciphertext


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(bytes(16)).decode(), "ä" * 44, "-" * 43 + "!"])
def test_a_key_that_is_none_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(KeyUnusable) as caught:
        KeyRing.from_text(text)
    assert not text or text not in str(caught.value)


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(new_key() + "\n", encoding="ascii")
    path.chmod(0o644)
    with pytest.raises(KeyUnusable, match="others"):
        KeyRing.from_file(path)
    path.chmod(0o400)
    assert len(KeyRing.from_file(path).key_ids) == 1
    with pytest.raises(KeyUnusable, match="cannot be read"):
        KeyRing.from_file(tmp_path / "none")
