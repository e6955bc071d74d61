"""First load of a large QuickBooks company over HTTP, beside a bare loop over the vendor's library.

`python -m tests.benchmarks.load [--records N] [--runs N] [--database URL|postgresql]`
"""

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from connectors.sandbox.quickbooks_rows import Entity
from mappings.model import CreditMemo, Invoice, Kind, Payment, RecordKey, System
from state.store import Store
from sync.clocks import SystemClock
from tests.benchmarks.figures import Figure, Section, answer_of, figure, show
from tests.benchmarks.postgres import started_postgres
from tests.benchmarks.simulator import Simulator, Truth, start_simulator, volume_of

RECORDS, RUNS = 190_000, 3
_EDITS = 50
_RECORDS_PER_PAGE = 1000
_KINDS = {Entity.INVOICE: Kind.INVOICE, Entity.PAYMENT: Kind.PAYMENT, Entity.CREDIT_MEMO: Kind.CREDIT_MEMO}


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One load with the cycle after it, and the bare loop beside it."""

    worker: dict[str, Any]
    bare: dict[str, Any]
    edit_count: int
    missing_count: int
    stale_count: int

    @property
    def rate(self) -> float:
        """Records that the worker read and stored, a second."""
        load = self.worker["load"]
        return float(load["records"] / load["seconds"])

    @property
    def bare_rate(self) -> float:
        """Records that the bare loop read, a second."""
        return float(self.bare["records"] / self.bare["seconds"])


def measure(*, records: int = RECORDS, runs: int = RUNS, database: str = "") -> Section:
    """Load `runs` times, each time into a new company and while the books are being edited.

    `database` is "" for a new SQLite file each time, "postgresql" for a server of its own, or a URL.
    """
    with ExitStack() as stack:
        url = stack.enter_context(started_postgres()) if database == "postgresql" else database
        simulator = stack.enter_context(start_simulator(volume_of(records)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        done = [_run(simulator, folder, number, records, url) for number in range(runs)]
    kind = "PostgreSQL" if database.startswith("postgres") else "SQLite"
    chosen = " --database postgresql" if database else ""
    return Section(
        title=f"First load of {records:,} QuickBooks records into {kind}",
        command=f"python -m tests.benchmarks.load --records {records} --runs {runs}{chosen}",
        what=(
            "The simulated QuickBooks serves invoices, payments and credit memos of 2 to 3 KB over HTTP from a process "
            "of its own; the worker's reader, puller and store load them into an empty company, each page durable and "
            "mapped, while invoices are edited. The bare loop reads the same records with python-quickbooks and its "
            "own paging and stores nothing. After one more cycle the store is compared with the books, id by id. "
            "CPU time is that of the loading process alone."
        ),
        figures=tuple(_figures(done)),
    )


def _run(simulator: Simulator, folder: Path, number: int, records: int, database: str) -> Run:
    store_url = database or f"sqlite:///{folder / f'store-{number}.db'}"
    alias = f"benchmark-{uuid4().hex[:8]}"
    address = msgspec.json.encode(simulator.address).decode()
    page_count = records // _RECORDS_PER_PAGE
    simulator.edit_while_read(_EDITS, every=max(1, page_count // (_EDITS + 5)))
    worker = answer_of("loading", store_url, alias, address)
    assert not worker["load"]["gaps"], worker["load"]["gaps"]
    truth = simulator.truth(folder / "truth.json")
    missing_count, stale_count = _compare(store_url, alias, truth)
    return Run(
        worker=worker,
        bare=answer_of("bare_reading", address),
        edit_count=truth.edit_count,
        missing_count=missing_count,
        stale_count=stale_count,
    )


def _compare(store_url: str, alias: str, truth: Truth) -> tuple[int, int]:
    """How many records the store lacks or has too many of, and how many it has in another state than the books."""
    missing = stale = 0
    with Store.open(store_url, SystemClock()) as store:
        reader = store.known_company(alias).record_reader()
        for entity, books in truth.records.items():
            kind = _KINDS[entity]
            known = reader.load_ids(System.QUICKBOOKS, kind)
            missing += len(known ^ books.keys())
            keys = {id_: RecordKey(System.QUICKBOOKS, kind, id_) for id_ in known & books.keys()}
            contents = reader.load_contents(keys.values())
            for id_, key in keys.items():
                content = contents[key]
                assert isinstance(content, Invoice | Payment | CreditMemo)
                stale += (content.revision, content.total_minor) != books[id_]
    return missing, stale


def _figures(runs: Sequence[Run]) -> list[Figure]:
    loads, cycles = [run.worker["load"] for run in runs], [run.worker["cycle"] for run in runs]
    return [
        figure("read and stored", [run.rate for run in runs], "{:,.0f} records/s", target="≥ 10,000 on two cores"),
        figure("the same, by CPU time", [load["records"] / load["cpu_seconds"] for load in loads], "{:,.0f} records/s"),
        figure("whole load", [load["seconds"] for load in loads], "{:.1f} s"),
        figure("peak memory of the process", [run.worker["peak_mb"] for run in runs], "{:,.0f} MB", target="< 200 MB"),
        figure("calls", [load["calls"] for load in loads], "{:,.0f}"),
        figure("bare loop, nothing stored", [run.bare_rate for run in runs], "{:,.0f} records/s"),
        figure("worker : bare loop", [run.rate / run.bare_rate for run in runs], "{:.2f} : 1"),
        figure(
            "worker : bare loop, by CPU time",
            [
                run.bare["cpu_seconds"] / run.bare["records"] * load["records"] / load["cpu_seconds"]
                for run, load in zip(runs, loads, strict=True)
            ],
            "{:.2f} : 1",
        ),
        figure("invoices edited during the load", [run.edit_count for run in runs], "{:,.0f}", target="50"),
        figure("cycle after it", [cycle["seconds"] for cycle in cycles], "{:.2f} s"),
        figure("records missing after the cycle", [run.missing_count for run in runs], "{:,.0f}", target="0"),
        figure("records stale after the cycle", [run.stale_count for run in runs], "{:,.0f}", target="0"),
    ]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load", description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=RECORDS, help="transactions in the books (%(default)s)")
    parser.add_argument("--runs", type=int, default=RUNS, help="loads to take the median of (%(default)s)")
    parser.add_argument(
        "--database",
        default="",
        metavar="URL",
        help="a database to fill, or 'postgresql' for a server of its own; new SQLite files otherwise",
    )
    options = parser.parse_args()
    show([measure(records=options.records, runs=options.runs, database=options.database)])


if __name__ == "__main__":
    main()
