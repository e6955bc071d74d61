"""The same pull into SQLite and PostgreSQL: the databases end up with what the books say."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.sandbox import faults
from connectors.sandbox.faults import Match
from mappings.model import Content, Kind, RecordKey, System
from mappings.records import PullOutcome
from state.store import Store
from sync.ports import RecordStore
from sync.pulling.quickbooks import pull_quickbooks
from tests.quickbooks_bench import KINDS, TODAY, Bench, a_bench

SECOND = timedelta(seconds=1)


class Filed:
    """A bench whose store is a database."""

    def __init__(self, bench: Bench, store: Store) -> None:
        self.bench = bench
        self.company = store.company("acme")

    def pull(self, *, full: bool = False) -> PullOutcome:
        with self.company.hold(owner="test", lasting=timedelta(days=1)) as held:
            run = self.company.runs.start("sync", at=self.bench.clock.now())
            records: RecordStore = self.company.records(held)
            return pull_quickbooks(self.bench.reader, records, run_id=run.id, clock=self.bench.clock, full=full)

    def mirror(self) -> dict[RecordKey, Content]:
        reader = self.company.record_reader()
        keys = [
            RecordKey(System.QUICKBOOKS, kind, id_)
            for kind in KINDS
            for id_ in reader.load_ids(System.QUICKBOOKS, kind)
        ]
        return reader.load_contents(keys)

    def assert_mirror_is_truth(self) -> None:
        mirror, truth = self.mirror(), self.bench.truth()
        assert sorted(truth) == sorted(mirror)
        assert {key for key in truth if truth[key] != mirror[key] and key.kind is not Kind.CUSTOMER} == set()


@pytest.fixture
def filed(store_url: str) -> Iterator[Filed]:
    with a_bench() as bench, Store.open(store_url, bench.clock) as store:
        yield Filed(bench, store)


def test_load_changes_deletions_and_a_quiet_run(filed: Filed) -> None:
    bench = filed.bench
    made = bench.invoices(1100, every=SECOND)
    customer = bench.ledger.add_customer("Payer")
    paid = bench.ledger.receive_payment(customer, 10, on=TODAY)
    bench.clock.advance(hours=1)
    assert filed.pull().gaps == ()
    filed.assert_mirror_is_truth()
    bench.clock.advance(hours=1)
    bench.ledger.edit_invoice(made[0], amount=5)
    bench.ledger.delete_invoice(made[1])
    bench.ledger.delete_payment(paid)
    assert len(filed.pull().changed) == 3
    filed.assert_mirror_is_truth()
    bench.clock.advance(minutes=20)
    quiet = filed.pull()
    assert (quiet.sent, quiet.changed, quiet.gaps) == (1, (), ())


def test_a_full_run_after_a_long_silence(filed: Filed) -> None:
    bench = filed.bench
    made = bench.invoices(30, every=SECOND)
    filed.pull()
    bench.ledger.delete_invoice(made[3])
    bench.ledger.edit_invoice(made[4], amount=7)
    bench.clock.advance(days=45)
    assert filed.pull().gaps == ()
    filed.assert_mirror_is_truth()
    assert filed.pull(full=True).gaps == ()
    filed.assert_mirror_is_truth()


POISON = {
    "a NUL": '"\\u0000"',
    "a lone surrogate": '"\\ud800"',
    "not a number": "NaN",
    "beyond any number": '"x", "TotalAmt": 1e400',
    "very long": '"' + "é" * 50_000 + '"',
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
def test_a_poisoned_record_never_stops_its_page(filed: Filed, poison: str) -> None:
    bench = filed.bench
    made = bench.invoices(5, every=SECOND)
    bench.clock.advance(hours=1)
    answer = {"QueryResponse": {"Invoice": bench.ledger.objects("Invoice")}, "time": "2026-03-02T02:00:00-08:00"}
    body = json.dumps(answer, default=str, ensure_ascii=False).replace('"INV-2"', poison)
    bench.server.faults.add(faults.answer(200, body), on=Match(contains="SELECT * FROM Invoice"))
    outcome = filed.pull()
    stored = filed.company.record_reader().load_ids(System.QUICKBOOKS, Kind.INVOICE)
    assert stored >= set(made) - {made[2]}
    assert (made[2] in stored) or [gap.code for gap in outcome.gaps] == ["G6"]
