"""Laws of the reports over months of a simulated firm's work, mistakes included."""

import random
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.quickbooks_rows import LedgerRefused
from connectors.sandbox.story import Story
from connectors.sandbox.world import World
from mappings.model import Book
from sync.reports.month_end import MonthEnd, MonthPack
from sync.reports.opened import open_books
from sync.reports.restatements import RestatementRow, Restatements
from sync.reports.rolling import RollForward
from sync.reports.scope import Dating, Scope
from tests.archive import Archive
from tests.reporting import NEW_YORK, Firm, applied_total, known_at, rolled_total

DAYS = 45


class Lived:
    """A firm's story, read every evening; `evenings` are the moments of the reads."""

    def __init__(self, seed: int) -> None:
        story = Story(seed=seed, days=DAYS)
        clock = SimulatedClock(story.starts_at)
        world, self.archive = World(clock), Archive()
        self.evenings: list[datetime] = []
        while not story.is_finished:
            story.advance(world)
            self.archive.read(world)
            self.evenings.append(clock.now())
        self.book = self.archive.book()

    def months(self) -> list[date]:
        """The first days of the last six months."""
        months = [self.evenings[-1].date().replace(day=1)]
        for _ in range(5):
            months.append((months[-1] - timedelta(days=1)).replace(day=1))
        return months[::-1]


class Restless:
    """Five months of bookkeeping in which hardly anything stays as it was: re-dated, un-applied, voided, deleted."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._firm = Firm("2026-02-02")
        self.archive = self._firm.archive
        self.evenings: list[datetime] = []
        self._memos: list[str] = []
        self._invoices: list[str] = []
        self._payments: list[str] = []
        while not self.evenings or self.evenings[-1].date() < date(2026, 7, 10):
            self._firm.clock.advance(days=self._chance.randrange(1, 5))
            for _ in range(self._chance.randrange(1, 4)):
                with suppress(LedgerRefused, KeyError):
                    self._chance.choice(self._acts())()
            self.evenings.append(self._firm.read())
        self.book = self.archive.book()

    def months(self) -> list[date]:
        """The first days of the months."""
        return [date(2026, number, 1) for number in range(1, 8)]

    def _acts(self) -> list[Callable[[], object]]:
        books, pick = self._firm.books, self._chance.choice
        today = self._firm.clock.now().date()
        some_day = today - timedelta(days=self._chance.choice([0, 0, 3, 35]))
        part = str(self._chance.randrange(1, 60))
        name = f"N-{len(self._memos) + len(self._invoices) + len(self._payments)}-{today}"
        acme = self._firm.acme
        acts: list[Callable[[], object]] = [
            lambda: self._memos.append(books.create_credit_memo(acme, name, "80", on=some_day)),
            lambda: self._invoices.append(books.create_invoice(acme, name, "100", on=some_day)),
            lambda: self._payments.append(books.receive_payment(acme, "90", on=some_day)),
        ]
        if self._memos and self._invoices and self._payments:
            memo, invoice, payment = pick(self._memos), pick(self._invoices), pick(self._payments)
            acts += [
                lambda: self._payments.append(books.apply_credit(memo, invoice, part, on=some_day)),
                lambda: self._payments.append(books.apply_credit(memo, invoice, part, on=some_day)),
                lambda: books.apply_payment(payment, invoice, part),
                lambda: books.apply_payment(payment, invoice, part),
                lambda: self._payments.append(
                    books.receive_payment(acme, "20", on=today, apply={invoice: "30"}, credits={memo: "10"})
                ),
                lambda: books.unapply(payment, invoice),
                lambda: books.edit_payment(payment, on=today - timedelta(days=self._chance.choice([1, 40]))),
                lambda: books.edit_credit_memo(memo, on=some_day),
                lambda: books.edit_credit_memo(memo, amount=part),
                lambda: books.edit_invoice(invoice, amount=part),
                lambda: books.refund_credit(memo, "5", on=today),
                lambda: pick([books.void_payment, books.delete_payment])(payment),
                lambda: pick([books.void_invoice, books.void_credit_memo, books.delete_credit_memo])(
                    pick([invoice, memo])
                ),
            ]
        return acts


@pytest.fixture(scope="module", params=["story 3", "restless 1", "restless 2", "restless 3", "restless 4"])
def lived(request: pytest.FixtureRequest) -> "Lived | Restless":
    kind, seed = request.param.split()
    return Lived(int(seed)) if kind == "story" else Restless(int(seed))


def scope_of(month: date | None, as_of: datetime, *, dating: Dating = Dating.CAME) -> Scope:
    last = (month + timedelta(days=32)).replace(day=1) - timedelta(days=1) if month else None
    return Scope(company="acme", as_of=as_of, timezone=NEW_YORK, first=month, last=last, dating=dating)


def figures_of(book: Book, scope: Scope) -> dict[str, Decimal]:
    """The roll-forward's total; zeros when there is nothing."""
    gatherer = RollForward(scope)
    for opened in open_books([known_at(book, scope.as_of)], scope):
        gatherer.add(opened)
    report = gatherer.report()
    return rolled_total(report) if report.totals else defaultdict(Decimal)


def pack(book: Book, scope: Scope) -> MonthPack:
    gatherer = MonthEnd(scope)
    for opened in open_books([known_at(book, scope.as_of)], scope):
        gatherer.add(opened)
    return gatherer.pack()


def test_every_month_ties_out_and_rolls_into_the_next(lived: Lived | Restless) -> None:
    closing = None
    moved = Decimal(0)
    for month in lived.months():
        made = pack(lived.book, scope_of(month, lived.evenings[-1]))
        assert [] == [check for check in made.checks if not check.holds]
        report = made.named("roll-forward")
        figures = rolled_total(report) if report.totals else defaultdict(Decimal)
        assert Decimal(0) == figures["unexplained"]
        assert closing in {None, figures["opening"]}
        closing = figures["closing"]
        applied = applied_total(made.named("applied-balance"))
        assert applied["customer_balance"] == applied["gross_unapplied"] - applied["gross_applied"]
        moved += applied["gross_applied"]
    assert moved > 0


def test_a_report_as_of_an_evening_is_the_report_of_that_evening(lived: Lived | Restless) -> None:
    """What is known later does not reach back, whatever happened to the same records."""
    for evening in lived.evenings[5::12]:
        month = evening.date().replace(day=1)
        then = known_at(lived.book, evening)
        assert pack(then, scope_of(month, evening)) == pack(lived.book, scope_of(month, evening))


def test_the_order_of_records_makes_no_difference(lived: Lived | Restless) -> None:
    scope = scope_of(lived.months()[-2], lived.evenings[-1])
    shuffled = list(lived.book.histories)
    random.Random(1).shuffle(shuffled)
    other = msgspec.structs.replace(lived.book, histories=tuple(shuffled))
    assert pack(lived.book, scope) == pack(other, scope)


def test_the_restatements_are_exactly_the_difference_to_what_was_reported(lived: Lived | Restless) -> None:
    """Issued, applied, un-applied, refunded and edited, each by the dates of the books."""
    now = lived.evenings[-1]
    scope = scope_of(None, now, dating=Dating.BOOKED)
    gatherer = Restatements(scope)
    for opened in open_books([lived.book], scope):
        gatherer.add(opened)
    rows = [row for row in gatherer.report().rows if isinstance(row, RestatementRow)]
    assert len(rows) > 20 or isinstance(lived, Lived)
    for month in lived.months()[:-1]:
        following = (month + timedelta(days=32)).replace(day=1)
        reported_at = datetime(following.year, following.month, following.day, tzinfo=NEW_YORK)
        if reported_at <= lived.evenings[0]:
            continue
        before = figures_of(lived.book, scope_of(month, reported_at, dating=Dating.BOOKED))
        after = figures_of(lived.book, scope_of(month, now, dating=Dating.BOOKED))
        for part, sign, kinds in (
            ("issued", 1, {"issued"}),
            ("applied", -1, {"applied"}),
            ("unapplied", 1, {"unapplied"}),
            ("refunded", -1, {"refunded"}),
            ("edited", 1, {"edited", "voided"}),
        ):
            told = [row.amount.minor for row in rows if row.month == f"{month:%Y-%m}" and row.kind in kinds]
            assert after[part] - before[part] == sign * Decimal(sum(told)) / 100, (month, part)


def test_healthy_bookkeeping_breaks_no_ledger(lived: Lived | Restless) -> None:
    codes = {finding.code for finding in lived.archive.evaluate(lived.evenings[-1]).findings}
    assert not codes & {"F9", "F11"}
