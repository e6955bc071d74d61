"""A client's credit over a period: opening, what moved it, closing, and what nobody can explain."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from mappings.ledger import Ledger
from mappings.movements import Movement, MovementKind


class RollForward(msgspec.Struct, frozen=True, kw_only=True):
    """A client's QuickBooks credit over a period in one currency: opening + the signed movements = closing.

    Applied and refunded amounts are negative. `unexplained_minor` is what the records show as remaining today beyond
    all movements there ever were; 0 unless an identity is broken.
    """

    client_id: str
    currency: str
    opening_minor: int
    issued_minor: int
    applied_minor: int
    unapplied_minor: int
    refunded_minor: int
    edited_minor: int
    closing_minor: int
    unexplained_minor: int


def roll_forward(movements: Iterable[Movement], ledger: Ledger, *, first: date, last: date) -> tuple[RollForward, ...]:
    """The credit of every client and currency over the days [first, last], by client and currency.

    `movements` and `ledger` are those of the same book. What has no date belongs to the opening.
    """
    accounts: defaultdict[tuple[str, str], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in movements:
        account = accounts[one.client_id, one.currency]
        account["moved"] += one.amount_minor
        if one.moved_on is None or one.moved_on < first:
            account["opening"] += one.amount_minor
        elif one.moved_on <= last:
            account[one.kind] += one.amount_minor
    for credit in ledger.credits:
        accounts[credit.client_id, credit.currency]["shown"] += credit.remaining_minor
    return tuple(_row(client, currency, account) for (client, currency), account in sorted(accounts.items()))


def _row(client_id: str, currency: str, account: Mapping[str, int]) -> RollForward:
    opening = account.get("opening", 0)
    return RollForward(
        client_id=client_id,
        currency=currency,
        opening_minor=opening,
        issued_minor=account.get(MovementKind.ISSUED, 0),
        applied_minor=account.get(MovementKind.APPLIED, 0),
        unapplied_minor=account.get(MovementKind.UNAPPLIED, 0),
        refunded_minor=account.get(MovementKind.REFUNDED, 0),
        edited_minor=account.get(MovementKind.EDITED, 0),
        closing_minor=opening + sum(account.get(kind, 0) for kind in MovementKind),
        unexplained_minor=account.get("shown", 0) - account.get("moved", 0),
    )
