"""The two sides of a QuickBooks payment: what it settles, and what it takes from credits.

QuickBooks writes all lines as positive amounts: the side follows from what a line links. A payment with several
credits and invoices does not say which credit went where: the totals are exact, the split is bounded.
Source: fact sheet `quickbooks.md` §6.2, §6.3, §6.6.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from itertools import product
from typing import TypeVar

import msgspec

from mappings.indexing import target_kind
from mappings.model import Entry, LineTarget, Payment, PaymentLine, ReceivableLine, RecordKey, System

_Key = TypeVar("_Key", bound=Hashable)
_LinesOf = Callable[[RecordKey], tuple[ReceivableLine, ...]]
# Beyond this many links of unknown sign, trying all signs finds accidental solutions only.
_MOST_UNKNOWN_SIGNS = 6
# What QuickBooks links in practice, for entries that are not known. A link type we have not met is on neither side.
_USUAL_SIGNS = {
    LineTarget.JOURNAL_ENTRY: -1,
    LineTarget.DEPOSIT: -1,
    LineTarget.CREDIT_CARD_CREDIT: -1,
    LineTarget.EXPENSE: 1,
    LineTarget.CHECK: 1,
}


class Bounds(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An amount that is known to lie in [least, most]; both ends are possible."""

    least_minor: int
    most_minor: int

    @property
    def is_exact(self) -> bool:
        """Whether there is only one possible amount."""
        return self.least_minor == self.most_minor


class Split(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A payment's lines by their side, added up per record and sorted: what it settles, what it takes from."""

    charges: tuple[tuple[RecordKey, int], ...]
    credits: tuple[tuple[RecordKey, int], ...]

    @property
    def charged_minor(self) -> int:
        """All that the payment settles."""
        return sum([minor for _, minor in self.charges])

    @property
    def credited_minor(self) -> int:
        """All that the payment takes from credits."""
        return sum([minor for _, minor in self.credits])


def split_payment(payment: Payment, lines_of: _LinesOf) -> Split:
    """The payment's two sides. `lines_of` gives the receivable lines of an entry, none for one that is not known."""
    charges: defaultdict[RecordKey, int] = defaultdict(int)
    credits_: defaultdict[RecordKey, int] = defaultdict(int)
    for line, sign in zip(payment.lines, _signs(payment, lines_of), strict=True):
        key = _target_key(line)
        if key is not None:
            (charges if sign > 0 else credits_)[key] += line.amount_minor
    return Split(charges=tuple(sorted(charges.items())), credits=tuple(sorted(credits_.items())))


def bound_credit(charges: Mapping[_Key, int], credit_minor: int) -> dict[_Key, Bounds]:
    """How much of each charge can have been paid by `credit_minor` of credit, the rest of their sum being cash.

    Both ends of every range can happen, though not for all charges at once. Amounts are expected to be ≥ 0, and the
    credit between 0 and their sum; with a negative amount among several the range is from 0 to the amount itself.
    """
    cash_minor = sum(charges.values()) - credit_minor
    if credit_minor == 0:
        return {key: Bounds(0, 0) for key in charges}
    if cash_minor == 0:
        return {key: Bounds(minor, minor) for key, minor in charges.items()}
    if any(minor < 0 for minor in charges.values()):
        return {key: Bounds(min(0, minor), max(0, minor)) for key, minor in charges.items()}
    return {key: Bounds(max(0, minor - cash_minor), min(minor, credit_minor)) for key, minor in charges.items()}


def receivable_lines(entry: Entry, accounts: frozenset[str]) -> tuple[ReceivableLine, ...]:
    """The lines of an entry that stand on accounts receivable; every customer line when the accounts are unknown."""
    return tuple(line for line in entry.lines if not accounts or line.account_id in accounts)


def _target_key(line: PaymentLine) -> RecordKey | None:
    kind = target_kind(line.target)
    return RecordKey(System.QUICKBOOKS, kind, line.target_id) if kind is not None and line.target_id else None


def _signs(payment: Payment, lines_of: _LinesOf) -> list[int]:
    """+1 for each line that is a charge, −1 for a credit, 0 for a link type that we have not met.

    A link to an entry has the sign of the entry's lines for the client. Where those differ, or the entry is not
    known, the signs are taken for which the payment's own total holds (I1) if there is exactly one such choice, else
    the usual ones.
    """
    signs = [_sign(line, payment, lines_of) for line in payment.lines]
    if None not in signs:
        return [sign or 0 for sign in signs]
    unknown = [place for place, sign in enumerate(signs) if sign is None]
    amounts = [payment.lines[place].amount_minor for place in unknown]
    known_minor = sum((sign or 0) * line.amount_minor for sign, line in zip(signs, payment.lines, strict=True))
    wanted_minor = payment.total_minor - payment.unapplied_minor - known_minor
    chosen = _only_choice(amounts, wanted_minor)
    if chosen is None:
        chosen = tuple(_USUAL_SIGNS[payment.lines[place].target] for place in unknown)
    return [sign if sign is not None else chosen[unknown.index(place)] for place, sign in enumerate(signs)]


def _only_choice(amounts: list[int], wanted_minor: int) -> tuple[int, ...] | None:
    if len(amounts) > _MOST_UNKNOWN_SIGNS:
        return None
    found = [
        choice
        for choice in product((1, -1), repeat=len(amounts))
        if sum(sign * amount for sign, amount in zip(choice, amounts, strict=True)) == wanted_minor
    ]
    return found[0] if len(found) == 1 else None


def _sign(line: PaymentLine, payment: Payment, lines_of: _LinesOf) -> int | None:
    """The line's sign; None when it cannot be told from what it links."""
    if line.target is LineTarget.INVOICE:
        return 1
    if line.target is LineTarget.CREDIT_MEMO:
        return -1
    key = _target_key(line)
    if line.target not in _USUAL_SIGNS or key is None:
        return 0
    lines = lines_of(key)
    own = [one for one in lines if one.client_id == payment.client_id] or lines
    signs = {1 if one.amount_minor > 0 else -1 for one in own if one.amount_minor != 0}
    return signs.pop() if len(signs) == 1 else None
