"""What one reply of BigTime says: observations, rows to set aside, and what it shows of dates. PURE."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime

import msgspec

from mappings.bigtime import client_from_bigtime, identity_of, invoice_from_bigtime, payments_from_bigtime
from mappings.model import Content, Invoice, Kind, Observation, Payment, RecordKey, System
from mappings.problems import Problem
from mappings.quickbooks import MappedRecord
from mappings.records import Quarantined
from mappings.vocabulary import Vocabulary
from sync.pulling.absence import Seen
from sync.pulling.spans import Days
from sync.pulling.windows import month_of

# A reply of which this many rows, and this share, cannot be understood is another API, not a few bad rows
_MOST_PROBLEMS = 20
_LARGEST_SHARE = 0.05

Bound = Callable[[Iterable[date | None]], datetime | None]


class Dialect(msgspec.Struct, frozen=True):
    """How to read this firm's rows: its words, and the one currency of its amounts."""

    vocabulary: Vocabulary
    currency: str


class Arrival(msgspec.Struct, frozen=True):
    """When a reply came, and when a record with given dates was last certainly not there."""

    observed_at: datetime
    absent_bound: Bound


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One reply, read.

    `is_foreign` says that rows came which have no date in the days that were asked for: the list compares a date that
    we do not have. `filed` are the months of each record's dates, as (month, id).
    """

    observations: tuple[Observation, ...]
    quarantined: tuple[Quarantined, ...]
    seen: Seen
    is_foreign: bool = False
    filed: tuple[tuple[int, str], ...] = ()

    @property
    def is_beyond_understanding(self) -> bool:
        """So many rows make no sense that the API itself must have changed."""
        problems = len(self.quarantined)
        return problems >= _MOST_PROBLEMS and problems > _LARGEST_SHARE * (problems + len(self.observations))


def read_invoices(
    raws: Sequence[bytes], dialect: Dialect, arrival: Arrival, *, days: Days | None, drafts: frozenset[str]
) -> Batch:
    """A reply of invoices. Those that are `drafts` are seen, but the list of drafts speaks for them."""
    mapped = [invoice_from_bigtime(raw, dialect.vocabulary, dialect.currency, is_draft=False) for raw in raws]
    return _batch(Kind.INVOICE, raws, mapped, arrival, days=days, elsewhere=drafts)


def read_drafts(raws: Sequence[bytes], dialect: Dialect, arrival: Arrival) -> Batch:
    """The reply of drafts."""
    mapped = [invoice_from_bigtime(raw, dialect.vocabulary, dialect.currency, is_draft=True) for raw in raws]
    return _batch(Kind.INVOICE, raws, mapped, arrival)


def read_payments(raws: Sequence[bytes], dialect: Dialect, arrival: Arrival, *, days: Days) -> Batch:
    """A reply of payment rows."""
    mapped = payments_from_bigtime(raws, dialect.vocabulary, dialect.currency)
    return _batch(Kind.PAYMENT, raws, mapped, arrival, days=days)


def read_clients(raws: Sequence[bytes], arrival: Arrival) -> Batch:
    """The reply of clients."""
    return _batch(Kind.CLIENT, raws, [client_from_bigtime(raw) for raw in raws], arrival)


def dates_of_content(content: Content | None) -> tuple[date, ...]:
    """The dates under which a record is filed."""
    match content:
        case Invoice():
            dates: tuple[date | None, ...] = (content.issued_on,)
        case Payment():
            dates = (content.paid_on, content.applied_on)
        case _:
            dates = ()
    return tuple(day for day in dates if day is not None)


def _batch(
    kind: Kind,
    raws: Sequence[bytes],
    mapped: Sequence[MappedRecord | Problem],
    arrival: Arrival,
    *,
    days: Days | None = None,
    elsewhere: frozenset[str] = frozenset(),
) -> Batch:
    observations: list[Observation] = []
    quarantined: list[Quarantined] = []
    ids: set[str] = set()
    filed: set[tuple[int, str]] = set()
    is_foreign = False
    for raw, result in zip(raws, mapped, strict=True):
        if isinstance(result, Problem):
            quarantined.append(_set_aside(kind, raw, result))
            continue
        dates = dates_of_content(result.content)
        ids.add(result.id)
        filed.update((month_of(day), result.id) for day in dates)
        is_foreign = is_foreign or (days is not None and bool(dates) and not any(day in days for day in dates))
        if result.id not in elsewhere:
            observations.append(_observation(kind, raw, result, arrival))
    named = {bad.record_id for bad in quarantined}
    seen = Seen(
        ids=frozenset(ids) | (frozenset() if kind is Kind.PAYMENT else named),
        prefixes=tuple(sorted(f"{name}:" for name in named)) if kind is Kind.PAYMENT else (),
        is_certain="" not in named,
    )
    return Batch(
        observations=tuple(observations),
        quarantined=tuple(quarantined),
        seen=seen,
        is_foreign=is_foreign,
        filed=tuple(filed),
    )


def _observation(kind: Kind, raw: bytes, mapped: MappedRecord, arrival: Arrival) -> Observation:
    return Observation(
        key=RecordKey(System.BIGTIME, kind, mapped.id),
        raw=raw,
        content=mapped.content,
        observed_at=arrival.observed_at,
        absent_before=arrival.absent_bound(dates_of_content(mapped.content)),
        modified_at=mapped.modified_at,
    )


def _set_aside(kind: Kind, raw: bytes, problem: Problem) -> Quarantined:
    return Quarantined(system=System.BIGTIME, kind=kind, record_id=identity_of(raw), raw=raw, reason=str(problem))
