"""A simulated QuickBooks company, a real reader against it, and an in-memory store: what puller tests stand on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from connectors.metering import CallMeter
from connectors.quickbooks.auth import Authority
from connectors.quickbooks.client import QuickBooksClient
from connectors.quickbooks.reading import QuickBooksReader
from connectors.quickbooks.tokens import TokenKeeper
from connectors.retrying import Retrier, RetryPolicy
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.quickbooks import QuickBooksServer, serve
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches
from connectors.sandbox.quickbooks_tokens import CLIENT_ID, CLIENT_SECRET
from connectors.transport import Transport
from mappings.model import Content, Kind, RecordKey, System
from mappings.problems import Problem
from mappings.quickbooks import ENTITY_NAMES, content_from_quickbooks
from mappings.records import PullOutcome
from sync.pulling.quickbooks import pull_quickbooks
from tests.fakes import MemoryRecordStore
from tests.unit.test_quickbooks_tokens import MemoryTokens

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODAY = date(2026, 3, 2)
KINDS = tuple(kind for kind in ENTITY_NAMES if kind not in {Kind.PREFERENCES, Kind.ACCOUNT})


class Bench:
    """One company: its ledger, its server, our reader, our store."""

    def __init__(self, server: QuickBooksServer, clock: SimulatedClock) -> None:
        self.server = server
        self.ledger = server.ledger
        self.clock = clock
        self.store = MemoryRecordStore()
        self.runs = 0
        self.meter = CallMeter(System.QUICKBOOKS, clock)
        self.transport = Transport(System.QUICKBOOKS)
        consent = server.tokens.connect()
        self.tokens = MemoryTokens(clock, refresh=consent.refresh_token)
        self.authority = Authority(
            self.transport, clock, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, discovery_url=server.discovery_url
        )
        self.reader = QuickBooksReader(
            QuickBooksClient(
                self.transport,
                TokenKeeper(self.tokens, self.authority, clock, owner="bench"),
                realm_id=self.ledger.realm_id,
                origin=server.url,
                meter=self.meter,
                retrier=Retrier(clock, RetryPolicy(attempts=3), jitter=lambda: 0.0),
            )
        )

    def pull(self, *, full: bool = False) -> PullOutcome:
        """One run."""
        self.runs += 1
        return pull_quickbooks(self.reader, self.store, run_id=f"run-{self.runs}", clock=self.clock, full=full)

    def truth(self) -> dict[RecordKey, Content]:
        """What the books say now, in the shared model."""
        found: dict[RecordKey, Content] = {}
        for kind in KINDS:
            for row in self.ledger.objects(ENTITY_NAMES[kind]):
                mapped = content_from_quickbooks(kind, json.dumps(row, default=str).encode())
                assert not isinstance(mapped, Problem), mapped
                assert mapped.content is not None
                found[RecordKey(System.QUICKBOOKS, kind, mapped.id)] = mapped.content
        return found

    def mirror(self) -> dict[RecordKey, Content]:
        """What the store says now."""
        return {
            key: versions[-1].content
            for key, versions in self.store.versions.items()
            if key.kind in KINDS and versions[-1].content is not None
        }

    def assert_mirror_is_truth(self, *, but: frozenset[Kind] = frozenset()) -> None:
        """Row by row; customers may lag, because their balances are read on a slower beat."""
        truth, mirror = self.truth(), self.mirror()
        kinds = [kind for kind in KINDS if kind not in but]
        for kind in kinds:
            expected = {key.id: content for key, content in truth.items() if key.kind is kind}
            found = {key.id: content for key, content in mirror.items() if key.kind is kind}
            assert sorted(expected) == sorted(found), kind
            assert expected == found, kind

    def invoices(self, count: int, *, prefix: str = "INV", every: timedelta | None = None) -> list[str]:
        """So many invoices of one customer, each `every` after the other (None: all in one second)."""
        customer = self.ledger.add_customer(f"Customer of {prefix}")
        made: list[str] = []
        for number in range(count):
            made.append(self.ledger.create_invoice(customer, f"{prefix}-{number}", 100, on=TODAY))
            if every is not None:
                self.clock.advance(seconds=every.total_seconds())
        return made


@contextmanager
def a_bench(switches: QuickBooksSwitches | None = None) -> Iterator[Bench]:
    """A bench on a free port; nothing stays behind, and the simulator has understood everything."""
    clock = SimulatedClock(START)
    ledger = QuickBooksLedger(clock, switches=switches)
    with serve(ledger) as server:
        bench = Bench(server, clock)
        try:
            yield bench
        finally:
            bench.transport.close()
        assert server.unmodelled == []
        assert server.crashes == []
