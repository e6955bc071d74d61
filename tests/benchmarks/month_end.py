"""How long a month-end pack of a large firm takes, and how much memory: `python -m tests.benchmarks.month_end`.

A company of 20,000 QuickBooks invoices over 24 months is put into a SQLite store; then `tieout report month-end` is
run as a user runs it, in a process of its own. The budget is 30 seconds and 400 MB; the exit code says whether it held.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from connectors.sandbox.bulk import Volume, load_bulk
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from mappings.findings import Verdict
from mappings.model import Kind, Observation, RecordKey, System
from mappings.quickbooks import ENTITY_NAMES, MappedRecord, content_from_quickbooks
from state.store import Store

_ENCODER = msgspec.json.Encoder(decimal_format="number")
ROOT = Path(__file__).resolve().parents[2]
MOST_SECONDS, MOST_MEGABYTES = 30, 400
_FIRST, _LAST = datetime(2024, 11, 1, 16, tzinfo=UTC), datetime(2026, 10, 30, 16, tzinfo=UTC)
_READ_AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
_SETTINGS = """
[store]
url = "sqlite:///tieout.db"
[[companies]]
alias = "bulk"
[companies.quickbooks]
realm_id = "9130347"
client_id = "none"
[companies.bigtime]
firm = "none"
"""


def main() -> int:
    """Make the company, run the command, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invoices", type=int, default=20_000)
    parser.add_argument("--customers", type=int, default=400)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        print(_store(arguments.make, arguments.invoices, arguments.customers))
        return 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "tieout.toml").write_text(_SETTINGS)
        sizes = ("--invoices", str(arguments.invoices), "--customers", str(arguments.customers))
        _run(folder, "tests.benchmarks.month_end", "--make", str(folder), *sizes)
        measured = _run(
            folder, "sync", "report", "month-end", "--month", "2026-10",
            "--config", str(folder / "tieout.toml"), "--folder", str(folder / "pack"),
        )  # fmt: skip
        files = {path.name: path.stat().st_size for path in sorted((folder / "pack").iterdir())}
        print((folder / "out").read_text().split("Files")[0], f"invoices {arguments.invoices}  months 24", sep="")
    print(
        f"wall {measured.seconds:.1f} s  cpu {measured.cpu_seconds:.1f} s  peak memory {measured.megabytes} MB"
        f"  exit code {measured.code}"
    )
    print("  ".join(f"{name} {size:,} B" for name, size in files.items()))
    held = measured.code == 0 and measured.seconds < MOST_SECONDS and measured.megabytes < MOST_MEGABYTES
    print(f"budget of {MOST_SECONDS} s and {MOST_MEGABYTES} MB: {'held' if held else 'BROKEN'}")
    return 0 if held else 1


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a process took."""

    code: int
    seconds: float
    cpu_seconds: float
    megabytes: int


def _run(folder: Path, module: str, *arguments: str) -> Measured:
    """Run a module in a process of its own. This process stays small, so that the other's peak is its own."""
    command: Sequence[str] = [sys.executable, "-m", module, *arguments]
    before = time.monotonic()
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measured(
        code=process.returncode,
        seconds=time.monotonic() - before,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        megabytes=usage.ru_maxrss // 1024,
    )


def _store(folder: Path, invoices: int, customers: int) -> int:
    """Put the company into a store as one complete run would have; answers the number of records."""
    volume = Volume(
        invoices=invoices,
        payments=invoices * 8 // 10,
        credit_memos=invoices // 10,
        customers=customers,
        first=_FIRST,
        last=_LAST,
    )
    clock = SimulatedClock(_READ_AT)
    ledger = QuickBooksLedger(clock)
    load_bulk(ledger, volume, with_texts=False)
    count = 0
    with Store.open(f"sqlite:///{folder / 'tieout.db'}", clock) as store:
        company = store.company("bulk")
        run = company.runs.start("sync", at=_READ_AT)
        with company.hold(owner="benchmark") as held:
            records = company.records(held)
            for kind in (Kind.CUSTOMER, Kind.INVOICE, Kind.CREDIT_MEMO, Kind.PAYMENT, Kind.PREFERENCES):
                with records.pull_unit(run.id) as unit:
                    count += len(unit.record(list(_observed(ledger, kind))))
        company.runs.finish(run.id, at=_READ_AT, verdict=Verdict.CLEAN, certificate='{"complete":true,"gaps":[]}')
    return count


def _observed(ledger: QuickBooksLedger, kind: Kind) -> Iterator[Observation]:
    for entity in ledger.objects(ENTITY_NAMES[kind]):
        raw = _ENCODER.encode(entity)
        mapped = content_from_quickbooks(kind, raw)
        assert isinstance(mapped, MappedRecord), mapped
        yield Observation(
            key=RecordKey(System.QUICKBOOKS, kind, mapped.id),
            raw=raw,
            content=mapped.content,
            observed_at=_READ_AT,
            modified_at=mapped.modified_at,
        )


if __name__ == "__main__":
    sys.exit(main())
