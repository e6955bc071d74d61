"""The roll-forward of clients' credit: opening + issued − applied + unapplied − refunded + edited = closing.

Source: fact sheet `field.md` §8, F9.
"""

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from mappings.money import Money
from sync.reports.occasions import OccasionKind
from sync.reports.opened import OpenBook
from sync.reports.report import Report
from sync.reports.scope import Scope
from sync.reports.words import spoken


class RollRow(msgspec.Struct, frozen=True, kw_only=True):
    """One client in one currency; `edited` is signed and holds voids, too.

    `unexplained` is what QuickBooks says remains today beyond everything that ever happened: 0 unless a sum is broken.
    """

    client: str
    client_id: str
    currency: str
    opening: Money
    issued: Money
    applied: Money
    unapplied: Money
    refunded: Money
    edited: Money
    closing: Money
    unexplained: Money


class RollTotal(msgspec.Struct, frozen=True, kw_only=True):
    """All clients in one currency."""

    currency: str
    opening: Money
    issued: Money
    applied: Money
    unapplied: Money
    refunded: Money
    edited: Money
    closing: Money
    unexplained: Money


PARTS = ("opening", "issued", "applied", "unapplied", "refunded", "edited", "closing", "unexplained")


class RollForward:
    """Gathers the movements of a period; clients whose credit neither was nor moved are left out."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._rows: list[RollRow] = []

    def add(self, opened: OpenBook) -> None:
        """Take the movements of a book's credits."""
        accounts: defaultdict[tuple[str, str], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        for occasion in opened.occasions:
            account = accounts[occasion.client_id, occasion.currency]
            account["unexplained"] -= occasion.amount_minor
            on = occasion.on(self._scope)
            if self._scope.covers(on):
                account[_part(occasion.kind)] += occasion.amount_minor
            elif on is None or (self._scope.first is not None and on < self._scope.first):
                account["opening"] += occasion.amount_minor
        for credit in opened.ledger.credits:
            accounts[credit.client_id, credit.currency]["unexplained"] += credit.remaining_minor
        for (client, currency), account in accounts.items():
            if opened.shows(client, currency) and any(account.values()):
                self._rows.append(_row(opened.client_name(client), client, currency, account))

    def report(self) -> Report:
        """The rows by client and currency."""
        rows = sorted(self._rows, key=lambda row: (row.client.casefold(), row.client, row.client_id, row.currency))
        currencies = sorted({row.currency for row in rows})
        return Report(
            name="roll-forward",
            title="Roll-forward of client credit",
            scope=self._scope,
            row_type=RollRow,
            rows=tuple(rows),
            totals=tuple(_total([row for row in rows if row.currency == one], one) for one in currencies),
            lines=tuple(
                f"{row.client}: {spoken(row.unexplained)} of credit is not explained by anything that happened (F9)."
                for row in rows
                if row.unexplained.minor != 0
            ),
        )


def _part(kind: OccasionKind) -> str:
    return "edited" if kind is OccasionKind.VOIDED else str(kind)


def _row(name: str, client_id: str, currency: str, account: Mapping[str, int]) -> RollRow:
    minor = {part: account.get(part, 0) for part in PARTS}
    closing = minor["opening"] + sum(minor[part] for part in ("issued", "applied", "unapplied", "refunded", "edited"))
    return RollRow(
        client=name,
        client_id=client_id,
        currency=currency,
        opening=Money(minor["opening"], currency),
        issued=Money(minor["issued"], currency),
        applied=Money(-minor["applied"], currency),
        unapplied=Money(minor["unapplied"], currency),
        refunded=Money(-minor["refunded"], currency),
        edited=Money(minor["edited"], currency),
        closing=Money(closing, currency),
        unexplained=Money(minor["unexplained"], currency),
    )


def _total(rows: list[RollRow], currency: str) -> RollTotal:
    sums = {part: Money(sum(getattr(row, part).minor for row in rows), currency) for part in PARTS}
    return RollTotal(currency=currency, **sums)
