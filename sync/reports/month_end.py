"""The month-end pack: every report of a month over one pass of the books, and what must agree between them."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TypeVar

import msgspec

from mappings.money import Money
from sync.reports.applied_balance import AppliedBalance, AppliedRow, AppliedTotal
from sync.reports.credit_activity import CreditActivity
from sync.reports.credit_balances import BalanceTotal, CreditBalances
from sync.reports.occasions import OccasionKind
from sync.reports.opened import OpenBook
from sync.reports.payments import Payments, PaymentTotal
from sync.reports.report import Gatherer, Report
from sync.reports.restatements import Restatements
from sync.reports.rolling import RollForward, RollTotal
from sync.reports.scope import Scope
from sync.reports.tying_out import FindingTotal, TieOutTotal

_MONTHS = 12
Total = TypeVar("Total", bound=msgspec.Struct)


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """Two figures that must be equal, and in which words."""

    label: str
    ours: Money
    other: Money

    @property
    def holds(self) -> bool:
        """Whether they are."""
        return self.ours == self.other


class MonthFigure(msgspec.Struct, frozen=True, kw_only=True):
    """One month's applied balance in one currency; `month` is its first day."""

    month: date
    currency: str
    applied: Money
    unapplied: Money


class MonthPack(msgspec.Struct, frozen=True, kw_only=True):
    """A month told: its reports, the twelve months up to it, and what must agree."""

    scope: Scope
    reports: tuple[Report, ...]
    figures: tuple[MonthFigure, ...]
    checks: tuple[Check, ...]

    def named(self, name: str) -> Report:
        """The report of that name."""
        return next(report for report in self.reports if report.name == name)

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies in which anything is told."""
        kinds = (BalanceTotal, RollTotal, AppliedTotal, TieOutTotal)
        totals = [total for report in self.reports for total in report.totals]
        return tuple(sorted({total.currency for total in totals if isinstance(total, kinds)}))


class MonthEnd:
    """Gathers all reports of the scope's month at once. `scope` must have a first and a last day."""

    def __init__(self, scope: Scope, *, closing_days: int = 0) -> None:
        assert scope.first is not None
        assert scope.last is not None
        self._scope = scope
        year = msgspec.structs.replace(scope, first=_months_before(scope.first, _MONTHS - 1))
        self._year = AppliedBalance(year)
        self._gatherers: tuple[Gatherer, ...] = (
            CreditBalances(scope),
            RollForward(scope),
            AppliedBalance(scope),
            CreditActivity(scope),
            Payments(scope),
            Restatements(msgspec.structs.replace(scope, first=None), closing_days=closing_days),
        )

    def add(self, opened: OpenBook) -> None:
        """Take what every report needs from a book."""
        self._year.add(opened)
        for gatherer in self._gatherers:
            gatherer.add(opened)

    def pack(self, *tied_out: Report) -> MonthPack:
        """The month; `tied_out` are the reports of `TyingOut`, which come first."""
        reports = (*tied_out, *(gatherer.report() for gatherer in self._gatherers))
        year = self._year.report()
        assert year.breakdown is not None
        return MonthPack(
            scope=self._scope,
            reports=(*reports, year.breakdown),
            figures=_figures(year, self._scope),
            checks=(*_tie_out_checks(reports, self._scope), *_checks(reports)),
        )


def _months_before(month: date, count: int) -> date:
    for _ in range(count):
        month = (month - timedelta(days=1)).replace(day=1)
    return month


def _figures(year: Report, scope: Scope) -> tuple[MonthFigure, ...]:
    """Twelve months for each currency that occurs in them, empty ones included."""
    sums: defaultdict[tuple[str, date, str], int] = defaultdict(int)
    for row in year.rows:
        assert isinstance(row, AppliedRow)
        if row.date is not None:
            sums[row.currency, row.date.replace(day=1), row.type] += abs(row.customer_balance.minor)
    assert scope.first is not None
    months = [_months_before(scope.first, count) for count in reversed(range(_MONTHS))]
    return tuple(
        MonthFigure(
            month=month,
            currency=currency,
            applied=Money(sums[currency, month, OccasionKind.APPLIED], currency),
            unapplied=Money(sums[currency, month, OccasionKind.UNAPPLIED], currency),
        )
        for currency in sorted({name[0] for name in sums})
        for month in months
    )


def _checks(reports: tuple[Report, ...]) -> list[Check]:
    """What must agree between the reports, currency by currency."""
    balances = {total.currency: total for total in _totals(reports, BalanceTotal)}
    rolled = {total.currency: total for total in _totals(reports, RollTotal)}
    applied = {total.currency: total for total in _totals(reports, AppliedTotal)}
    paid = {total.currency: total for total in _totals(reports, PaymentTotal)}
    checks: list[Check] = []

    def check(label: str, ours: Money, other: Money) -> None:
        checks.append(Check(label=label, ours=ours, other=other))

    for currency in sorted({*balances, *rolled, *applied, *paid}):
        nothing = Money(0, currency)
        roll, used, got = rolled.get(currency), applied.get(currency), paid.get(currency)
        credit = balances[currency].credit_balance if currency in balances else nothing
        closing = roll.closing + roll.unexplained if roll else nothing
        check("Credit balances = closing of the roll-forward (+ unexplained)", credit, closing)
        moved = roll.unapplied - roll.applied if roll else nothing
        if used:
            check(
                "Applied balance: Customer Balance = Accounts Receivable",
                used.customer_balance,
                used.accounts_receivable,
            )
            told = used.customer_balance + used.not_on_invoices
            check("Applied balance (+ not on invoices) = applied in the roll-forward", told, moved)
        if got:
            check(
                "Payments: cash + credit = applied + refunded + still available",
                got.cash + got.credit,
                got.applied + got.refunded + got.current,
            )
    return checks


def _tie_out_checks(reports: tuple[Report, ...], scope: Scope) -> Iterator[Check]:
    """BigTime against QuickBooks; the findings of one client may explain what stands with another."""
    claims = {total.currency: total.claim for total in _totals(reports, FindingTotal)}
    for total in _totals(reports, TieOutTotal):
        label = "BigTime - QuickBooks = what the findings explain"
        yield Check(label=label, ours=total.difference, other=total.explained)
        if not scope.client:
            claim = claims.get(total.currency, Money(0, total.currency))
            yield Check(label="Claims of the findings = explained in the tie-out", ours=claim, other=total.explained)


def _totals(reports: tuple[Report, ...], kind: type[Total]) -> list[Total]:
    return [total for report in reports for total in report.totals if isinstance(total, kind)]
