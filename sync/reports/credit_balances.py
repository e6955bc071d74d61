"""What each client owes and what he has to his credit, side by side and never netted; credits by their age.

Source: `domain/client-credit-balances.txt`: a client can have both a debit balance and a credit balance.
"""

from collections import defaultdict
from datetime import date

import msgspec

from mappings.model import Invoice, Kind, LineTarget, Payment, RecordKey
from mappings.money import Money
from sync.reports.occasions import Occasion, OccasionKind, remaining_by_issue
from sync.reports.opened import OpenBook
from sync.reports.receivables import open_receivables
from sync.reports.report import Report
from sync.reports.scope import Scope
from sync.reports.words import spoken
from sync.rules.evaluate import evaluate_book
from sync.rules.moment import Moment

_LAST_DAYS = (30, 60, 90, 180, 365)


class BalanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One client in one currency. The ages add up to the credit balance; `overdue` is a part of the debit balance.

    `in_both_systems` is the part of the credit that BigTime keeps, too: it is one credit and is counted once.
    """

    client: str
    client_id: str
    currency: str
    debit_balance: Money
    credit_balance: Money
    age_0_30: Money
    age_31_60: Money
    age_61_90: Money
    age_91_180: Money
    age_181_365: Money
    age_over_365: Money
    overdue: Money
    in_both_systems: Money
    overdue_invoices: tuple[str, ...]


class BalanceTotal(msgspec.Struct, frozen=True, kw_only=True):
    """All clients in one currency."""

    currency: str
    debit_balance: Money
    credit_balance: Money
    age_0_30: Money
    age_31_60: Money
    age_61_90: Money
    age_91_180: Money
    age_181_365: Money
    age_over_365: Money
    overdue: Money
    in_both_systems: Money


AGES = ("age_0_30", "age_31_60", "age_61_90", "age_91_180", "age_181_365", "age_over_365")


class _Account:
    """One client's figures in one currency while they are added up."""

    def __init__(self) -> None:
        self.debit = self.credit = self.overdue = self.in_both = 0
        self.ages = [0] * len(AGES)
        self.overdue_invoices: list[str] = []

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to report."""
        return self.debit == self.credit == 0 and not any(self.ages)


class CreditBalances:
    """Gathers the balances of the scope's day: QuickBooks' own, rolled back when the period is over."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._rows: list[BalanceRow] = []

    def add(self, opened: OpenBook) -> None:
        """Take the balances of a book's clients."""
        accounts: defaultdict[tuple[str, str], _Account] = defaultdict(_Account)
        day = self._scope.day
        for key, (client, currency, minor) in open_receivables(opened).items():
            account = accounts[client, currency]
            account.debit += minor
            if minor > 0 and _is_overdue(opened, key, day):
                account.overdue += minor
                account.overdue_invoices.append(opened.label(key))
        issues = _issues(opened)
        for source, minor in opened.remaining().items():
            _, client, currency = source
            account = accounts[client, currency]
            account.credit += minor
            mine = issues.get(source, ())
            parts = remaining_by_issue(mine, minor) if mine else (minor,)
            days = [occasion.on(self._scope) for occasion in mine] if mine else [None]
            for part, issued_on in zip(parts, days, strict=True):
                account.ages[_age(issued_on, day)] += part
        for (client, currency), minor in kept_in_both(opened).items():
            accounts[client, currency].in_both = minor
        for (client, currency), account in accounts.items():
            if opened.shows(client, currency) and not account.is_empty:
                self._rows.append(_row(opened.client_name(client), client, currency, account))

    def report(self) -> Report:
        """The rows by client and currency."""
        rows = sorted(self._rows, key=lambda row: (row.client.casefold(), row.client, row.client_id, row.currency))
        currencies = sorted({row.currency for row in rows})
        return Report(
            name="credit-balances",
            title=f"Client balances on {self._scope.day.isoformat()}",
            scope=self._scope,
            row_type=BalanceRow,
            rows=tuple(rows),
            totals=tuple(_total([row for row in rows if row.currency == one], one) for one in currencies),
            lines=(
                *(_twice(row) for row in rows if row.in_both_systems.minor > 0),
                *(_beside(row) for row in rows if row.overdue.minor > 0 and row.credit_balance.minor > 0),
            ),
        )


def _issues(opened: OpenBook) -> dict[tuple[RecordKey, str, str], tuple[Occasion, ...]]:
    found: defaultdict[tuple[RecordKey, str, str], list[Occasion]] = defaultdict(list)
    for occasion in opened.occasions:
        if occasion.kind is OccasionKind.ISSUED:
            found[occasion.source, occasion.client_id, occasion.currency].append(occasion)
    return {key: tuple(occasions) for key, occasions in found.items()}


def _is_overdue(opened: OpenBook, key: RecordKey, day: date) -> bool:
    content = opened.histories[key].content
    return (
        key.kind is Kind.INVOICE
        and isinstance(content, Invoice)
        and content.due_on is not None
        and content.due_on < day
    )


def _age(issued_on: date | None, day: date) -> int:
    """The place of the age bucket; a credit without a date is as old as can be."""
    days = (day - (issued_on or date.min)).days
    return next((place for place, last in enumerate(_LAST_DAYS) if days <= last), len(_LAST_DAYS))


def _row(name: str, client_id: str, currency: str, account: _Account) -> BalanceRow:
    ages = {age: Money(minor, currency) for age, minor in zip(AGES, account.ages, strict=True)}
    return BalanceRow(
        client=name,
        client_id=client_id,
        debit_balance=Money(account.debit, currency),
        credit_balance=Money(account.credit, currency),
        currency=currency,
        overdue=Money(account.overdue, currency),
        in_both_systems=Money(account.in_both, currency),
        overdue_invoices=tuple(sorted(account.overdue_invoices)),
        **ages,
    )


def _total(rows: list[BalanceRow], currency: str) -> BalanceTotal:
    def added(name: str) -> Money:
        return Money(sum(getattr(row, name).minor for row in rows), currency)

    return BalanceTotal(
        currency=currency,
        debit_balance=added("debit_balance"),
        credit_balance=added("credit_balance"),
        overdue=added("overdue"),
        in_both_systems=added("in_both_systems"),
        **{age: added(age) for age in AGES},
    )


def kept_in_both(opened: OpenBook) -> dict[tuple[str, str], int]:
    """The overpayments that stand in both systems (B7), by customer and currency.

    The rules say which: only books with a BigTime payment that is larger than its rows are shown to them.
    """
    if not any(_leaves_a_rest(history.content) for history in opened.book.histories):
        return {}
    moment = Moment(now=opened.scope.as_of, timezone=opened.scope.timezone)
    found: defaultdict[tuple[str, str], int] = defaultdict(int)
    for finding in evaluate_book(opened.book, moment).findings:
        if finding.code == "B7":
            found[finding.client.quickbooks, finding.currency] += finding.exposure_minor
    return dict(found)


def _leaves_a_rest(content: object) -> bool:
    return (
        isinstance(content, Payment)
        and bool(content.lines)
        and content.unapplied_minor == 0
        and 0 < sum(line.amount_minor for line in content.lines) < content.total_minor
        and all(line.target is LineTarget.INVOICE for line in content.lines)
    )


def _twice(row: BalanceRow) -> str:
    return (
        f"{row.client}: {spoken(row.in_both_systems)} of the credit of {spoken(row.credit_balance)} stands in BigTime, "
        "too. It is one overpayment (B7): use it in QuickBooks only."
    )


def _beside(row: BalanceRow) -> str:
    count = len(row.overdue_invoices)
    return (
        f"{row.client} has a credit of {spoken(row.credit_balance)} beside {spoken(row.overdue)} overdue on "
        f"{count} invoice{'s' if count != 1 else ''}: {', '.join(row.overdue_invoices)}."
    )
