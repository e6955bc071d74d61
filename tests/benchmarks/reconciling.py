"""The process that is measured: the worker's reconcile of a filled store, in full and after a few changes.

`python -m tests.benchmarks.reconciling STORE_URL PATH` prints one JSON object.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from config.settings import BigTimeSettings, CompanySettings, QuickBooksSettings, RuleSettings
from connectors.sandbox.clock import SimulatedClock
from mappings.model import Observation, System
from mappings.records import PullOutcome
from state.store import Store
from sync.collecting import settle_collector
from sync.company_worker import CompanyWorker, PullRequest
from sync.knowledge import Knowledge
from sync.reporting import RunReport
from tests.benchmarks.figures import peak_memory_mb
from tests.benchmarks.filling import ALIAS
from tests.benchmarks.firm import NOW

_COMPANY = CompanySettings(
    alias=ALIAS,
    quickbooks=QuickBooksSettings(realm_id="9130347", client_id="none"),
    bigtime=BigTimeSettings(firm="none", history_start=date(2025, 1, 1)),
)


def main(store_url: str, path: str) -> None:
    """Reconcile everything, let the payments arrive, reconcile what they touch."""
    clock = SimulatedClock(NOW)
    arriving = msgspec.msgpack.decode(Path(path).read_bytes(), type=tuple[Observation, ...])
    with Store.open(store_url, clock) as store:
        company = store.company(ALIAS)
        with company.hold(owner="benchmark") as held:
            records = company.records(held)

            def worker(observations: tuple[Observation, ...]) -> CompanyWorker:
                return CompanyWorker(
                    company=_COMPANY,
                    rules=RuleSettings(),
                    books=company.books(held),
                    knowledge=Knowledge(records),
                    runs=company.runs,
                    pulls={system: _pull_of(system, observations) for system in System},
                    clock=clock,
                )

            def _pull_of(system: System, observations: tuple[Observation, ...]) -> Callable[[PullRequest], PullOutcome]:
                def pull(request: PullRequest) -> PullOutcome:
                    own = [seen for seen in observations if seen.key.system is system]
                    with records.pull_unit(request.run_id) as unit:
                        return PullOutcome(system=system, read={}, changed=unit.record(own))

                return pull

            full = _timed(lambda: worker(()).reconcile(full=True))
            full["peak_mb"] = peak_memory_mb()
            changed = _timed(lambda: worker(arriving).reconcile())
            quiet = _timed(lambda: worker(()).reconcile())
    print(msgspec.json.encode({"full": full, "changed": changed, "quiet": quiet}).decode())


def _timed(work: Callable[[], RunReport]) -> dict[str, Any]:
    wall, cpu = time.monotonic(), time.process_time()
    report = work()
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    invoices = {stored.finding.invoice.bigtime for stored in report.findings if stored.finding.invoice}
    return {
        "seconds": wall,
        "cpu_seconds": cpu,
        "codes": Counter(stored.finding.code for stored in report.findings),
        "findings": len(report.findings),
        "invoices": sorted(invoices),
        "residual_minor": sum(abs(out.residual_minor) for out in report.tie_outs),
        "tie_lines": sum(out.invoice_count for out in report.tie_outs),
        "verdict": str(report.verdict),
    }


if __name__ == "__main__":
    settle_collector()  # as the program does
    main(*sys.argv[1:])
