"""Puts a large firm into a new store, both systems, two reads: `python -m tests.benchmarks.month_end_filling …`.

QuickBooks' records are those of `connectors.sandbox.bulk`. Every invoice has a twin in BigTime, which shows what
QuickBooks put on it; a share has client credits in BigTime besides. Between the reads credits are applied late,
un-applied, voided and re-dated, so that there is something to restate. Prints what it made, as JSON.
"""

import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from connectors.sandbox.bulk import Volume, load_bulk
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.quickbooks_rows import LedgerRefused
from connectors.sandbox.world import World
from mappings.findings import Verdict
from mappings.model import Observation, RecordKey, System
from state.store import Store
from tests.archive import records_of
from tests.benchmarks.filling import record_all

ALIAS = "bulk"
_FIRST, _LAST = datetime(2024, 11, 1, 16, tzinfo=UTC), datetime(2026, 10, 30, 16, tzinfo=UTC)
_FIRST_READ, _SECOND_READ = datetime(2026, 11, 2, 9, tzinfo=UTC), datetime(2026, 11, 9, 9, tzinfo=UTC)
# One invoice in so many has a client credit in BigTime; one payment in so many is touched between the reads.
_CREDITED, _TOUCHED = 12, 90
_REDATED = date(2026, 9, 28)


def main(folder: str, invoices: str, customers: str) -> None:
    """Make the firm, read it twice, print the counts."""
    clock = SimulatedClock(_FIRST_READ)
    world = World(clock)
    load_bulk(world.quickbooks, _volume(int(invoices), int(customers)), with_texts=False)
    _write_bigtime(world)
    with Store.open(f"sqlite:///{Path(folder) / 'tieout.db'}", clock) as store:
        company = store.company(ALIAS)
        counts: Counter[str] = Counter()
        known: set[RecordKey] = set()
        with company.hold(owner="benchmark", lasting=timedelta(days=40)) as held:
            records = company.records(held)
            for read_at in (_FIRST_READ, _SECOND_READ):
                clock.advance_to(read_at)
                if read_at == _SECOND_READ:
                    _move_on(world, clock)
                run = company.runs.start("sync", at=read_at)
                stored = record_all(records, _observed(world, read_at, known, counts), run_id=run.id)
                certificate = '{"complete":true,"gaps":[]}'
                company.runs.finish(run.id, at=clock.now(), verdict=Verdict.CLEAN, certificate=certificate)
                counts["versions"] += stored
    print(msgspec.json.encode(counts).decode())


def _volume(invoices: int, customers: int) -> Volume:
    return Volume(
        invoices=invoices,
        payments=invoices * 8 // 10,
        credit_memos=invoices // 10,
        customers=customers,
        per_second=max(1, invoices // 400),  # a moment for each day
        first=_FIRST,
        last=_LAST,
    )


def _write_bigtime(world: World) -> None:
    """Clients, invoices and payment rows of BigTime, in step with QuickBooks; and client credits beside them."""
    quickbooks, bigtime = world.quickbooks, world.bigtime
    clients = {
        str(customer["Id"]): bigtime.add_client(str(customer["DisplayName"]), quickbooks_id=str(customer["Id"]))
        for customer in quickbooks.objects("Customer")
    }
    for place, invoice in enumerate(quickbooks.objects("Invoice")):
        on, total = date.fromisoformat(str(invoice["TxnDate"])), Decimal(str(invoice["TotalAmt"]))
        customer = invoice["CustomerRef"]
        assert isinstance(customer, dict)
        ours = bigtime.add_invoice(clients[customer["value"]], str(invoice["DocNumber"]), total, on=on)
        world.link_twin(ours, str(invoice["Id"]))
        bigtime.set_posted(ours)
        if place % _CREDITED == 0:
            bigtime.apply_account_credit(ours, total // 10, on=on + timedelta(days=3))
    world.sync()


def _move_on(world: World, clock: SimulatedClock) -> None:
    """What happens between the reads: un-applications, voids, deletions, other dates."""
    chance = random.Random(1)
    for payment in world.quickbooks.objects("Payment")[::_TOUCHED]:
        clock.advance(seconds=60)
        with suppress(LedgerRefused):
            _touch(world, payment, chance.randrange(4))
    world.sync()


def _touch(world: World, payment: Mapping[str, Any], act: int) -> None:
    books, payment_id = world.quickbooks, str(payment["Id"])
    links = [line["LinkedTxn"][0] for line in payment["Line"]]
    invoices = [link["TxnId"] for link in links if link["TxnType"] == "Invoice"]
    if act == 0 and invoices:
        books.unapply(payment_id, invoices[0])
    elif act == 1:
        books.void_payment(payment_id)
    elif act == 2:
        books.delete_payment(payment_id)
    else:
        books.edit_payment(payment_id, on=_REDATED)


def _observed(world: World, read_at: datetime, known: set[RecordKey], counts: Counter[str]) -> Iterator[Observation]:
    """What a complete read finds, deletions included; `known` are the records of the read before, and then of this."""
    absent_before = _FIRST_READ if known else None
    gone = set(known)
    for key, raw, content, modified_at in records_of(world):
        gone.discard(key)
        if not absent_before:
            counts[f"{key.system} {key.kind}"] += 1
            known.add(key)
        yield Observation(
            key=key,
            raw=raw,
            content=content,
            observed_at=read_at,
            absent_before=absent_before,
            modified_at=modified_at if key.system is System.QUICKBOOKS else None,
        )
    for key in sorted(gone):
        yield Observation(key=key, raw=b"", content=None, observed_at=read_at, absent_before=absent_before)


if __name__ == "__main__":
    main(*sys.argv[1:])
