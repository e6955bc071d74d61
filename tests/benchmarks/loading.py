"""The process that is measured: the real puller into the real store, a first load and the cycle after it.

`python -m tests.benchmarks.loading STORE_URL ALIAS ADDRESS` prints one JSON object. Intuit's pace of ten requests a
second is left out: with it, no program reads more than 10,000 records a second.
"""

import sys
import time
from typing import Any

import msgspec

from connectors.metering import CallMeter, MonthlyCounts
from connectors.quickbooks.client import QuickBooksClient
from connectors.quickbooks.reading import QuickBooksReader
from connectors.retrying import Retrier
from connectors.transport import Transport
from mappings.model import System
from state.store import Store
from sync.clocks import SystemClock
from sync.collecting import settle_collector
from sync.pulling.quickbooks import pull_quickbooks
from sync.stored_access import StoredCounts
from tests.benchmarks.figures import peak_memory_mb
from tests.benchmarks.simulator import Address


class _OneToken:
    """The token that the simulator gave; it lasts longer than any run."""

    def __init__(self, token: str) -> None:
        self._token = token

    def access_token(self) -> str:
        return self._token

    def renew(self, refused: str) -> str:
        raise AssertionError("the benchmark ran longer than an access token lasts")


def reader_of(address: Address, counts: MonthlyCounts | None = None) -> QuickBooksReader:
    """The worker's own reader, without a pacer; calls are counted where they belong, if that is given."""
    clock = SystemClock()
    return QuickBooksReader(
        QuickBooksClient(
            Transport(System.QUICKBOOKS),
            _OneToken(address.access_token),
            realm_id=address.realm_id,
            origin=address.url,
            meter=CallMeter(System.QUICKBOOKS, clock, counts=counts),
            retrier=Retrier(clock),
        )
    )


def main(store_url: str, alias: str, address: str) -> None:
    """Load, then follow the changes once, and print what it took."""
    clock = SystemClock()
    with Store.open(store_url, clock) as store:
        company = store.company(alias)
        reader = reader_of(msgspec.json.decode(address, type=Address), StoredCounts(store, company.meter))
        with company.hold(owner="benchmark") as held:
            records = company.records(held)

            def pull() -> dict[str, Any]:
                run = company.runs.start("sync", at=clock.now())
                wall, cpu = time.monotonic(), time.process_time()
                outcome = pull_quickbooks(reader, records, run_id=run.id, clock=clock)
                wall, cpu = time.monotonic() - wall, time.process_time() - cpu
                company.runs.finish(run.id, at=clock.now(), verdict=None, certificate="{}")
                return {
                    "seconds": wall,
                    "cpu_seconds": cpu,
                    "records": sum(outcome.read.values()),
                    "changed": len(outcome.changed),
                    "calls": outcome.sent,
                    "gaps": [str(gap) for gap in outcome.gaps],
                }

            answer = {"load": pull(), "cycle": pull(), "peak_mb": 0.0}
            answer["peak_mb"] = peak_memory_mb()
            print(msgspec.json.encode(answer).decode())


if __name__ == "__main__":
    settle_collector()  # as the program does
    main(*sys.argv[1:])
