"""The occasions of a client's credit: what gave it, what used it, what changed it, with its records and its clocks.

Source: `domain/client-credit-balances.txt` (the ways in which a credit is created, and its dynamic value).
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum

import msgspec

from mappings.ledger import Origin
from mappings.model import Content, CreditMemo, Entry, History, Invoice, Kind, Payment, RecordKey, System, Version
from mappings.movements import Movement, MovementKind
from sync.reports.scope import Dating, Scope


class OccasionKind(StrEnum):
    """What an occasion did to a credit."""

    ISSUED = "issued"
    APPLIED = "applied"
    UNAPPLIED = "unapplied"
    REFUNDED = "refunded"
    EDITED = "edited"
    VOIDED = "voided"  # the record that gave the credit was voided or deleted


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one credit, signed: applying is negative.

    `booked_on` is the date of the transaction as the books have it now. `came_on` is the day the change came into
    being: that date where a person set it when making the record, else the day of the later change. `known_at` is
    when we first saw it; it happened after `earliest` (None: not known) and not after `latest`.
    """

    kind: OccasionKind
    origin: Origin
    source: RecordKey
    record: RecordKey
    sequence: int
    sha256: str
    client_id: str
    currency: str
    amount_minor: int
    targets: tuple[RecordKey, ...]
    auto_linked: bool
    booked_on: date | None
    came_on: date | None
    known_at: datetime
    earliest: datetime | None
    latest: datetime | None
    is_first_load: bool

    def on(self, scope: Scope) -> date | None:
        """The day that decides the month, as the scope dates occasions."""
        if scope.dating is Dating.BOOKED:
            return self.booked_on
        return scope.day_of(self.known_at) if scope.dating is Dating.KNOWN else self.came_on

    @property
    def invoices(self) -> tuple[RecordKey, ...]:
        """The invoices concerned: one when it is known which, several when the payment does not say."""
        return tuple(target for target in self.targets if target.kind is Kind.INVOICE)

    @property
    def is_application(self) -> bool:
        """Whether it put credit on an invoice, or took it back from one."""
        return self.kind in {OccasionKind.APPLIED, OccasionKind.UNAPPLIED} and bool(self.invoices)


def occasions_of(
    movements: tuple[Movement, ...], histories: Mapping[RecordKey, History], scope: Scope
) -> Iterator[Occasion]:
    """The movements of a book as occasions, in their order; one for each."""
    origins = _origins(movements, histories)
    for move in movements:
        history = histories[move.record]
        version = history.versions[move.sequence - 1]
        booked_on = booked_date(history)
        came_on = _came_on(move, version, booked_on, scope)
        yield Occasion(
            kind=_kind(move, version),
            origin=_origin(move, origins, histories),
            source=move.source,
            record=move.record,
            sequence=move.sequence,
            sha256=version.sha256,
            client_id=move.client_id,
            currency=move.currency,
            amount_minor=move.amount_minor,
            targets=move.targets,
            auto_linked=move.auto_linked,
            booked_on=booked_on,
            came_on=came_on,
            known_at=version.observed_at,
            earliest=_earliest(move, version, histories),
            latest=move.latest,
            is_first_load=move.sequence == 1 and version.absent_before is None,
        )


def booked_date(history: History) -> date | None:
    """The date of the transaction as its last living version has it."""
    return next((date_of(version.content) for version in reversed(history.versions) if version.content), None)


def date_of(content: Content | None) -> date | None:
    """A transaction's own date."""
    match content:
        case Payment():
            return content.paid_on
        case CreditMemo() | Invoice():
            return content.issued_on
        case Entry():
            return content.on_date
    return None


def _came_on(move: Movement, version: Version, booked_on: date | None, scope: Scope) -> date | None:
    """A first version is dated by its transaction, unless QuickBooks made it by itself: then nobody chose that date."""
    content = version.content
    if move.sequence > 1 or move.moved_on != date_of(content):
        return move.moved_on
    made_at = _made_at(content)
    if move.auto_linked and made_at is not None and booked_on is not None:
        return max(booked_on, scope.day_of(made_at))
    return booked_on


def _made_at(content: Content | None) -> datetime | None:
    return content.created_at if isinstance(content, Payment | CreditMemo | Entry) else None


def _earliest(move: Movement, version: Version, histories: Mapping[RecordKey, History]) -> datetime | None:
    """The last moment before which it cannot have happened: nothing is put on an invoice that is not there yet."""
    bound = _later(move.earliest, _made_at(version.content) if move.sequence == 1 else None)
    if move.kind is not MovementKind.APPLIED:
        return bound
    made = [_invoice_made_at(histories.get(target)) for target in move.targets]
    first = min((moment for moment in made if moment is not None), default=None)
    return bound if first is None or None in made or first > (move.latest or first) else _later(bound, first)


def _invoice_made_at(history: History | None) -> datetime | None:
    content = history.first.content if history else None
    return content.created_at if isinstance(content, Invoice) else None


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one is not None and other is not None else one or other


def _kind(move: Movement, version: Version) -> OccasionKind:
    content = version.content
    is_gone = content is None or (isinstance(content, Payment | CreditMemo | Entry) and content.voided)
    if move.kind is MovementKind.EDITED and is_gone:
        return OccasionKind.VOIDED
    return OccasionKind(move.kind.value)


_ORIGINS_BY_KIND = {Kind.CREDIT_MEMO: Origin.CREDIT_MEMO, Kind.JOURNAL_ENTRY: Origin.JOURNAL_ENTRY}


def _origins(movements: tuple[Movement, ...], histories: Mapping[RecordKey, History]) -> dict[RecordKey, Origin]:
    """What each credit is, by the occasion that first gave it."""
    origins: dict[RecordKey, Origin] = {}
    for move in movements:
        source = move.source
        if source.kind is not Kind.PAYMENT:
            origins.setdefault(source, _ORIGINS_BY_KIND.get(source.kind, Origin.ADJUSTMENT))
        elif move.kind is MovementKind.ISSUED and source not in origins:
            origins[source] = _issue_of_payment(move, histories)
    return origins


def _origin(move: Movement, origins: Mapping[RecordKey, Origin], histories: Mapping[RecordKey, History]) -> Origin:
    if move.kind is MovementKind.ISSUED and move.source.kind is Kind.PAYMENT:
        return _issue_of_payment(move, histories)
    return origins.get(move.source, Origin.UNKNOWN)


def _issue_of_payment(move: Movement, histories: Mapping[RecordKey, History]) -> Origin:
    """Money that was on no invoice when it came is a prepayment; what an invoice left over is an overpayment."""
    if move.sequence > 1:
        return _why_loose(move, histories)
    first = histories[move.source].first.content
    gave_all = isinstance(first, Payment) and move.amount_minor == first.total_minor
    return Origin.PREPAYMENT if gave_all else Origin.OVERPAYMENT


def _why_loose(move: Movement, histories: Mapping[RecordKey, History]) -> Origin:
    """Paid money that came off an invoice: the invoice was lowered, by a discount or by a line; else an overpayment."""
    for target in move.targets:
        history = histories.get(target)
        for before, after in zip(history.versions, history.versions[1:], strict=False) if history else ():
            old, new = before.content, after.content
            if not (isinstance(old, Invoice) and isinstance(new, Invoice)) or new.voided:
                continue
            is_it = before.observed_at <= (move.latest or before.observed_at) <= after.observed_at
            if is_it and new.total_minor < old.total_minor:
                discounted = new.discount_minor > old.discount_minor
                return Origin.DISCOUNT_AFTER_PAYMENT if discounted else Origin.LINE_REMOVED_AFTER_PAYMENT
    return Origin.OVERPAYMENT


def remaining_by_issue(issues: tuple[Occasion, ...], remaining_minor: int) -> tuple[int, ...]:
    """What is left of each issuing occasion of one credit: what came first is used first.

    `issues` are the occasions in order; the first takes what does not fit in the later ones, so that the sum is always
    the whole remainder.
    """
    left, result = remaining_minor, [0] * len(issues)
    for place in range(len(issues) - 1, 0, -1):
        result[place] = max(0, min(left, issues[place].amount_minor))
        left -= result[place]
    if issues:
        result[0] = left
    return tuple(result)


def is_quickbooks(key: RecordKey) -> bool:
    """Whether a record is of the books."""
    return key.system is System.QUICKBOOKS
