"""Payments with money and credit told apart: what came in, what was used, where it went, what is still available.

For a whole payment the parts are exact: amount = cash + credit = applied + refunded + current. For one invoice of a
payment that mixes both they are exact or bounded, and never guessed.
Source: `domain/client-credit-balances.txt` (payment report, credits only); fact sheet `field.md` §2, F2.
"""

from collections import defaultdict
from datetime import date

import msgspec

from mappings.findings import Evidence
from mappings.ledger import Application, living_payments
from mappings.model import Kind, RecordKey
from mappings.money import Money, format_amount
from mappings.splitting import Bounds
from sync.reports.occasions import OccasionKind
from sync.reports.opened import OpenBook
from sync.reports.report import Report
from sync.reports.scope import Dating, Scope


class PaymentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One payment.

    `cash` is the money that came in with it, `credit` what it took from other credits. `made_credit` is all that it
    ever gave the client as credit: of that `applied_credit` stands on invoices now, and `current` is left. `refunded`
    was paid out again. `on_invoices` has one text for each charge: its number, and its cash and credit, as one amount
    or as [least, most].
    """

    date: date | None
    client: str
    number: str
    method: str
    amount: Money
    cash: Money
    credit: Money
    applied: Money
    refunded: Money
    made_credit: Money
    applied_credit: Money
    current: Money
    currency: str
    type: str
    on_invoices: tuple[str, ...]
    records: tuple[Evidence, ...]


class PaymentTotal(msgspec.Struct, frozen=True, kw_only=True):
    """All payments of one currency."""

    currency: str
    amount: Money
    cash: Money
    credit: Money
    applied: Money
    refunded: Money
    made_credit: Money
    applied_credit: Money
    current: Money


class Payments:
    """Gathers the QuickBooks payments of a period; with `credits_only` those that made or used a credit."""

    def __init__(self, scope: Scope, *, credits_only: bool = False) -> None:
        self._scope = scope
        self._credits_only = credits_only
        self._rows: list[PaymentRow] = []

    def add(self, opened: OpenBook) -> None:
        """Take the payments of a book."""
        applications: defaultdict[RecordKey, list[Application]] = defaultdict(list)
        for application in opened.ledger.applications:
            applications[application.payment].append(application)
        used: defaultdict[RecordKey, int] = defaultdict(int)
        for use in opened.ledger.uses:
            used[use.payment] += use.amount_minor
        made, spent = _own_credit(opened)
        for key, payment in living_payments(opened.book).items():
            seen_on = self._scope.day_of(opened.histories[key].first.observed_at)
            on = seen_on if self._scope.dating is Dating.KNOWN else payment.paid_on
            if not self._scope.covers(on) or not opened.shows(payment.client_id, payment.currency):
                continue
            if self._credits_only and not (used[key] or made[key] or payment.unapplied_minor):
                continue
            if not (payment.total_minor or payment.unapplied_minor or payment.lines):
                continue  # what a link leaves behind when it was taken off: it says nothing
            currency = payment.currency
            paid_out = sum(one.amount_minor for one in applications[key] if one.target.kind is Kind.PURCHASE)
            settled = sum(one.amount_minor for one in applications[key]) - paid_out
            self._rows.append(
                PaymentRow(
                    date=on,
                    client=opened.client_name(payment.client_id),
                    number=payment.reference or key.id,
                    method=payment.method_name,
                    amount=Money(payment.total_minor + used[key], currency),
                    cash=Money(payment.total_minor, currency),
                    credit=Money(used[key], currency),
                    applied=Money(settled, currency),
                    refunded=Money(paid_out, currency),
                    current=Money(payment.unapplied_minor, currency),
                    currency=currency,
                    type=_type(payment.total_minor, used[key]),
                    made_credit=Money(made[key], currency),
                    applied_credit=Money(spent[key], currency),
                    on_invoices=tuple(_told(opened, one) for one in applications[key]),
                    records=(opened.evidence(key),),
                )
            )

    def report(self) -> Report:
        """The rows by date and client."""
        rows = sorted(
            self._rows,
            key=lambda row: (row.date or date.min, row.client.casefold(), row.client, row.number, row.records),
        )
        currencies = sorted({row.currency for row in rows})
        return Report(
            name="payments",
            view="credits" if self._credits_only else "",
            title="Payments that made or used a credit" if self._credits_only else "Payments",
            scope=self._scope,
            row_type=PaymentRow,
            rows=tuple(rows),
            totals=tuple(_total([row for row in rows if row.currency == one], one) for one in currencies),
        )


def _own_credit(opened: OpenBook) -> tuple[dict[RecordKey, int], dict[RecordKey, int]]:
    """What each payment gave as credit of its own, and what of that is on invoices now."""
    made: defaultdict[RecordKey, int] = defaultdict(int)
    spent: defaultdict[RecordKey, int] = defaultdict(int)
    for occasion in opened.occasions:
        if occasion.source.kind is not Kind.PAYMENT:
            continue
        if occasion.kind is OccasionKind.ISSUED:
            made[occasion.source] += occasion.amount_minor
        elif occasion.kind in {OccasionKind.APPLIED, OccasionKind.UNAPPLIED}:
            spent[occasion.source] -= occasion.amount_minor
    return made, spent


def _type(cash_minor: int, credit_minor: int) -> str:
    if credit_minor == 0:
        return "cash"
    return "credit" if cash_minor == 0 else "both"


def _told(opened: OpenBook, one: Application) -> str:
    cash, credit = _bounded(one.cash_minor, one.currency), _bounded(one.credit_minor, one.currency)
    return f"{opened.label(one.target)}: cash {cash}, credit {credit}"


def _bounded(bounds: Bounds, currency: str) -> str:
    least, most = (format_amount(minor, currency) for minor in (bounds.least_minor, bounds.most_minor))
    return least if bounds.is_exact else f"[{least}, {most}]"


def _total(rows: list[PaymentRow], currency: str) -> PaymentTotal:
    def added(name: str) -> Money:
        return Money(sum(getattr(row, name).minor for row in rows), currency)

    return PaymentTotal(
        currency=currency,
        amount=added("amount"),
        cash=added("cash"),
        credit=added("credit"),
        applied=added("applied"),
        refunded=added("refunded"),
        current=added("current"),
        made_credit=added("made_credit"),
        applied_credit=added("applied_credit"),
    )
