"""A simulated firm whose reports are asked for: the world is read as the worker reads it, the books are opened."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.world import World
from mappings.model import Book, History
from mappings.money import Money, format_amount
from sync.reports.applied_balance import AppliedBalance, AppliedRow, AppliedTotal
from sync.reports.credit_activity import CreditActivity
from sync.reports.opened import open_books
from sync.reports.report import Gatherer, Report
from sync.reports.rolling import RollForward, RollTotal
from sync.reports.scope import Scope
from sync.reports.tying_out import PastReading, TyingOut
from sync.rules.moment import Moment
from tests.archive import Archive

NEW_YORK = ZoneInfo("America/New_York")


class Firm:
    """A firm with one client, "Acme", and the reports of its books. `at` lets the day come, `read` looks at it."""

    def __init__(self, start: str = "2026-09-01") -> None:
        self.clock = SimulatedClock(_noon(start))
        self.world = World(self.clock)
        self.books = self.world.quickbooks
        self.archive = Archive()
        self.acme = self.books.add_customer("Acme")

    def at(self, day: str) -> date:
        """Noon of that day has come."""
        self.clock.advance_to(_noon(day))
        return date.fromisoformat(day)

    def read(self) -> datetime:
        """Read both systems; answers when."""
        self.archive.read(self.world)
        return self.clock.now()

    def scope(self, month: str = "", *, as_of: datetime | None = None, **more: Any) -> Scope:
        """The scope of a month, or of all time."""
        first = date.fromisoformat(f"{month}-01") if month else None
        last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1) if first else None
        return Scope(company="acme", as_of=as_of or self.clock.now(), timezone=NEW_YORK, first=first, last=last, **more)

    def report(self, gatherer: Gatherer, scope: Scope) -> Report:
        """The report over the books as they were known at the scope's moment."""
        for opened in open_books([known_at(self.archive.book(), scope.as_of)], scope):
            gatherer.add(opened)
        return gatherer.report()

    def applied(self, month: str = "") -> Report:
        """The applied balance of a month."""
        scope = self.scope(month)
        return self.report(AppliedBalance(scope), scope)

    def activity(self, client: str = "Acme") -> Report:
        """The credit activity of a client."""
        scope = self.scope(client=client)
        return self.report(CreditActivity(scope), scope)

    def rolled(self, month: str = "") -> Report:
        """The roll-forward of a month."""
        scope = self.scope(month)
        return self.report(RollForward(scope), scope)


def _noon(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(hours=17)


def known_at(book: Book, as_of: datetime) -> Book:
    """The book as the store gives it for an earlier moment."""
    seen = []
    for history in book.histories:
        versions = tuple(version for version in history.versions if version.observed_at <= as_of)
        if versions:
            seen.append(History(versions))
    return msgspec.structs.replace(book, histories=tuple(seen))


def tied_out(book: Book, scope: Scope, read_at: datetime | None) -> tuple[Report, Report]:
    """The tie-out of a book as it was read at a moment, and the findings, when nothing was known of their lives."""
    reading = None if read_at is None else PastReading(moment=Moment(now=read_at, timezone=NEW_YORK))
    tying = TyingOut(scope, reading, {})
    if read_at is not None:
        tying.add(known_at(book, read_at))
    return tying.reports()


def text(amount: Money) -> str:
    """An amount as a reader sees it."""
    return format_amount(amount.minor, amount.currency)


def applied_rows(report: Report) -> list[tuple[str, str, str, str, str]]:
    """Date, invoice, type, customer balance, running total; the receivable is equal in every row."""
    rows: Sequence[AppliedRow] = [row for row in report.rows if isinstance(row, AppliedRow)]
    assert all(row.customer_balance == row.accounts_receivable for row in rows)
    return [(str(row.date), row.invoice, row.type, text(row.customer_balance), text(row.running_total)) for row in rows]


def applied_total(report: Report) -> dict[str, Decimal]:
    """The total of the only currency."""
    (total,) = report.totals
    assert isinstance(total, AppliedTotal)
    return _figures(total)


def rolled_total(report: Report) -> dict[str, Decimal]:
    """The total of the only currency; it adds up."""
    (total,) = report.totals
    assert isinstance(total, RollTotal)
    figures = _figures(total)
    assert (
        figures["opening"]
        + figures["issued"]
        - figures["applied"]
        + figures["unapplied"]
        - figures["refunded"]
        + figures["edited"]
        == figures["closing"]
    )
    return figures


def _figures(total: msgspec.Struct) -> dict[str, Decimal]:
    return {
        name: Decimal(text(value))
        for name in total.__struct_fields__
        if isinstance(value := getattr(total, name), Money)
    }
