"""Reads one list of BigTime by spans of days, and judges at the end what was not there any more.

Each request is one transaction; a crash loses at most the last one. A reply that may have been cut off is read again
in halves, down to a single day. Source: facts/bigtime.md §1.6, §2.8.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from connectors.errors import ContractBroken, Rejected
from mappings.model import RecordKey, System
from mappings.records import StoredRecord
from sync.pulling.absence import Absence, Reads, dates_of, infer_absence
from sync.pulling.cycle import Cycle, ListName
from sync.pulling.replies import Batch, dates_of_content, read_invoices, read_payments
from sync.pulling.spans import CUT_ROWS, Days, Span, covers, halves, horizon, is_suspicious, joined, plan_spans
from sync.pulling.windows import MARGIN_DAYS, Cursor, Feed, first_day, last_day, month_of

# A refused request for a longer period than this is tried in halves
_SAFE_DAYS = 92


def read_list(cycle: Cycle, name: ListName, *, months: frozenset[int], hot: int) -> None:
    """Read these months of a list and judge what is missing.

    Invoices count as asked for when the drafts were, because one that leaves the drafts meanwhile is in neither.

    Raises: a `ConnectorError`; what was read before it is kept.
    """
    asked_at = cycle.clock.now()
    if name is ListName.INVOICES and cycle.drafts_asked_at is not None:
        asked_at = cycle.drafts_asked_at
    before = cycle.feed(name)
    spans = plan_spans(before, months=months, hot=hot, today=cycle.today)
    for done, span in enumerate(spans):
        cycle.progress(f"BigTime {name}", done, len(spans))
        _SpanRead(cycle, name, span, asked_at).read(span.days)
    cycle.progress(f"BigTime {name}", len(spans), len(spans))
    _judge(cycle, name, asked_at=asked_at, before=before, spans=spans)


class _SpanRead:
    """The reading of one span, in as many requests as it takes."""

    def __init__(self, cycle: Cycle, name: ListName, span: Span, asked_at: datetime) -> None:
        self._cycle = cycle
        self._name = name
        self._span = span
        self._asked_at = asked_at
        self._rows: Counter[int] = Counter()
        self._whole: list[Days] = []

    def read(self, days: Days) -> int:
        """How many rows these days have, as far as they were read."""
        raws = self._fetch(days)
        parts = halves(days)
        if raws is not None and not is_suspicious(len(raws), self._cycle.feed(self._name)):
            self._take(raws, days, is_whole=True)
            return len(raws)
        if parts is None:
            assert raws is not None
            self._take(raws, days, is_whole=False)
            self._cycle.add_gap(
                "G1",
                f"BigTime's {self._name} of {days.first} end at exactly {len(raws)} rows: there may be more that "
                "cannot be read; ask BigTime for the limit of its lists",
            )
            return len(raws)
        rows = sum(self.read(part) for part in parts)
        if raws is not None:
            self._learn_limit(len(raws), is_cut=rows > len(raws) + CUT_ROWS)
        return rows

    def _fetch(self, days: Days) -> tuple[bytes, ...] | None:
        """The rows; None when BigTime refuses so long a period."""
        reader = self._cycle.reader
        fetch = reader.fetch_invoices if self._name is ListName.INVOICES else reader.fetch_payments
        try:
            return fetch(days.first, days.last)
        except Rejected:
            if days.last - days.first > timedelta(days=_SAFE_DAYS):
                return None
            raise

    def _learn_limit(self, rows: int, *, is_cut: bool) -> None:
        feed = self._cycle.feed(self._name)
        if is_cut:
            cap = rows if feed.cap_rows is None else min(rows, feed.cap_rows)
            feed = msgspec.structs.replace(feed, cap_rows=cap)
        else:
            feed = msgspec.structs.replace(feed, doubtful_rows=rows)
        self._cycle.set_feed(self._name, feed)

    def _take(self, raws: Sequence[bytes], days: Days, *, is_whole: bool) -> None:
        cycle, feed = self._cycle, self._cycle.feed(self._name)
        batch = self._understand(raws, days)
        self._rows.update(month for month, _ in batch.filed)
        if is_whole:
            self._whole.append(days)
            cycle.read_days.setdefault(self._name, []).append(days)
            feed = _learned(feed, len(raws))
        if batch.is_foreign or _has_returned(cycle, batch):
            feed = msgspec.structs.replace(feed, foreign_dates=True)
        if batch.quarantined:
            unreadable = range(month_of(days.first), month_of(days.last) + 1)
            cycle.unreadable_months.setdefault(self._name, set()).update(unreadable)
        feed = self._stamped(feed)
        cursor = msgspec.structs.replace(cycle.cursor, **{self._name.value: feed})
        cycle.record_batch(self._name.kind, batch, cursor)
        if batch.is_beyond_understanding:
            raise ContractBroken(
                System.BIGTIME,
                f"{self._name.kind} list",
                f"{len(batch.quarantined)} of {len(raws)} rows cannot be understood: the API has probably changed. "
                "They were set aside with the reasons; update Tieout before relying on its figures",
            )

    def _understand(self, raws: Sequence[bytes], days: Days) -> Batch:
        arrival = self._cycle.arrival(self._cycle.feed(self._name).absent_bound)
        if self._name is ListName.PAYMENTS:
            return read_payments(raws, self._cycle.dialect, arrival, days=days)
        return read_invoices(raws, self._cycle.dialect, arrival, days=days, drafts=self._cycle.drafts or frozenset())

    def _stamped(self, feed: Feed) -> Feed:
        """The feed with the months that are now read whole, except those that suddenly have far fewer rows."""
        periods = joined(self._whole)
        months = [
            month
            for month in covered_months(feed, self._span.months, periods, self._span.days)
            if not _has_shrunk(feed, month, self._rows)
        ]
        feed = feed.after_reading(months, self._asked_at, rows=self._rows, incomplete=frozenset(months))
        return self._cycle.with_unreadable(self._name, feed)


def _learned(feed: Feed, rows: int) -> Feed:
    """What a whole reply of so many rows teaches: no shorter length is a limit."""
    return msgspec.structs.replace(
        feed,
        largest_rows=max(feed.largest_rows, rows),
        cap_rows=feed.cap_rows if rows <= (feed.cap_rows or 0) else None,
        doubtful_rows=feed.doubtful_rows if rows <= (feed.doubtful_rows or 0) else None,
    )


def _has_shrunk(feed: Feed, month: int, rows: Counter[int]) -> bool:
    known = feed.window(month).rows or 0
    return known >= 10 and rows[month] * 2 < known


def _has_returned(cycle: Cycle, batch: Batch) -> bool:
    """Whether a record that was just missing from the days of its dates came with other days, unchanged."""
    return any(
        cycle.missing_dates.get(observation.key) == dates_of_content(observation.content)
        for observation in batch.observations
        if observation.key in cycle.missing_dates
    )


def covered_months(feed: Feed, months: Sequence[int], periods: Sequence[Days], wanted: Days) -> tuple[int, ...]:
    """The months of which every day lies in the periods; the feed's last month reaches to the end of `wanted`."""
    return tuple(
        month
        for month in months
        if covers(periods, Days(first_day(month), wanted.last if month == feed.end else last_day(month)))
    )


def _judge(cycle: Cycle, name: ListName, *, asked_at: datetime, before: Feed, spans: Sequence[Span]) -> None:
    """Decide what the reads of this run say about records that they did not show.

    Side effects: marks records as missing or gone, moves the windows' times, all in one transaction.
    """
    feed = cycle.feed(name)
    periods = joined(cycle.read_days.get(name, ()))
    seen = cycle.seen_all(name.kind)
    if not seen.is_certain or (name is ListName.INVOICES and cycle.drafts is None):
        cycle.save()
        return
    whole = _is_whole(cycle, feed, periods)
    absence = infer_absence(
        _known(cycle, name, feed, periods, whole=whole),
        seen,
        expected=lambda record: whole or _is_expected(cycle, name, periods, record),
        reads=Reads(run_started_at=cycle.started_at, oldest_read_at=feed.oldest_read_at),
        accept_losses=cycle.accepts_losses,
        rights_are_lost=cycle.has_lost_rights,
    )
    covered = {
        month for span in spans for month in covered_months(feed, span.months, periods, span.days)
    } - absence.lost_months
    rows = {month: seen.rows.get(month, 0) for month in covered}
    feed = _restored(feed, before, absence.lost_months)
    unjudged = frozenset(covered) if feed.foreign_dates and not whole else frozenset()
    feed = feed.after_reading(covered, asked_at, rows=rows, incomplete=absence.incomplete_months | unjudged)
    if absence.missing and not feed.foreign_dates:
        feed = feed.with_due(feed.months, read_before=asked_at)
    feed = cycle.with_unreadable(name, feed)
    cursor = msgspec.structs.replace(cycle.cursor, **{name.value: feed})
    _conclude(cycle, name, absence, cursor=cursor, asked_at=asked_at, bounds=_bounds(cycle, before, absence))


def _conclude(
    cycle: Cycle,
    name: ListName,
    absence: Absence,
    *,
    cursor: Cursor,
    asked_at: datetime,
    bounds: dict[RecordKey, datetime | None],
) -> None:
    if absence.lost_count:
        cycle.add_lost_rights(name.kind, absence.lost_count)
    cycle.missing_dates.update({record.key: dates_of(record) for record in absence.missing})
    if absence.missing or absence.gone:
        cycle.record_absence(absence, cursor, since=asked_at, bounds=bounds)
    else:
        cycle.cursor = cursor
        cycle.save()


def _is_whole(cycle: Cycle, feed: Feed, periods: Sequence[Days]) -> bool:
    return covers(periods, Days(first_day(feed.start), horizon(cycle.today)))


def _known(
    cycle: Cycle, name: ListName, feed: Feed, periods: Sequence[Days], *, whole: bool
) -> tuple[StoredRecord, ...]:
    """The stored records that the reads could have shown; those outside the windows are left in peace."""
    if whole:
        everything = cycle.store.load_records(System.BIGTIME, name.kind)
        start, end = first_day(feed.start), horizon(cycle.today)
        return tuple(record for record in everything if all(start <= day <= end for day in dates_of(record)))
    if feed.foreign_dates:
        return ()
    found: dict[RecordKey, StoredRecord] = {}
    for period in periods:
        for record in cycle.store.load_records(System.BIGTIME, name.kind, first=period.first, last=period.last):
            found[record.key] = record
    return tuple(found.values())


def _is_expected(cycle: Cycle, name: ListName, periods: Sequence[Days], record: StoredRecord) -> bool:
    """Whether a list that was read over these periods must show the record.

    A payment row has both dates that BigTime may compare. An invoice has one, the other is taken to be near it.
    """
    dates = dates_of(record)
    start, end = first_day(cycle.feed(name).start), horizon(cycle.today)
    if name is ListName.PAYMENTS:
        return bool(dates) and all(covers(periods, Days(day, day)) for day in dates)
    margin = timedelta(days=MARGIN_DAYS)
    return bool(dates) and all(
        start <= day <= end and covers(periods, Days(max(day - margin, start), min(day + margin, end))) for day in dates
    )


def _restored(feed: Feed, before: Feed, months: frozenset[int]) -> Feed:
    """The feed with these months as they were before the reads, which cannot be relied on."""
    windows = tuple(before.window(month) if month in months else feed.window(month) for month in feed.months)
    return msgspec.structs.replace(feed, windows=windows)


def _bounds(cycle: Cycle, before: Feed, absence: Absence) -> dict[RecordKey, datetime | None]:
    """After which moment each record that is gone was deleted: when it was last certainly there.

    That is when its last version was seen, or a later complete read of its months that missed nothing.
    """
    bounds: dict[RecordKey, datetime | None] = {}
    for record in absence.gone:
        history = cycle.store.load_history(record.key)
        moments = [history.latest.observed_at] if history is not None else []
        dates = dates_of(record)
        shown = before.shown_bound(dates)
        is_of_one_month = len({month_of(day) for day in dates}) == 1 or not before.has_all_dates
        if shown is not None and is_of_one_month and (record.missing_since is None or shown < record.missing_since):
            moments.append(shown)
        bounds[record.key] = max(moments, default=None)
    return bounds
