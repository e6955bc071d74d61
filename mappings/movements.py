"""How the credits of clients in QuickBooks moved over time, from the versions of their records.

Every movement is a signed change of what a client has to his credit. Their sum is, for each client and currency,
what the records leave over (invariant L): opening + issued − applied + unapplied − refunded ± edited = closing.
QuickBooks keeps no date of an application: a later change of a payment is dated by its modification, and carries the
interval in which it must have happened. A payment that already stands on an invoice younger than itself when it is
first seen was a prepayment, and was put on that invoice later.
Source: fact sheet `quickbooks.md` §6.2, §6.4 and §6.5; `field.md` §8 (F9, E11).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime, tzinfo
from enum import StrEnum

import msgspec

from mappings.model import (
    Book,
    CreditMemo,
    Entry,
    History,
    Kind,
    Payment,
    RecordKey,
    System,
    Version,
)
from mappings.sources import Sources, last_said
from mappings.splitting import Split, receivable_lines

_Targets = tuple[RecordKey, ...]
# What a payment put where: the source (None: its own money) and its targets to an amount; one target where it is known.
_Flows = dict[tuple[RecordKey | None, _Targets], int]
_SOURCE_KINDS = frozenset({Kind.CREDIT_MEMO, Kind.JOURNAL_ENTRY, Kind.PURCHASE, Kind.DEPOSIT})


class MovementKind(StrEnum):
    """Why a client's credit changed."""

    ISSUED = "issued"  # a new credit, or money taken off an invoice that it had paid directly
    APPLIED = "applied"  # credit put on an invoice or a journal charge
    UNAPPLIED = "unapplied"  # applied credit taken back
    REFUNDED = "refunded"  # credit paid out; positive when the refund was taken back
    EDITED = "edited"  # the source itself was changed, voided or deleted


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one credit.

    `amount_minor` is the change of the client's credit: applying is negative. `client_id` is whose credit it is, by
    the source as last seen. `record` is what moved it: the payment, or the source itself, in version `sequence`.
    `targets` are the invoices and charges concerned: one when it is known which, several when the payment does not
    say, none for issuing and editing a source. `moved_on` is the bookkeeping date of a record's first version, later
    the day of the change. The change happened after `earliest` (None: not known) and not after `latest`.
    """

    kind: MovementKind
    source: RecordKey
    client_id: str
    currency: str
    amount_minor: int
    moved_on: date | None
    record: RecordKey
    sequence: int
    targets: _Targets = ()
    auto_linked: bool = False
    earliest: datetime | None = None
    latest: datetime | None = None


def derive_movements(book: Book, timezone: tzinfo) -> tuple[Movement, ...]:
    """All movements of the QuickBooks credits of a book, by date, record and version.

    `timezone` is the company's: it turns the moment of a change into a day.
    """
    sources = Sources(book)
    movements: list[Movement] = []
    for history in book.histories:
        if history.key.system is not System.QUICKBOOKS:
            continue
        if history.key.kind is Kind.PAYMENT:
            movements.extend(_payment_movements(history, sources, timezone))
        elif history.key.kind in _SOURCE_KINDS:
            movements.extend(_source_movements(history, book.receivable_accounts, timezone))
    return tuple(sorted(movements, key=_order))


def _order(movement: Movement) -> tuple[date, RecordKey, int, RecordKey, str, str, _Targets]:
    return (
        movement.moved_on or date.min,
        movement.record,
        movement.sequence,
        movement.source,
        movement.client_id,
        movement.kind,
        movement.targets,
    )


def _moved_on(version: Version, booked_on: date | None, timezone: tzinfo) -> date | None:
    if version.sequence == 1:
        return booked_on
    return (version.modified_at or version.observed_at).astimezone(timezone).date()


# --- memos and entries: what they were issued for -------------------------------------------------------------------


def _source_movements(history: History, accounts: frozenset[str], timezone: tzinfo) -> Iterator[Movement]:
    """Issue and edits of a memo or of an entry's credit lines, per client as last seen."""
    last = last_said(history)
    before: dict[str, int] = {}
    currency, booked_on = "", None
    for version in history.versions:
        content = version.content
        after: dict[str, int] = {}
        if isinstance(content, CreditMemo):
            assert isinstance(last, CreditMemo)
            after = {} if content.voided else {last.client_id: content.total_minor}
            currency, booked_on = content.currency, content.issued_on
        elif isinstance(content, Entry):
            after = {} if content.voided else _credited(content, accounts)
            currency, booked_on = content.currency, content.on_date
        for client in sorted({*before, *after}):
            change = after.get(client, 0) - before.get(client, 0)
            if change != 0:
                yield Movement(
                    kind=_given(change, before.get(client, 0), is_first=version.sequence == 1),
                    source=history.key,
                    client_id=client,
                    currency=currency,
                    amount_minor=change,
                    moved_on=_moved_on(version, booked_on, timezone),
                    record=history.key,
                    sequence=version.sequence,
                    earliest=version.absent_before,
                    latest=version.modified_at or version.observed_at,
                )
        before = after


def _given(minor: int, before_minor: int, *, is_first: bool) -> MovementKind:
    """Where there was no credit, it is issued, also by a later edit; else what there was is edited."""
    return MovementKind.ISSUED if is_first or (minor > 0 and before_minor == 0) else MovementKind.EDITED


def _credited(entry: Entry, accounts: frozenset[str]) -> dict[str, int]:
    given: defaultdict[str, int] = defaultdict(int)
    for line in receivable_lines(entry, accounts):
        if line.amount_minor < 0:
            given[line.client_id] -= line.amount_minor
    return dict(given)


# --- payments: what they used, and what they left over --------------------------------------------------------------


class _State(msgspec.Struct, frozen=True):
    """A payment in one version; all is 0 and empty before the first version, and after a void or deletion."""

    total_minor: int = 0
    unapplied_minor: int = 0
    flows: _Flows = {}


class _Change(msgspec.Struct, frozen=True):
    """One movement of a payment before it has a date and a client; `source` None is the payment's own money."""

    kind: MovementKind
    source: RecordKey | None
    amount_minor: int
    targets: _Targets = ()


class _Step(msgspec.Struct, frozen=True, kw_only=True):
    """A payment after one change: what it said then, and what is known of when."""

    content: Payment | None
    sequence: int
    is_first: bool
    moved_on: date | None
    earliest: datetime | None
    latest: datetime


def _steps(history: History, sources: Sources, timezone: tzinfo) -> Iterator[_Step]:
    """One step for each version, and before the first the steps that must have led to it."""
    for version in history.versions:
        content = version.content if isinstance(version.content, Payment) else None
        late = sources.younger_invoices(content) if content is not None and version.sequence == 1 else []
        step = _Step(
            content=content,
            sequence=version.sequence,
            is_first=version.sequence == 1,
            moved_on=_moved_on(version, content.paid_on if content else None, timezone),
            earliest=version.absent_before,
            latest=version.modified_at or version.observed_at,
        )
        if content is None or not late:
            yield step
            continue
        yield msgspec.structs.replace(
            step, content=_without(content, {id_ for id_, _ in late}), latest=content.created_at
        )
        for place, (_, invoice) in enumerate(late, start=1):
            latest = min(moment for moment in (content.modified_at, invoice.modified_at, step.latest) if moment)
            yield msgspec.structs.replace(
                step,
                content=_without(content, {id_ for id_, _ in late[place:]}),
                is_first=False,
                moved_on=latest.astimezone(timezone).date(),
                earliest=invoice.created_at,
                latest=latest,
            )


def _without(payment: Payment, invoices: set[str]) -> Payment:
    """The payment before it was put on these invoices: their money was still unapplied."""
    kept = tuple(line for line in payment.lines if line.target_id not in invoices)
    freed = sum(line.amount_minor for line in payment.lines) - sum(line.amount_minor for line in kept)
    return msgspec.structs.replace(payment, lines=kept, unapplied_minor=payment.unapplied_minor + freed)


def _payment_movements(history: History, sources: Sources, timezone: tzinfo) -> Iterator[Movement]:
    last = last_said(history)
    if not isinstance(last, Payment):
        return
    before = _State()
    from_credit: defaultdict[_Targets, int] = defaultdict(int)
    said, given = last, 0
    for step in _steps(history, sources, timezone):
        content = step.content
        said = content or said
        after = _state(content, sources) if content and not content.voided else _State()
        own = list(_own_money(before, after, from_credit, is_first=step.is_first or given == 0))
        given += sum(one.amount_minor for one in own if one.kind in {MovementKind.ISSUED, MovementKind.EDITED})
        changes = [*own, *_uses(before, after)]
        for change in changes:
            yield Movement(
                kind=change.kind,
                source=change.source or history.key,
                client_id=sources.owner_of(change.source, last.client_id) if change.source else last.client_id,
                currency=said.currency,
                amount_minor=change.amount_minor,
                moved_on=step.moved_on,
                record=history.key,
                sequence=step.sequence,
                targets=change.targets,
                auto_linked=said.auto_linked,
                earliest=step.earliest,
                latest=step.latest,
            )
        before = after


def _state(payment: Payment, sources: Sources) -> _State:
    return _State(payment.total_minor, payment.unapplied_minor, _flows(sources.split(payment)))


def _flows(split: Split) -> _Flows:
    """Where each source and the payment's own money went; all targets at once where the payment does not say."""
    targets = tuple(target for target, _ in split.charges)
    cash = max(0, split.charged_minor - split.credited_minor)
    if len(split.credits) == 0:
        return {(None, (target,)): minor for target, minor in split.charges}
    if len(split.credits) == 1 and cash == 0 and split.credited_minor == split.charged_minor:
        return {(split.credits[0][0], (target,)): minor for target, minor in split.charges}
    flows: _Flows = {(source, targets): minor for source, minor in split.credits}
    return {**flows, (None, targets): cash} if cash else flows


def _differences(before: _Flows, after: _Flows, source: RecordKey | None) -> list[tuple[_Targets, int]]:
    """What changed for a source: by target where both versions say it, else in one sum."""
    old = {targets: minor for (one, targets), minor in before.items() if one == source}
    new = {targets: minor for (one, targets), minor in after.items() if one == source}
    if all(len(targets) <= 1 for targets in (*old, *new)):
        found = [(targets, new.get(targets, 0) - old.get(targets, 0)) for targets in sorted({*old, *new})]
    else:
        concerned = tuple(sorted({target for targets in (*old, *new) for target in targets}))
        found = [(concerned, sum(new.values()) - sum(old.values()))]
    return [(targets, minor) for targets, minor in found if minor != 0]


def _out(targets: _Targets) -> MovementKind:
    is_refund = bool(targets) and all(target.kind is Kind.PURCHASE for target in targets)
    return MovementKind.REFUNDED if is_refund else MovementKind.APPLIED


def _back(targets: _Targets) -> MovementKind:
    kind = _out(targets)
    return kind if kind is MovementKind.REFUNDED else MovementKind.UNAPPLIED


def _uses(before: _State, after: _State) -> Iterator[_Change]:
    """Memos and entries that the payment took more or less of."""
    for source in sorted({one for one, _ in (*before.flows, *after.flows) if one is not None}):
        for targets, minor in _differences(before.flows, after.flows, source):
            yield _Change(_out(targets) if minor > 0 else _back(targets), source, -minor, targets)


def _own_money(
    before: _State, after: _State, from_credit: defaultdict[_Targets, int], *, is_first: bool
) -> Iterator[_Change]:
    """What moved between the payment's unapplied rest and its targets; new money first goes straight to targets.

    `from_credit` remembers what reached a target out of the rest: taking that back is "unapplied", even when the
    payment is gone. Money that paid directly and left with a smaller total was never a credit; what stays is one now.
    """
    differences = _differences(before.flows, after.flows, None)
    grown = after.total_minor - before.total_minor
    straight, withdrawn = max(0, grown), max(0, -grown)
    moved = 0
    for targets, minor in differences:
        if minor > 0:
            direct = min(straight, minor)
            straight -= direct
            if minor > direct:
                moved += direct - minor
                from_credit[targets] += minor - direct
                yield _Change(_out(targets), None, direct - minor, targets)
            continue
        gone = min(withdrawn, -minor - sum(_taken_back(-minor, targets, from_credit).values()))
        withdrawn -= gone
        released = -minor - gone
        moved += released
        yield from _released(released, targets, from_credit)
    rest = after.unapplied_minor - before.unapplied_minor - moved
    if rest != 0:
        yield _Change(_given(rest, 0 if is_first else 1, is_first=False), None, rest)


def _taken_back(minor: int, targets: _Targets, from_credit: Mapping[_Targets, int]) -> dict[_Targets, int]:
    """How much of what comes off these targets had reached them as credit, by where it had gone."""
    taken: dict[_Targets, int] = {}
    for reached in sorted(from_credit):
        part = min(minor, from_credit[reached]) if set(reached) <= set(targets) else 0
        if part > 0:
            taken[reached] = part
            minor -= part
    return taken


def _released(minor: int, targets: _Targets, from_credit: defaultdict[_Targets, int]) -> Iterator[_Change]:
    left = minor
    for reached, part in _taken_back(minor, targets, from_credit).items():
        from_credit[reached] -= part
        left -= part
        yield _Change(_back(reached), None, part, reached)
    if left > 0:
        yield _Change(MovementKind.ISSUED, None, left, targets)
