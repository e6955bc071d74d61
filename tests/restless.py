"""Random bookkeeping in which hardly anything stays as it was, and the identities that hold of its credit ledger.

Three clients in three currencies (two, none and three digits). Memos, prepayments, journal
credits and deposits are applied, un-applied, re-dated, refunded, lowered, voided and deleted; invoices are posted
from BigTime and lowered; what QuickBooks applies is pushed back, or not. The same seed makes the same history.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta

from connectors.sandbox.bigtime_ledger import LedgerRefused as BigTimeRefused
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.quickbooks_rows import LedgerRefused
from connectors.sandbox.world import World
from mappings.model import Book, Invoice, Kind
from mappings.money import Money
from sync.reports.applied_balance import AppliedRow, AppliedTotal
from sync.reports.credit_activity import ActivityRow, ActivityTotal
from sync.reports.credit_balances import AGES, BalanceRow
from sync.reports.month_end import MonthEnd, MonthPack
from sync.reports.opened import OpenBook, open_books
from sync.reports.payments import PaymentRow
from sync.reports.rolling import RollRow
from sync.reports.scope import Dating, Scope
from tests.archive import Archive
from tests.reporting import NEW_YORK, known_at, tied_out

_BEGINS = datetime.fromisoformat("2026-02-02T17:00:00+00:00")
_TRIES = 8
_FIRST_MONTH = date(2025, 12, 1)  # what is dated back goes no further


class Client:
    """A client of the history, and the ids of what was made for him."""

    def __init__(self, customer: str, bigtime: str, digits: int) -> None:
        self.customer = customer
        self.bigtime = bigtime
        self.digits = digits
        self.credits: list[str] = []
        self.invoices: list[str] = []
        self.payments: list[str] = []
        self.refunds: list[str] = []

    def amount(self, chance: random.Random, most: int) -> str:
        """A random amount up to `most`, with the digits of the client's currency."""
        return f"{chance.randrange(1, most * 10**self.digits) / 10**self.digits:.{self.digits}f}"


class History:
    """One random history: `acts` things are tried, and both systems are read after each few of them."""

    def __init__(self, seed: int, *, acts: int = 30) -> None:
        self._chance = random.Random(seed)
        self.clock = SimulatedClock(_BEGINS)
        self.world = World(self.clock)
        self.archive = Archive()
        self.evenings: list[datetime] = []
        self.done = 0
        self._names = 0
        self._clients = [
            self._client("Acme", "USD", 2),
            self._client("Tokyo", "JPY", 0),
            self._client("Kuwait", "KWD", 3),
        ]
        for act in range(acts):
            self.clock.advance(days=self._chance.randrange(0, 9), hours=self._chance.randrange(0, 7))
            self._act()
            if self._chance.random() < 0.3:
                self.world.sync()
            if self._chance.random() < 0.5 or act == acts - 1:
                self.archive.read(self.world)
                self.evenings.append(self.clock.now())
        self.book = self.archive.book()

    @property
    def months(self) -> tuple[date, ...]:
        """The first days of all months in which anything can stand."""
        months = [_FIRST_MONTH]
        while months[-1] < self.evenings[-1].date().replace(day=1):
            months.append((months[-1] + timedelta(days=32)).replace(day=1))
        return tuple(months)

    def _act(self) -> None:
        """Try until something is not refused, a few times."""
        client = self._chance.choice(self._clients)
        for _ in range(_TRIES):
            with suppress(LedgerRefused, BigTimeRefused, KeyError, IndexError):
                self._chance.choice(self._acts(client))()
                self.done += 1
                return

    def _client(self, name: str, currency: str, digits: int) -> Client:
        customer = self.world.quickbooks.add_customer(name, currency=currency)
        ours = self.world.bigtime.add_client(name, quickbooks_id=customer)
        return Client(customer, ours, digits)

    def _name(self) -> str:
        self._names += 1
        return f"N-{self._names}"

    def _acts(self, client: Client) -> list[Callable[[], object]]:
        """What can be tried with a client; much of it is refused, as the real thing would refuse it."""
        makes, uses, changes = self._makes(client), self._uses(client), self._changes(client)
        return self._chance.choice([makes, makes, uses, uses, uses, changes])

    def _some_day(self) -> date:
        return self.clock.now().date() - timedelta(days=self._chance.choice([0, 0, 0, 4, 35]))

    def _makes(self, client: Client) -> list[Callable[[], object]]:
        """Invoices, and whatever gives credit."""
        books, chance, on, who = self.world.quickbooks, self._chance, self._some_day(), client.customer
        small, large = client.amount(chance, 60), client.amount(chance, 150)

        def paid() -> None:
            paying = {chance.choice(client.invoices): small}
            client.payments.append(books.receive_payment(who, large, on=on, apply=paying, reference=self._name()))

        def posted() -> None:
            if client.digits == 2:
                ours = self.world.bigtime.add_invoice(client.bigtime, self._name(), large, on=on)
                client.invoices.append(self.world.post(ours))

        def journal() -> None:
            lines = [("1", who, "Credit", small), ("Bad Debts", None, "Debit", small)]
            client.credits.append(books.journal_entry(lines, on=on, number=self._name()))

        return [
            lambda: client.credits.append(books.create_credit_memo(who, self._name(), large, on=on)),
            lambda: client.payments.append(books.receive_payment(who, large, on=on)),
            lambda: client.invoices.append(books.create_invoice(who, self._name(), large, on=on)),
            posted,
            journal,
            lambda: books.deposit(on=on, customer_id=who, amount=small),
            paid,
        ]

    def _uses(self, client: Client) -> list[Callable[[], object]]:
        """What puts credit somewhere, takes it back, or pays it out."""
        books, pick, on = self.world.quickbooks, self._chance.choice, self._some_day()
        today = self.clock.now().date()
        small, large = client.amount(self._chance, 60), client.amount(self._chance, 150)

        def mixed() -> None:
            paying, using = {pick(client.invoices): large}, {pick(client.credits): small}
            client.payments.append(books.receive_payment(client.customer, small, on=today, apply=paying, credits=using))

        return [
            lambda: client.payments.append(
                books.apply_credit(pick(client.credits), pick(client.invoices), small, on=on)
            ),
            lambda: books.apply_payment(pick(client.payments), pick(client.invoices), small),
            lambda: books.apply_payment(pick(client.payments), pick(client.invoices), small),
            mixed,
            lambda: books.unapply(pick(client.payments), pick(client.invoices)),
            lambda: client.refunds.append(books.refund_credit(pick(client.credits), small, on=today)),
            lambda: client.refunds.append(books.refund_overpayment(pick(client.payments), small, on=today)),
            lambda: self.world.bigtime.apply_account_credit(pick([*self.world.bigtime.invoices]), 5, on=on),
        ]

    def _changes(self, client: Client) -> list[Callable[[], object]]:
        """What is edited, voided and deleted."""
        books, pick, on = self.world.quickbooks, self._chance.choice, self._some_day()
        today, small = self.clock.now().date(), client.amount(self._chance, 60)
        return [
            lambda: books.edit_payment(pick(client.payments), on=today - timedelta(days=pick([1, 40]))),
            lambda: books.edit_payment(pick(client.payments), amount=small),
            lambda: books.edit_credit_memo(pick(client.credits), on=on),
            lambda: books.edit_credit_memo(pick(client.credits), amount=small),
            lambda: books.edit_invoice(pick(client.invoices), amount=small),
            lambda: books.delete_purchase(pick(client.refunds)),
            lambda: pick([books.void_payment, books.delete_payment])(pick(client.payments)),
            lambda: pick([books.void_credit_memo, books.delete_credit_memo])(pick(client.credits)),
            lambda: pick([books.void_invoice, books.delete_invoice])(pick(client.invoices)),
        ]


def pack_of(book: Book, scope: Scope, evenings: Sequence[datetime]) -> MonthPack:
    """The month-end pack of a book as it was known at the scope's moment; it was read on these evenings."""
    gatherer = MonthEnd(scope)
    for opened in open_books([known_at(book, scope.as_of)], scope):
        gatherer.add(opened)
    read_at = max((evening for evening in evenings if evening <= scope.ends_at), default=None)
    return gatherer.pack(*tied_out(book, scope, read_at))


def month_scope(month: date, as_of: datetime, *, dating: Dating = Dating.CAME) -> Scope:
    """The scope of one month."""
    last = (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return Scope(company="acme", as_of=as_of, timezone=NEW_YORK, first=month, last=last, dating=dating)


class Tally:
    """How often each identity was held against the figures, and where it did not hold."""

    def __init__(self) -> None:
        self.checked: defaultdict[str, int] = defaultdict(int)
        self.broken: list[str] = []

    def hold(self, name: str, ours: object, other: object, where: str) -> None:
        """Note that two figures were compared."""
        self.checked[name] += 1
        if ours != other:
            self.broken.append(f"{where}: {name}: {ours} is not {other}")


def check_history(history: History, tally: Tally, where: str) -> None:
    """Hold every identity of the credit ledger against one history, month by month, and replay an evening."""
    now = history.evenings[-1]
    closing: dict[tuple[str, str], Money] = {}
    for month in history.months:
        pack = pack_of(history.book, month_scope(month, now), history.evenings)
        for check in pack.checks:
            tally.hold(check.label, check.ours, check.other, where)
        _check_rolling(pack, closing, tally, where)
        _check_rows(pack, tally, where)
    for name, left in _left_in_quickbooks(history).items():
        tally.hold("closing = what QuickBooks says remains", closing.get(name, Money(0, name[1])), left, where)
    ever = pack_of(
        history.book,
        Scope(company="acme", as_of=now, timezone=NEW_YORK, first=_FIRST_MONTH, last=date(2027, 1, 1)),
        history.evenings,
    )
    tally.hold("originals and current amounts add up to the credit", activity_adds_up(ever), True, where)
    for problem in _credit_on_invoices(history, now):
        tally.hold("credit on an invoice lies between 0 and what is applied to it", problem, "", where)
    evening = history.evenings[len(history.evenings) // 2]
    then = known_at(history.book, evening)
    scope = month_scope(evening.date().replace(day=1), evening)
    before, again = (pack_of(each, scope, history.evenings) for each in (then, history.book))
    tally.hold("a pack of the past is made again", before, again, where)


def _check_rolling(pack: MonthPack, closing: dict[tuple[str, str], Money], tally: Tally, where: str) -> None:
    rows = {(row.client_id, row.currency): row for row in pack.named("roll-forward").rows if isinstance(row, RollRow)}
    for name in sorted({*rows, *closing}):
        row = rows.get(name)
        before = closing.get(name, Money(0, name[1]))
        if row is None:
            tally.hold("opening = closing of the month before", Money(0, name[1]), before, where)
            continue
        tally.hold("opening = closing of the month before", row.opening, before, where)
        moved = row.issued - row.applied + row.unapplied - row.refunded + row.edited
        tally.hold("opening + movements = closing", row.opening + moved, row.closing, where)
        tally.hold("nothing is unexplained", row.unexplained.minor, 0, where)
        closing[name] = row.closing


def _check_rows(pack: MonthPack, tally: Tally, where: str) -> None:
    for total in pack.named("applied-balance").totals:
        assert isinstance(total, AppliedTotal)
        net = total.gross_unapplied - total.gross_applied
        tally.hold("customer balance = un-applied - applied", total.customer_balance, net, where)
        tally.hold("customer balance = accounts receivable", total.customer_balance, total.accounts_receivable, where)
    for row in pack.named("applied-balance").rows:
        assert isinstance(row, AppliedRow)
        tally.hold("no application is above the invoice", row.problem, "", where)
    for balance in pack.named("credit-balances").rows:
        assert isinstance(balance, BalanceRow)
        ages = sum(getattr(balance, age).minor for age in AGES)
        tally.hold("the ages add up to the credit balance", ages, balance.credit_balance.minor, where)
    for paid in pack.named("payments").rows:
        assert isinstance(paid, PaymentRow)
        parts = paid.applied + paid.refunded + paid.current
        tally.hold("cash + credit = applied + refunded + left", paid.cash + paid.credit, parts, where)


def _left_in_quickbooks(history: History) -> dict[tuple[str, str], Money]:
    """What each customer has to his credit by his own memos, payments and entries, as the simulator's books say."""
    left: defaultdict[tuple[str, str], int] = defaultdict(int)
    books = history.world.quickbooks.books
    for row in books.transactions.values():
        entity = str(row.entity)
        if entity == "Payment":
            left[row.customer_id, row.currency] += row.unapplied
        elif entity == "CreditMemo":
            left[row.customer_id, row.currency] += row.open_amount
        elif entity in {"JournalEntry", "Deposit"}:
            credit = -sum(line.amount for line in row.entries if line.customer_id and line.amount < 0)
            owner = next((line.customer_id for line in row.entries if line.customer_id and line.amount < 0), None)
            if owner:
                left[owner, row.currency] += credit - sum(row.linked_by.values())
    return {name: Money(minor, name[1]) for name, minor in left.items()}


def _credit_on_invoices(history: History, now: datetime) -> Iterator[str]:
    scope = Scope(company="acme", as_of=now, timezone=NEW_YORK)
    for opened in open_books([history.book], scope):
        yield from _credit_on(opened)


def _credit_on(opened: OpenBook) -> Iterator[str]:
    """ "" for each invoice whose credit is possible, else what is wrong with it."""
    credit: defaultdict[object, int] = defaultdict(int)
    unsure: set[object] = set()
    for occasion in opened.occasions:
        if occasion.is_application and len(occasion.targets) == 1:
            credit[occasion.targets[0]] -= occasion.amount_minor
        elif occasion.is_application:
            unsure.update(occasion.targets)
    applied: defaultdict[object, int] = defaultdict(int)
    for one in opened.ledger.applications:
        applied[one.target] += one.amount_minor
    for each in opened.quickbooks(Kind.INVOICE):
        if each.key not in unsure and isinstance(each.first.content, Invoice):
            is_possible = 0 <= credit[each.key] <= applied[each.key]
            yield "" if is_possible else f"{each.key} has {credit[each.key]} of {applied[each.key]}"


def activity_adds_up(pack: MonthPack) -> bool:
    """Whether the originals, and the current amounts, of every client add up to his credit."""
    report = pack.named("credit-activity")
    sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in report.rows:
        assert isinstance(row, ActivityRow)
        sums[row.client, row.currency][0] += row.original.minor
        sums[row.client, row.currency][1] += row.current.minor
    totals = {
        (one.client, one.currency): one.credit_balance.minor for one in report.totals if isinstance(one, ActivityTotal)
    }
    return all([totals.get(name, 0)] * 2 == found for name, found in sums.items())
