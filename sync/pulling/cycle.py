"""One pull of BigTime while it runs: the cursor, what was seen, and when the cursor is worth writing.

A quiet cycle writes nothing. The times of its reads are kept as soon as anything changes anywhere in the run, so
that of any two events the order can still be proved, and otherwise once an hour.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

from mappings.findings import Gap
from mappings.model import Kind, Observation, RecordKey, System, raw_hash
from sync.ports import Clock, PullUnit, RecordStore
from sync.pulling.absence import Absence, Seen
from sync.pulling.replies import Arrival, Batch, Bound, Dialect
from sync.pulling.spans import Days
from sync.pulling.windows import Cursor, Feed, encode_cursor
from sync.work import ProgressSink

CURSOR_FEED = "bigtime"
# How old the written time of a read may get while nothing happens
_STAMP_AGE = timedelta(hours=1)
# A longer list of invoices would not fit a cursor
_MOST_UNSETTLED = 100


class BigTimeReader(Protocol):
    """The list calls that a pull needs; `connectors.bigtime.reading` has them."""

    @property
    def sent(self) -> int:
        """How many requests were sent until now."""
        ...

    def fetch_invoices(self, first: date, last: date) -> tuple[bytes, ...]:
        """Raw rows of the invoices of a period."""
        ...

    def fetch_payments(self, first: date, last: date) -> tuple[bytes, ...]:
        """Raw payment rows of a period."""
        ...

    def fetch_drafts(self) -> tuple[bytes, ...]:
        """Raw rows of all drafts."""
        ...

    def fetch_clients(self) -> tuple[bytes, ...]:
        """Raw rows of all clients."""
        ...

    def fetch_client_detail(self, client_id: str) -> bytes:
        """The raw detailed view of one client."""
        ...


class ListName(StrEnum):
    """The two lists that are read by windows; the names are those of the cursor's fields."""

    INVOICES = "invoices"
    PAYMENTS = "payments"

    @property
    def kind(self) -> Kind:
        """What a row of the list is."""
        return Kind.INVOICE if self is ListName.INVOICES else Kind.PAYMENT


@dataclass(slots=True, kw_only=True)
class Cycle:
    """Everything that changes during one pull, in one place.

    `cursor` is where we stand, `saved` what the store has of it. `read_days` are the days that were read whole in
    this run. `drafts` is None when the list of drafts was not read whole: then no invoice can be called absent.
    """

    reader: BigTimeReader
    store: RecordStore
    clock: Clock
    dialect: Dialect
    run_id: str
    started_at: datetime
    today: date
    reread_hours: int
    cursor: Cursor
    saved: Cursor
    progress: ProgressSink
    is_full: bool = False
    is_witness: bool = False
    accepts_losses: bool = False
    is_dirty: bool = False
    drafts: frozenset[str] | None = None
    drafts_asked_at: datetime | None = None
    clients_were_read: bool = False
    changed: dict[RecordKey, None] = field(default_factory=dict)
    gaps: set[Gap] = field(default_factory=set)
    seen: dict[Kind, set[str]] = field(default_factory=dict)
    seen_prefixes: dict[Kind, set[str]] = field(default_factory=dict)
    uncertain: set[Kind] = field(default_factory=set)
    read_days: dict[ListName, list[Days]] = field(default_factory=dict)
    filed: dict[Kind, dict[int, set[str]]] = field(default_factory=dict)
    missing_dates: dict[RecordKey, tuple[date, ...]] = field(default_factory=dict)
    has_lost_rights: bool = False
    set_aside: dict[Kind, set[str]] = field(default_factory=dict)
    unreadable_months: dict[ListName, set[int]] = field(default_factory=dict)

    def feed(self, name: ListName) -> Feed:
        """What is known of a list's windows."""
        return self.cursor.invoices if name is ListName.INVOICES else self.cursor.payments

    def set_feed(self, name: ListName, feed: Feed) -> None:
        """Replace what is known of a list's windows, in memory."""
        self.cursor = msgspec.structs.replace(self.cursor, **{name.value: feed})

    def arrival(self, bound: Bound) -> Arrival:
        """The stamp of a reply that has just come."""
        return Arrival(self.clock.now(), bound)

    def add_gap(self, code: str, sentence: str) -> None:
        """Say that something could not be read; the same sentence twice is one gap."""
        self.gaps.add(Gap(code, System.BIGTIME.value, sentence))

    def add_lost_rights(self, kind: Kind, count: int) -> None:
        """Say that so many records are not shown any more that the login must have lost rights."""
        self.has_lost_rights = True
        self.add_gap(
            "G8",
            f"BigTime does not show {count} {kind.value}s that it showed before: the staff member of the API token has "
            "probably lost rights. Nothing was taken for deleted; give the rights back",
        )

    def add_set_aside(self) -> None:
        """Say which rows this run could not understand. What holds one is read again by every run until it can be."""
        for kind, names in sorted(self.set_aside.items()):
            shown = ", ".join(sorted(names)[:5]) + (" and others" if len(names) > 5 else "")
            self.add_gap(
                "G6",
                f"{len(names)} {kind.value} record(s) of BigTime cannot be understood and are left out of all figures: "
                f"{shown}; `tieout findings unreadable` says why, and what to do",
            )

    def with_unreadable(self, name: ListName, feed: Feed) -> Feed:
        """The feed with the months due again in which this run met a row that it could not understand."""
        return feed.with_due(self.unreadable_months.get(name, ()))

    def release_others(self) -> None:
        """Let go of what was set aside and is not any more. Only after every list that was due has been read.

        A month that holds a row that cannot be understood is due in every run.
        """
        kinds = [Kind.INVOICE, Kind.PAYMENT, *([Kind.CLIENT] if self.clients_were_read else [])]
        still = {kind: self.set_aside.get(kind, set()) for kind in kinds}
        self.store.release_others(self.run_id, System.BIGTIME, still)

    def note_seen(self, kind: Kind, batch: Batch) -> None:
        """Remember what a reply showed, for the judgement at the end of the list."""
        self.seen.setdefault(kind, set()).update(batch.seen.ids)
        if batch.quarantined:
            names = {bad.record_id or f"?{raw_hash(bad.raw)[7:19]}" for bad in batch.quarantined}
            self.set_aside.setdefault(kind, set()).update(names)
        self.seen_prefixes.setdefault(kind, set()).update(batch.seen.prefixes)
        if not batch.seen.is_certain:
            self.uncertain.add(kind)
        months = self.filed.setdefault(kind, {})
        for month, record_id in batch.filed:
            months.setdefault(month, set()).add(record_id)

    def seen_all(self, kind: Kind) -> Seen:
        """Everything of a kind that this run has seen."""
        return Seen(
            ids=frozenset(self.seen.get(kind, ())),
            prefixes=tuple(sorted(self.seen_prefixes.get(kind, ()))),
            is_certain=kind not in self.uncertain,
            rows={month: len(ids) for month, ids in self.filed.get(kind, {}).items()},
        )

    def record_batch(self, kind: Kind, batch: Batch, cursor: Cursor) -> tuple[RecordKey, ...]:
        """Write a reply and the cursor it leads to, in one transaction; answer what changed.

        Side effects: `cursor` becomes the current one. A crash leaves both as they were.
        """
        with self.store.pull_unit(self.run_id) as unit:
            changed = unit.record(batch.observations)
            unit.quarantine(batch.quarantined)
            settling = cursor if kind is Kind.CLIENT else self._with_unsettled(cursor, changed)
            written = self._write_cursor(unit, settling, changed)
        self.note_seen(kind, batch)
        self._committed(written, changed)
        return changed

    def record_absence(
        self, absence: Absence, cursor: Cursor, *, since: datetime, bounds: Mapping[RecordKey, datetime | None]
    ) -> None:
        """Write what follows from records that were not shown, and the cursor. Side effects: as `record_batch`."""
        seen_gone_at = self.clock.now()
        gone = [
            Observation(
                key=record.key, raw=b"", content=None, observed_at=seen_gone_at, absent_before=bounds.get(record.key)
            )
            for record in absence.gone
        ]
        with self.store.pull_unit(self.run_id) as unit:
            changed = unit.record(gone)
            unit.mark_missing(absence.missing_keys, since)
            settling = self._with_unsettled(cursor, [key for key in changed if key.kind is not Kind.CLIENT])
            written = self._write_cursor(unit, settling, (*changed, *absence.missing_keys))
        self._committed(written, changed)

    def save(self) -> None:
        """Write the cursor if it is worth it."""
        if self._is_worth_writing(self.cursor):
            with self.store.pull_unit(self.run_id) as unit:
                written = self._write_cursor(unit, self.cursor, ())
            self._committed(written, ())

    def _write_cursor(self, unit: PullUnit, cursor: Cursor, changed: Sequence[RecordKey]) -> tuple[Cursor, bool]:
        is_worth = bool(changed) or self._is_worth_writing(cursor)
        if is_worth:
            unit.save_cursor(CURSOR_FEED, encode_cursor(cursor))
        return cursor, is_worth

    def _committed(self, written: tuple[Cursor, bool], changed: Iterable[RecordKey]) -> None:
        self.cursor, was_written = written
        if was_written:
            self.saved = self.cursor
        for key in changed:
            self.is_dirty = True
            self.changed[key] = None

    def _is_worth_writing(self, cursor: Cursor) -> bool:
        if cursor == self.saved:
            return False
        if self.is_dirty or self.is_witness:
            return True
        return (
            _beside_windows(cursor) != _beside_windows(self.saved)
            or _differs(cursor.invoices, self.saved.invoices)
            or _differs(cursor.payments, self.saved.payments)
        )

    def _with_unsettled(self, cursor: Cursor, changed: Sequence[RecordKey]) -> Cursor:
        """The cursor with the invoices that must be looked at together with their payments.

        When they are too many for a cursor, everything is read again instead. The first load needs neither.
        """
        ids = {key.id if key.kind is Kind.INVOICE else invoice_of_payment(key.id) for key in changed}
        if not ids or not (cursor.invoices.is_read and cursor.payments.is_read):
            return cursor
        ids = (ids | set(cursor.unsettled)) - {""}
        if len(ids) <= _MOST_UNSETTLED:
            return msgspec.structs.replace(cursor, unsettled=tuple(sorted(ids)))
        return msgspec.structs.replace(
            cursor,
            invoices=cursor.invoices.with_due(cursor.invoices.months, read_before=self.started_at),
            payments=cursor.payments.with_due(cursor.payments.months, read_before=self.started_at),
            unsettled=(),
        )


def invoice_of_payment(record_id: str) -> str:
    """The invoice that a payment row was applied to, from the row's id; "" when it names none."""
    parts = record_id.split(":")
    return parts[1] if len(parts) > 1 else ""


def _beside_windows(cursor: Cursor) -> tuple[object, ...]:
    return cursor.clients_read_at, cursor.unsettled, cursor.details_started_at, cursor.details_after


def _differs(now: Feed, saved: Feed) -> bool:
    """Whether what is known has changed by more than the passing of less than an hour."""
    if (now.start, len(now.windows)) != (saved.start, len(saved.windows)):
        return True
    if _learned(now) != _learned(saved):
        return True
    return any(
        window.is_due != before.is_due
        or _has_aged(window.read_at, before.read_at)
        or _has_aged(window.shown_at, before.shown_at)
        for window, before in zip(now.windows, saved.windows, strict=True)
    )


def _learned(feed: Feed) -> tuple[object, ...]:
    return feed.cap_rows, feed.doubtful_rows, feed.foreign_dates


def _has_aged(now: datetime | None, saved: datetime | None) -> bool:
    if now is None or saved is None:
        return now is not saved
    return now - saved >= _STAMP_AGE
