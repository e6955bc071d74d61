"""A cycle in which nothing has changed: what it asks of the systems, what it writes, how long it takes.

`python -m tests.benchmarks.cycle [--invoices N] [--cycles N]`
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine, event

from config.settings import load_settings
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.serving import serve_world
from connectors.sandbox.world import World
from mappings.model import System
from sync.app import Application, open_application
from sync.collecting import settle_collector
from sync.demonstration import connect
from sync.simulation import write_installation
from sync.work import unwatched
from tests.benchmarks.figures import Figure, Section, figure, show

INVOICES, CYCLES = 4_811, 5
_START = datetime(2026, 1, 5, 14, tzinfo=UTC)
_DAYS = 300
_MINUTES_BETWEEN = 5
# What says that the worker ran, whatever it found: the run, the lease, the counted calls, when it last compared.
_OF_THE_RUN = frozenset({"run", "lease", "call_meter", "reconcile_mark"})


class Cycle(msgspec.Struct, frozen=True, kw_only=True):
    """One cycle. `rows` are the rows written, by table."""

    seconds: float
    cpu_seconds: float
    calls: dict[str, int]
    rows: dict[str, int]
    finding_count: int


def measure(*, invoices: int = INVOICES, cycles: int = CYCLES) -> Section:
    """Load a firm of that many invoices in each system, then run cycles a few minutes apart."""
    clock = SimulatedClock(_START)
    world = World(clock)
    _live(world, clock, invoices)
    settle_collector()  # as the program does; the simulated firm is not the worker's to walk through
    with tempfile.TemporaryDirectory() as folder, serve_world(world) as served:
        settings = load_settings(write_installation(Path(folder), served, history_start="2026-01-01"))
        with open_application(settings, clock=clock) as application:
            connect(application, settings.companies[0], served)
            first = _cycle(application)
            done = []
            for _ in range(cycles):
                clock.advance(minutes=_MINUTES_BETWEEN)
                done.append(_cycle(application))
        assert served.complaints == ()
    return Section(
        title=f"A quiet cycle over {invoices:,} invoices in each system",
        command=f"python -m tests.benchmarks.cycle --invoices {invoices} --cycles {cycles}",
        what=(
            "Both simulators on loopback and the whole worker on SQLite: lease, both pulls, reconcile, verdict. After "
            f"the first load ({sum(first.calls.values())} calls, {first.finding_count} findings) nothing changes. Rows "
            "are counted as the database reports them, statement by statement. (Once an hour a cycle also "
            "renews its access token and notes how far it has read.)"
        ),
        figures=tuple(_figures(done)),
    )


def _live(world: World, clock: SimulatedClock, invoices: int) -> None:
    """Months of posting and paying without a mistake; every third invoice is still open."""
    clients = [world.add_client(f"Client {number} Engineering") for number in range(max(1, invoices // 25))]
    for number in range(invoices):
        if number % max(1, invoices // _DAYS) == 0:
            clock.advance(days=1)
        client, today = clients[number * 7 % len(clients)], clock.now().date()
        amount = Decimal(50_000 + number * 37 % 800_000).scaleb(-2)
        posted = world.post(world.bigtime.add_invoice(client, f"INV-{number + 1:05d}", amount, on=today))
        if number % 3:
            world.quickbooks.receive_payment(
                world.customer_of(client),
                amount,
                on=today,
                apply={posted: amount},
                reference=str(number),
                method="Check",
            )
    clock.advance(days=2)
    world.sync()
    clock.advance(days=2)


def _cycle(application: Application) -> Cycle:
    company = application.settings.companies[0]
    with _counted_rows() as rows:
        began, cpu_began = time.monotonic(), time.process_time()
        with application.hold(company, unwatched) as worker:
            report = worker.reconcile()
        seconds, cpu_seconds = time.monotonic() - began, time.process_time() - cpu_began
    assert not report.certificate.gaps, report.certificate.gaps
    return Cycle(
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        calls={name: counted.sent for name, counted in report.certificate.calls.items()},
        rows=dict(rows),
        finding_count=len(report.findings),
    )


@contextmanager
def _counted_rows() -> Iterator[Counter[str]]:
    """The rows that any connection inserts, updates or deletes inside the block, by table."""
    rows: Counter[str] = Counter()

    def count(_connection: object, cursor: Any, statement: str, *_: object) -> None:
        words = statement.split(maxsplit=3)
        place = {"INSERT": 2, "DELETE": 2, "UPDATE": 1}.get(words[0].upper())
        if place is not None and cursor.rowcount > 0:
            rows[words[place].strip('"').partition("(")[0]] += cursor.rowcount

    event.listen(Engine, "after_cursor_execute", count)
    try:
        yield rows
    finally:
        event.remove(Engine, "after_cursor_execute", count)


def _figures(cycles: Sequence[Cycle]) -> list[Figure]:
    others = [sum(count for table, count in each.rows.items() if table not in _OF_THE_RUN) for each in cycles]
    own = [sum(count for table, count in each.rows.items() if table in _OF_THE_RUN) for each in cycles]
    return [
        figure("QuickBooks calls", [each.calls[System.QUICKBOOKS] for each in cycles], "{:,.0f}", target="≤ 1"),
        figure("BigTime calls", [each.calls[System.BIGTIME] for each in cycles], "{:,.0f}", target="≤ 3"),
        figure("rows written beside the run's own", others, "{:,.0f}", target="0"),
        figure("the run's own: run, lease, counted calls, mark", own, "{:,.0f}"),
        figure("CPU time, both simulators included", [each.cpu_seconds * 1000 for each in cycles], "{:,.0f} ms"),
        figure("time", [each.seconds * 1000 for each in cycles], "{:,.0f} ms", target="< 1,000 ms"),
    ]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.cycle", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--invoices", type=int, default=INVOICES, help="invoices in each system (%(default)s)")
    parser.add_argument("--cycles", type=int, default=CYCLES, help="cycles to take the median of (%(default)s)")
    options = parser.parse_args()
    show([measure(invoices=options.invoices, cycles=options.cycles)])


if __name__ == "__main__":
    main()
