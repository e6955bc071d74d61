"""Applied balance: credit that was put on invoices in a period, and taken back. No money moves in it.

Both columns are negative for credit used and positive for credit returned, and equal: what a client's balance loses,
his receivable loses. An application above what the invoice had open is an error: the row stops at the invoice's amount.
Source: `domain/applied-balance.txt`; fact sheet `field.md` §1 (traps a to h).
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import msgspec

from mappings.findings import Evidence
from mappings.ledger import living_payments
from mappings.money import Money
from sync.reports.occasions import Occasion, OccasionKind
from sync.reports.opened import OpenBook
from sync.reports.over_application import name_of, over_applications
from sync.reports.report import Report
from sync.reports.scope import Dating, Scope
from sync.reports.words import spoken


class AppliedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One application or un-application. It happened after `earliest` (None: not known) and not after `latest`.

    `problem` is empty unless QuickBooks holds more on the invoice than it was for.
    """

    date: date | None
    client: str
    invoice: str
    source: str
    type: str
    customer_balance: Money
    accounts_receivable: Money
    running_total: Money
    currency: str
    earliest: datetime | None
    latest: datetime | None
    origin: str
    account: str
    problem: str
    records: tuple[Evidence, ...]


class AppliedTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The period in one currency: customer balance = accounts receivable = −(gross applied − gross unapplied).

    `not_on_invoices` is credit put on journal charges, or on an invoice above what it was for: it is in the
    roll-forward, but not in this balance.
    """

    currency: str
    gross_applied: Money
    gross_unapplied: Money
    customer_balance: Money
    accounts_receivable: Money
    payments_received: Money
    not_on_invoices: Money


class AppliedMonth(msgspec.Struct, frozen=True, kw_only=True):
    """One month of one receivable account in one currency."""

    month: str
    account: str
    currency: str
    gross_applied: Money
    gross_unapplied: Money
    customer_balance: Money
    accounts_receivable: Money
    payments_received: Money


_A_DAY = timedelta(days=1)
# Month, account, currency.
_Place = tuple[str, str, str]


class AppliedBalance:
    """Gathers the applications of a period and the money received in it."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._rows: list[AppliedRow] = []
        self._received: defaultdict[_Place, int] = defaultdict(int)
        self._elsewhere: defaultdict[str, int] = defaultdict(int)
        self._currencies: set[str] = set()

    def add(self, opened: OpenBook) -> None:
        """Take the applications of a book, and what was received."""
        self._currencies.add(self._scope.currency or opened.book.home_currency)
        too_much = over_applications(opened)
        for occasion in opened.occasions:
            on = occasion.on(self._scope)
            if not self._scope.covers(on) or not opened.shows(occasion.client_id, occasion.currency):
                continue
            if occasion.kind not in {OccasionKind.APPLIED, OccasionKind.UNAPPLIED}:
                continue
            account = opened.account_of(occasion)
            if not opened.wants_account(account):
                continue
            if occasion.is_application:
                excess = too_much.get(name_of(occasion), 0)
                row = _row(opened, occasion, on, excess, account)
                self._rows.append(row)
                self._elsewhere[occasion.currency] += occasion.amount_minor - row.customer_balance.minor
            else:
                self._elsewhere[occasion.currency] += occasion.amount_minor
        self._receive(opened)

    def _receive(self, opened: OpenBook) -> None:
        """Add up the money that came in."""
        for key, payment in living_payments(opened.book).items():
            seen_on = self._scope.day_of(opened.histories[key].first.observed_at)
            on = seen_on if self._scope.dating is Dating.KNOWN else payment.paid_on
            if not self._scope.covers(on) or not opened.shows(payment.client_id, payment.currency):
                continue
            account = opened.account_name(payment.receivable_account_id)
            if payment.total_minor and opened.wants_account(account):
                self._received[_month(on), account, payment.currency] += payment.total_minor

    def report(self) -> Report:
        """The rows by date, each with the running total of its currency."""
        rows = sorted(
            self._rows,
            key=lambda row: (row.date or date.min, row.client.casefold(), row.client, row.invoice, row.records),
        )
        running: defaultdict[str, int] = defaultdict(int)
        told = []
        for row in rows:
            running[row.currency] += row.customer_balance.minor
            told.append(msgspec.structs.replace(row, running_total=Money(running[row.currency], row.currency)))
        return Report(
            name="applied-balance",
            title="Applied balance",
            scope=self._scope,
            row_type=AppliedRow,
            rows=tuple(told),
            totals=tuple(self._total(currency) for currency in self._all_currencies(running)),
            breakdown=self._by_month(),
            lines=tuple(line for row in told for line in (row.problem, self._cut_off(row)) if line),
        )

    def _all_currencies(self, running: Iterable[str]) -> list[str]:
        received = (currency for _, _, currency in self._received)
        return sorted({*running, *received, *self._elsewhere, *self._currencies})

    def _cut_off(self, row: AppliedRow) -> str:
        """A sentence for what may belong to the month before the one it is counted in.

        QuickBooks tells the last change of a payment only. Where it was read the day before, that is told as it is.
        """
        if row.date is None or row.earliest is None:
            return ""
        earliest = self._scope.day_of(row.earliest)
        if earliest >= row.date.replace(day=1) or row.date - earliest <= _A_DAY:
            return ""
        since = earliest.isoformat()
        what = "applied" if row.type == OccasionKind.APPLIED else "un-applied"
        return (
            f"{row.client}: {spoken(abs(row.customer_balance))} on {row.invoice} was {what} between {since} and "
            f"{row.date.isoformat()}; it is counted in {row.date:%Y-%m}."
        )

    def _by_month(self) -> Report:
        """Every month and account in which anything was applied or received."""
        return Report(
            name="applied-by-month",
            title="Applied balance by month and account",
            scope=self._scope,
            row_type=AppliedMonth,
            rows=self._months(),
        )

    def _months(self) -> tuple[AppliedMonth, ...]:
        rows: defaultdict[_Place, list[AppliedRow]] = defaultdict(list)
        for row in self._rows:
            rows[_month(row.date), row.account, row.currency].append(row)
        return tuple(
            AppliedMonth(
                month=place[0],
                account=place[1],
                currency=place[2],
                payments_received=Money(self._received.get(place, 0), place[2]),
                **_sums(rows[place], place[2]),
            )
            for place in sorted({*rows, *self._received})
        )

    def _total(self, currency: str) -> AppliedTotal:
        received = sum(minor for (_, _, one), minor in self._received.items() if one == currency)
        return AppliedTotal(
            currency=currency,
            payments_received=Money(received, currency),
            not_on_invoices=Money(self._elsewhere[currency], currency),
            **_sums([row for row in self._rows if row.currency == currency], currency),
        )


def _sums(rows: list[AppliedRow], currency: str) -> dict[str, Money]:
    applied = -sum(row.customer_balance.minor for row in rows if row.type == OccasionKind.APPLIED)
    unapplied = sum(row.customer_balance.minor for row in rows if row.type == OccasionKind.UNAPPLIED)
    return {
        "gross_applied": Money(applied, currency),
        "gross_unapplied": Money(unapplied, currency),
        "customer_balance": Money(unapplied - applied, currency),
        "accounts_receivable": Money(sum(row.accounts_receivable.minor for row in rows), currency),
    }


def _month(day: date | None) -> str:
    return day.strftime("%Y-%m") if day else ""


def _row(opened: OpenBook, occasion: Occasion, on: date | None, excess_minor: int, account: str) -> AppliedRow:
    """`excess_minor` is what was above the invoice's open amount: the row leaves it out, and says so."""
    currency = occasion.currency
    is_applied = occasion.kind is OccasionKind.APPLIED
    effect = Money(occasion.amount_minor + (excess_minor if is_applied else -excess_minor), currency)
    invoice = opened.labels(occasion.invoices)
    problem = ""
    if excess_minor and is_applied:
        problem = (
            f"Error: {spoken(Money(excess_minor, currency))} more than invoice {invoice} had open is applied to it in "
            "QuickBooks; the report stops at the open amount. Un-apply what is too much."
        )
    return AppliedRow(
        date=on,
        client=opened.client_name(occasion.client_id),
        invoice=invoice,
        source=opened.label(occasion.source),
        type=str(occasion.kind),
        customer_balance=effect,
        accounts_receivable=effect,
        running_total=effect,
        currency=currency,
        earliest=occasion.earliest,
        latest=occasion.latest,
        origin=str(occasion.origin),
        account=account,
        problem=problem,
        records=opened.evidence_of(occasion),
    )
