"""Workers in several processes share one rotating refresh token; Intuit revokes it when two refresh at once."""

import multiprocessing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.quickbooks.auth import Authority
from connectors.quickbooks.tokens import TokenKeeper
from connectors.sandbox.quickbooks import serve
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.quickbooks_tokens import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH
from connectors.transport import Transport
from mappings.model import System
from state.keyring import KeyRing, new_key
from state.store import Store
from sync.clocks import SystemClock
from sync.stored_access import QuickBooksTokens

REALM = "9130347"
ROUNDS = 15
WORKERS = 4


def keeper_of(store: Store, key: str, discovery_url: str, owner: str) -> TokenKeeper:
    clock = SystemClock()
    tokens = QuickBooksTokens(
        store.company("acme").tokens(KeyRing.from_text(key)), clock, realm_id=REALM, environment="sandbox"
    )
    authority = Authority(
        Transport(System.QUICKBOOKS),
        clock,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        discovery_url=discovery_url,
    )
    return TokenKeeper(tokens, authority, clock, owner=owner)


def work(number: int, places: tuple[str, str, str], barrier: object, results: object) -> None:
    """One worker: all refuse the same token at the same time, round after round."""
    url, key, discovery_url = places
    try:
        with Store.open(url, SystemClock()) as store:
            keeper = keeper_of(store, key, discovery_url, f"worker-{number}")
            token = keeper.access_token()
            for _ in range(ROUNDS):
                barrier.wait(60)  # type: ignore[attr-defined]
                token = keeper.renew(token)
                results.put((number, token))  # type: ignore[attr-defined]
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent has to see it
        results.put((number, f"{type(error).__name__}: {error}"))  # type: ignore[attr-defined]
        barrier.abort()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_processes_that_race_refresh_once_per_round(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    url, key = f"sqlite:///{tmp_path / 'store.db'}", new_key()
    clock = SystemClock()
    with serve(QuickBooksLedger(clock, realm_id=REALM)) as server, Store.open(url, clock) as store:
        consent = server.tokens.connect()
        stored = QuickBooksTokens(
            store.company("acme").tokens(KeyRing.from_text(key)), clock, realm_id=REALM, environment="sandbox"
        )
        assert stored.save(
            access_token=consent.access_token,
            refresh_token=consent.refresh_token,
            access_expires_at=datetime.now(UTC).replace(year=2100),
            refresh_expires_at=None,
            hard_expires_at=None,
            expected_version=None,
        )
        barrier, results = context.Barrier(WORKERS), context.Queue()
        workers = [
            context.Process(target=work, args=(number, (url, key, server.discovery_url), barrier, results))
            for number in range(WORKERS)
        ]
        for worker in workers:
            worker.start()
        got = [results.get(timeout=120) for _ in range(WORKERS * ROUNDS)]
        for worker in workers:
            worker.join(30)
        assert [text for _, text in got if ":" in text] == []
        refreshes = [call for call in server.calls if call.request.path == TOKEN_PATH]
        assert [call.status for call in refreshes] == [200] * ROUNDS
        assert len({token for _, token in got}) == ROUNDS
