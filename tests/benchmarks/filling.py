"""Puts a made firm into a new store: `python -m tests.benchmarks.filling STORE_URL INVOICES PAYMENTS PATH`.

Writes the payments that arrive later to PATH, so that the measured process does not have to make the firm, and
prints what was planted: BigTime's invoice ids, and how many records there are.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from connectors.sandbox.clock import SimulatedClock
from mappings.findings import Verdict
from mappings.model import Observation
from state.bulk import chunks
from state.store import Store
from state.versions import RecordStore
from tests.benchmarks.firm import NOW, Firm, Plan

ALIAS = "benchmark"
_PAGE = 5_000


def record_all(records: RecordStore, observations: Iterable[Observation], *, run_id: str) -> int:
    """Store the observations, a page at a time, and answer how many said something new."""
    changed = 0
    for page in chunks(iter(observations), _PAGE):
        with records.pull_unit(run_id) as unit:
            changed += len(unit.record(page))
    return changed


def main(store_url: str, invoices: str, payments: str, path: str) -> None:
    """Two complete reads of the firm, as two runs."""
    firm = Firm(Plan(invoices=int(invoices)))
    clock = SimulatedClock(NOW)
    with Store.open(store_url, clock) as store:
        company = store.company(ALIAS)
        with company.hold(owner="benchmark") as held:
            records = company.records(held)
            count = 0
            for reading in (firm.first_read, firm.second_read):
                run = company.runs.start("sync", at=NOW)
                count += record_all(records, reading(), run_id=run.id)
                company.runs.finish(run.id, at=NOW, verdict=Verdict.CLEAN, certificate='{"gaps": []}')
    arriving = tuple(firm.arriving_payments(int(payments)))
    Path(path).write_bytes(msgspec.msgpack.encode(arriving))
    print(msgspec.json.encode({"mistaken": firm.mistaken, "versions": count, "arriving": len(arriving)}).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
