"""Applied balance: credit that was put on invoices in a period, and taken back. No money moves in it.

Both columns are negative for credit used and positive for credit returned, and equal: what a client's balance loses,
his receivable loses. An application above what the invoice was for is an error: the row stops at the invoice's amount.
Source: `domain/applied-balance.txt`; fact sheet `field.md` §1 (traps a to h).
"""

from collections import defaultdict
from datetime import date, datetime

import msgspec

from mappings.findings import Evidence
from mappings.ledger import living_payments
from mappings.model import Invoice, Kind, RecordKey
from mappings.money import Money
from sync.reports.occasions import Occasion, OccasionKind
from sync.reports.opened import OpenBook
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


class AppliedBalance:
    """Gathers the applications of a period and the money received in it."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._rows: list[AppliedRow] = []
        self._received: defaultdict[str, int] = defaultdict(int)
        self._elsewhere: defaultdict[str, int] = defaultdict(int)

    def add(self, opened: OpenBook) -> None:
        """Take the applications of a book, and what was received."""
        self._received[self._scope.currency or opened.book.home_currency] += 0
        too_much = over_applied(opened)
        for occasion in opened.occasions:
            on = occasion.on(self._scope)
            if not self._scope.covers(on) or not opened.shows(occasion.client_id, occasion.currency):
                continue
            excess = too_much.get(_name(occasion), 0)
            if occasion.is_application:
                self._rows.append(_row(opened, occasion, on, excess))
                self._elsewhere[occasion.currency] -= excess
            elif occasion.kind in {OccasionKind.APPLIED, OccasionKind.UNAPPLIED}:
                self._elsewhere[occasion.currency] += occasion.amount_minor
        for key, payment in living_payments(opened.book).items():
            seen_on = self._scope.day_of(opened.histories[key].first.observed_at)
            on = seen_on if self._scope.dating is Dating.KNOWN else payment.paid_on
            if self._scope.covers(on) and opened.shows(payment.client_id, payment.currency):
                self._received[payment.currency] += payment.total_minor

    def report(self) -> Report:
        """The rows by date, each with the running total of its currency."""
        rows = sorted(self._rows, key=lambda row: (row.date or date.min, row.client, row.invoice, row.records))
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
            totals=tuple(self._total(currency) for currency in sorted({*running, *self._received})),
            lines=tuple(row.problem for row in told if row.problem),
        )

    def _total(self, currency: str) -> AppliedTotal:
        mine = [row for row in self._rows if row.currency == currency]
        applied = -sum(row.customer_balance.minor for row in mine if row.type == OccasionKind.APPLIED)
        unapplied = sum(row.customer_balance.minor for row in mine if row.type == OccasionKind.UNAPPLIED)
        return AppliedTotal(
            currency=currency,
            gross_applied=Money(applied, currency),
            gross_unapplied=Money(unapplied, currency),
            customer_balance=Money(unapplied - applied, currency),
            accounts_receivable=Money(sum(row.accounts_receivable.minor for row in mine), currency),
            payments_received=Money(self._received[currency], currency),
            not_on_invoices=Money(self._elsewhere[currency], currency),
        )


def _name(occasion: Occasion) -> tuple[RecordKey, int, RecordKey, tuple[RecordKey, ...]]:
    return (occasion.record, occasion.sequence, occasion.source, occasion.targets)


def _row(opened: OpenBook, occasion: Occasion, on: date | None, excess_minor: int) -> AppliedRow:
    currency = occasion.currency
    effect = Money(occasion.amount_minor + excess_minor, currency)
    invoice = opened.labels(occasion.invoices)
    problem = ""
    if excess_minor:
        problem = (
            f"Error: {spoken(Money(excess_minor, currency))} more than invoice {invoice} was for is applied to it in "
            "QuickBooks; the report stops at the invoice's amount. Un-apply what is too much."
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
        account="Accounts Receivable",
        problem=problem,
        records=opened.evidence_of(occasion),
    )


def over_applied(opened: OpenBook) -> dict[tuple[RecordKey, int, RecordKey, tuple[RecordKey, ...]], int]:
    """How much of each application is above what its invoice was for: the latest applications first."""
    too_much: dict[tuple[RecordKey, int, RecordKey, tuple[RecordKey, ...]], int] = {}
    for history in opened.quickbooks(Kind.INVOICE):
        invoice = history.content
        if not isinstance(invoice, Invoice) or (invoice.balance_minor or 0) >= 0 or invoice.total_minor < 0:
            continue
        left = -(invoice.balance_minor or 0)
        for occasion in reversed(opened.occasions):
            if left > 0 and occasion.kind is OccasionKind.APPLIED and occasion.targets == (history.key,):
                too_much[_name(occasion)] = min(left, -occasion.amount_minor)
                left -= too_much[_name(occasion)]
    return too_much
