"""Workers in several processes that share one rotating refresh token, and all find at the same moment that it is time.

Intuit ends a connection when two use one refresh token, or when a new one is lost: a worker that gets that wrong sends
a person to connect again for nothing. Each race is one such moment, and each refresh gives another refresh token.
Without strikes an earlier one is worthless at once; with them it holds for a day, as a lost answer would otherwise end
the connection whatever we do. Source: facts/quickbooks.md §1.2-1.3.
"""

import multiprocessing
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.errors import AccessRevoked, ConnectorError
from connectors.quickbooks.auth import Authority
from connectors.quickbooks.tokens import TokenKeeper
from connectors.sandbox.faults import FaultTable, Match, bad_gateway, lost_reply
from connectors.sandbox.quickbooks import serve
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches
from connectors.sandbox.quickbooks_tokens import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH
from connectors.transport import Transport
from mappings.model import System
from state.keyring import KeyRing, new_key
from state.store import Store
from sync.clocks import SystemClock
from sync.stored_access import QuickBooksTokens

REALM = "9130347"
_PATIENCE_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Races:
    """What came of the races: each should end with one new token that all workers have, and one refresh at Intuit.

    `reconnects` are workers that were told that a person has to connect, `errors` whatever else ended one.
    """

    races: int
    workers: int
    refreshes: int
    refused: int
    struck: int
    reconnects: int
    disagreements: int
    errors: tuple[str, ...]


def run_races(url: str, *, races: int, workers: int = 4, strike_every: int = 0, is_guarded: bool = True) -> Races:
    """Hold so many races on a database. With `strike_every`, the token endpoint fails in every so manieth race.

    `is_guarded` False takes away the lease that lets one refresh at a time: the violation that a race must show.
    """
    context = multiprocessing.get_context("spawn")
    clock, key, faults = SystemClock(), new_key(), FaultTable()
    switches = QuickBooksSwitches(
        rotate_refresh_token_after=timedelta(0), old_refresh_token_grace=timedelta(hours=24 if strike_every else 0)
    )
    ledger = QuickBooksLedger(clock, realm_id=REALM, switches=switches)
    with serve(ledger, faults) as server, Store.open(url, clock) as store:
        consent = server.tokens.connect()
        assert _tokens(store, key).save(
            access_token=consent.access_token,
            refresh_token=consent.refresh_token,
            access_expires_at=datetime.now(UTC).replace(year=2100),
            refresh_expires_at=None,
            hard_expires_at=None,
            expected_version=None,
        )
        for number in range(strike_every, races, strike_every) if strike_every else ():
            fault = bad_gateway() if number // strike_every % 2 else lost_reply()
            faults.add(fault, on=Match(path=TOKEN_PATH), nth=number)
        barrier, results = context.Barrier(workers), context.Queue()
        places = (url, key, server.discovery_url, is_guarded)
        processes = [
            context.Process(target=_work, args=(number, races, places, barrier, results)) for number in range(workers)
        ]
        for process in processes:
            process.start()
        tokens: dict[int, set[str]] = {}
        errors: list[str] = []
        for _ in range(workers * races):
            number, token, error = results.get(timeout=_PATIENCE_SECONDS)
            tokens.setdefault(number, set()).add(token)
            if error:
                errors.append(error)
                break
        for process in processes:
            process.join(0.1 if errors else 30)
            process.kill()
        statuses = Counter(call.status for call in server.calls if call.request.path == TOKEN_PATH)
    return Races(
        races=races,
        workers=workers,
        refreshes=statuses[200],
        refused=statuses[400] + statuses[401],
        struck=len(faults.struck),
        reconnects=sum(error.startswith("AccessRevoked") for error in errors),
        disagreements=sum(len(each) != 1 for each in tokens.values()),
        errors=tuple(errors),
    )


def _tokens(store: Store, key: str) -> QuickBooksTokens:
    held = store.company("acme").tokens(KeyRing.from_text(key))
    return QuickBooksTokens(held, SystemClock(), realm_id=REALM, environment="sandbox")


class _Unguarded(QuickBooksTokens):
    def acquire_refresh_lease(self, owner: str, *, seconds: float) -> bool:
        return True


def _keeper(store: Store, key: str, discovery_url: str, owner: str, *, is_guarded: bool) -> TokenKeeper:
    clock = SystemClock()
    tokens = _tokens(store, key)
    if not is_guarded:
        tokens.__class__ = _Unguarded
    authority = Authority(
        Transport(System.QUICKBOOKS),
        clock,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        discovery_url=discovery_url,
    )
    return TokenKeeper(tokens, authority, clock, owner=owner)


def _work(number: int, races: int, places: tuple[str, str, str, bool], barrier: Any, results: Any) -> None:
    """One worker: in each race all refuse the same token at the same time."""
    url, key, discovery_url, is_guarded = places
    race = 0
    try:
        with Store.open(url, SystemClock()) as store:
            keeper = _keeper(store, key, discovery_url, f"worker-{number}", is_guarded=is_guarded)
            token = keeper.access_token()
            for race in range(races):
                barrier.wait(_PATIENCE_SECONDS)
                token = _renewed(keeper, token)
                results.put((race, token, ""))
    except threading.BrokenBarrierError:
        return  # another worker has ended, and says why
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent has to see it
        results.put((race, "", f"{type(error).__name__}: {error}"))
        barrier.abort()


def _renewed(keeper: TokenKeeper, refused: str) -> str:
    """Another token; trouble that passes by itself is waited for, as the next cycle would."""
    while True:
        try:
            return keeper.renew(refused)
        except AccessRevoked:
            raise
        except ConnectorError:
            continue
