"""A served firm, the real program that reads it into a real store, and its command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from config.settings import Settings, load_settings
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.serving import serve_world
from connectors.sandbox.world import World
from sync.app import Application, open_application
from sync.cli.invocation import Invocation
from sync.cli.program import program
from sync.demonstration import connect
from sync.simulation import write_installation
from sync.work import unwatched


class Office:
    """A served firm, the program that reads it, and its command line."""

    def __init__(self, world: World, clock: SimulatedClock, application: Application, config: Path) -> None:
        self.world = world
        self.books = world.quickbooks
        self.clock = clock
        self._application = application
        self._config = config

    def at(self, day: str) -> date:
        """Noon of that day has come."""
        self.clock.advance_to(datetime.fromisoformat(f"{day}T17:00:00").replace(tzinfo=UTC))
        return date.fromisoformat(day)

    def read(self) -> None:
        """One run of the worker."""
        with self._application.hold(self._application.settings.company(None), unwatched) as worker:
            report = worker.reconcile()
        assert report.certificate.gaps == ()

    def report(self, *arguments: str, code: int = 0) -> bytes:
        """What `tieout report …` prints."""
        return self.run("report", *arguments, code=code).stdout_bytes

    def run(self, *arguments: str, code: int = 0) -> Result:
        """A command of the program, ended with that code."""

        @contextmanager
        def opening(settings: Settings) -> Iterator[Application]:
            yield self._application

        invocation = Invocation(opening=opening)
        result = CliRunner().invoke(program, [*arguments, "--config", str(self._config)], obj=invocation)
        assert code == result.exit_code, result.output
        return result


@pytest.fixture
def office(tmp_path: Path, store_url: str) -> Iterator[Office]:
    """A firm with a prepayment, an overpayment and a memo of September, some of it used in October."""
    clock = SimulatedClock(datetime(2026, 9, 1, 17, tzinfo=UTC))
    world = World(clock)
    with serve_world(world) as served:
        config = write_installation(tmp_path / "firm", served, history_start="2026-09-01")
        config.write_text(config.read_text().replace("sqlite:///tieout.db", store_url))
        with open_application(load_settings(config), clock=clock) as application:
            connect(application, application.settings.company(None), served)
            yield Office(world, clock, application, config)


class History:
    """What happened until the second of November."""

    def __init__(self, office: Office) -> None:
        books = office.books
        self.acme = books.add_customer("Acme")
        self.prepaid = books.receive_payment(self.acme, "500", on=office.at("2026-09-10"), reference="4711")
        office.read()
        self.invoice = books.create_invoice(self.acme, "1001", "110", on=office.at("2026-10-05"))
        books.apply_payment(self.prepaid, self.invoice, "110")
        office.read()
        self.memo = books.create_credit_memo(self.acme, "CM-1", "80", on=office.at("2026-10-08"))
        self.other = books.create_invoice(self.acme, "1002", "75", on=office.at("2026-10-09"))
        self.link = books.apply_credit(self.memo, self.other, "60", on=office.at("2026-10-20"))
        self.cash = books.receive_payment(self.acme, "15", on=office.at("2026-10-21"), apply={self.other: "15"})
        office.at("2026-10-31")
        office.read()
        office.at("2026-11-02")
        office.read()


def the_world_moves_on(office: Office, known: History) -> None:
    """A late application, an un-application, a void, a deletion and a re-dating, all read one by one."""
    books = office.books
    late = books.create_invoice(known.acme, "1003", "40", on=office.at("2026-11-20"))
    books.apply_payment(known.prepaid, late, "40")
    office.read()
    office.at("2026-11-25")
    books.unapply(known.prepaid, known.invoice)
    office.read()
    books.edit_payment(known.cash, on=office.at("2026-11-26"))
    office.read()
    office.at("2026-11-27")
    books.delete_payment(known.link)
    office.read()
    office.at("2026-11-28")
    books.void_credit_memo(known.memo)
    office.read()
