"""What is known about when each month of BigTime was last read: the cursor of the BigTime pull.

BigTime has no change filter, no paging and no list of deletions, so its history is read in windows by date, and the
moments of those reads are the only evidence of when a row was not yet there. PURE: no clock, no store, no network.

A window is one calendar month, numbered `year * 12 + month - 1`. The last window is open at its end: it reaches to
`HORIZON_DAYS` after the day of the read, for invoices with a later date.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

import msgspec

HORIZON_DAYS = 366
# BigTime may compare another date than the one we file a record under; two dates of one record are rarely further apart
MARGIN_DAYS = 45
_VERSION = 1
_LONGEST_CHARACTERS = 4000
# A cursor that would be too long says its times in coarser steps, always rounded to the past
_STEPS_SECONDS = (1, 60, 600, 3600, 86_400)


def month_of(day: date) -> int:
    """The number of the month that a day is in."""
    return day.year * 12 + day.month - 1


def first_day(month: int) -> date:
    """The first day of a month."""
    return date(month // 12, month % 12 + 1, 1)


def last_day(month: int) -> date:
    """The last day of a month."""
    return first_day(month + 1) - timedelta(days=1)


class Window(msgspec.Struct, frozen=True):
    """What is known about one month.

    `read_at` is when the last complete read of the whole month was asked for; None: never. `shown_at` is the last of
    those reads in which nothing that we knew was missing. `rows` is how many rows it had. A window that `is_due`
    has a reason to be read before its time.
    """

    rows: int | None = None
    read_at: datetime | None = None
    shown_at: datetime | None = None
    is_due: bool = False


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """The windows of one list, oldest first and without holes, and what was learned about the list.

    `has_all_dates` says that we have every date that the list may compare; without them a record may stand in any
    window. `foreign_dates` says that it was seen to compare another one. `largest_rows` is the longest reply that
    cannot have been cut off; `cap_rows` is the length at which replies were seen to be cut off. `doubtful_rows` is a
    length that looks like a limit and was all there was when the halves were asked for: whether a list of one row more
    would be cut off there is not known.
    """

    start: int
    windows: tuple[Window, ...]
    has_all_dates: bool = True
    largest_rows: int = 0
    cap_rows: int | None = None
    doubtful_rows: int | None = None
    foreign_dates: bool = False

    @property
    def end(self) -> int:
        """The number of the last month."""
        return self.start + len(self.windows) - 1

    @property
    def months(self) -> range:
        """All months, oldest first."""
        return range(self.start, self.start + len(self.windows))

    @property
    def oldest_read_at(self) -> datetime | None:
        """Every window was read at this moment or later; None when one never was."""
        return _oldest(window.read_at for window in self.windows)

    @property
    def is_read(self) -> bool:
        """Whether every window was read at least once."""
        return self.oldest_read_at is not None

    def window(self, month: int) -> Window:
        """The window of a month of this feed; a later month belongs to the last one."""
        return self.windows[min(month, self.end) - self.start]

    def absent_bound(self, days: Iterable[date | None]) -> datetime | None:
        """When a record with these dates was last certainly not there, or was there with other content.

        None when that is not known. A record without dates could be anywhere, so it is as old as the oldest read.
        """
        windows = self._windows_of(days)
        return _oldest(window.read_at for window in windows) if windows is not None else None

    def shown_bound(self, days: Iterable[date | None]) -> datetime | None:
        """When a record with these dates was last certainly there, if nothing else of its months was missing."""
        windows = self._windows_of(days)
        return _oldest(window.shown_at for window in windows) if windows is not None else None

    def _windows_of(self, days: Iterable[date | None]) -> tuple[Window, ...] | None:
        months = {month_of(day) for day in days if day is not None}
        if months and min(months) < self.start:
            return None
        if self.foreign_dates or not self.has_all_dates or not months:
            return self.windows
        return tuple(self.window(month) for month in months)

    def extended(self, start: int, end: int) -> "Feed":
        """The feed over other months: what is known stays, new months before it were never read.

        A new month after the last window was part of it, as far as that window's read reached.
        """
        end = max(start, end)
        return msgspec.structs.replace(
            self, start=start, windows=tuple(self._inherited(month) for month in range(start, end + 1))
        )

    def _inherited(self, month: int) -> Window:
        if month in self.months:
            return self.window(month)
        if month < self.start or not self.windows:
            return Window()
        previous = self.windows[-1]
        if previous.read_at is None:
            return Window()
        # a day is left for the difference between UTC and the firm's calendar
        reached = previous.read_at.date() + timedelta(days=HORIZON_DAYS - 1)
        return msgspec.structs.replace(previous, rows=0) if last_day(month) <= reached else Window()

    def after_reading(
        self, months: Iterable[int], read_at: datetime, *, rows: Mapping[int, int], incomplete: frozenset[int]
    ) -> "Feed":
        """The feed when these months were read whole, asked for at `read_at`.

        `rows` counts the rows by month; in the `incomplete` months something that we knew was missing.
        """
        updated = list(self.windows)
        for month in months:
            known = self.window(month)
            updated[month - self.start] = Window(
                rows=rows.get(month, 0),
                read_at=read_at,
                shown_at=known.shown_at if month in incomplete else read_at,
            )
        return msgspec.structs.replace(self, windows=tuple(updated))

    def with_due(self, months: Iterable[int], *, read_before: datetime | None = None) -> "Feed":
        """The feed with the months marked as due; only those that were last read before a moment, when one is given."""
        updated = list(self.windows)
        for month in set(months) & set(self.months):
            known = self.window(month)
            if known.read_at is None or read_before is None or known.read_at < read_before:
                updated[month - self.start] = msgspec.structs.replace(known, is_due=True)
        return msgspec.structs.replace(self, windows=tuple(updated))


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Where the pull of one firm stands.

    `unsettled` are invoices that changed, or of which a payment did, and that were not yet looked at together with
    their payments. `details_started_at` is when clients were last begun to be read one by one (None until
    that was done once), `details_after` the last that was ("" at the beginning); None when none is left to be read.
    """

    invoices: Feed  # which date their list compares is not documented, and we have only one
    payments: Feed  # one of the two dates that each row has
    clients_read_at: datetime | None = None
    unsettled: tuple[str, ...] = ()
    details_started_at: datetime | None = None
    details_after: str | None = None


def _oldest(moments: Iterable[datetime | None]) -> datetime | None:
    known = list(moments)
    certain = [moment for moment in known if moment is not None]
    return min(certain) if certain and len(certain) == len(known) else None


def new_cursor(start: int, end: int) -> Cursor:
    """The cursor of a firm of which nothing was read."""
    months = tuple(Window() for _ in range(start, max(start, end) + 1))
    return Cursor(
        invoices=Feed(start=start, windows=months, has_all_dates=False),
        payments=Feed(start=start, windows=months),
    )


class _Run(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive windows with the same times, in microseconds since 1970."""

    count: int
    read_at: int | None
    shown_at: int | None
    is_due: bool


class _FeedText(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    start: int
    runs: tuple[_Run, ...]
    rows: tuple[int | None, ...]
    largest: int = 0
    cap: int | None = None
    doubtful: int | None = None
    foreign: bool = False


class _CursorText(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    version: int
    invoices: _FeedText
    payments: _FeedText
    clients: int | None = None
    unsettled: tuple[str, ...] = ()
    details: int | None = None
    after: str | None = None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _micros(moment: datetime | None, step_seconds: int = 0) -> int | None:
    if moment is None:
        return None
    exact = (moment - _EPOCH) // timedelta(microseconds=1)
    return exact // (step_seconds * 1_000_000) * step_seconds * 1_000_000 if step_seconds else exact


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)


def _feed_text(feed: Feed, step_seconds: int) -> _FeedText:
    runs: list[_Run] = []
    for window in feed.windows:
        run = _Run(1, _micros(window.read_at, step_seconds), _micros(window.shown_at, step_seconds), window.is_due)
        if runs and (runs[-1].read_at, runs[-1].shown_at, runs[-1].is_due) == (run.read_at, run.shown_at, run.is_due):
            runs[-1] = msgspec.structs.replace(runs[-1], count=runs[-1].count + 1)
        else:
            runs.append(run)
    return _FeedText(
        start=feed.start,
        runs=tuple(runs),
        rows=tuple(window.rows for window in feed.windows),
        largest=feed.largest_rows,
        cap=feed.cap_rows,
        doubtful=feed.doubtful_rows,
        foreign=feed.foreign_dates,
    )


def _feed(text: _FeedText, *, has_all_dates: bool) -> Feed:
    times = [run for run in text.runs for _ in range(run.count)]
    windows = tuple(
        Window(rows=rows, read_at=_moment(run.read_at), shown_at=_moment(run.shown_at), is_due=run.is_due)
        for run, rows in zip(times, text.rows, strict=True)
    )
    return Feed(
        start=text.start,
        windows=windows,
        has_all_dates=has_all_dates,
        largest_rows=text.largest,
        cap_rows=text.cap,
        doubtful_rows=text.doubtful,
        foreign_dates=text.foreign,
    )


def encode_cursor(cursor: Cursor) -> str:
    """The cursor as JSON text of at most 4,000 characters, for up to some forty years of months.

    Times that would make it longer are moved into the past, which only makes a window due sooner and a bound looser.
    """
    encoded = ""
    for step_seconds in (0, *_STEPS_SECONDS):
        text = _CursorText(
            version=_VERSION,
            invoices=_feed_text(cursor.invoices, step_seconds),
            payments=_feed_text(cursor.payments, step_seconds),
            clients=_micros(cursor.clients_read_at),
            unsettled=cursor.unsettled,
            details=_micros(cursor.details_started_at),
            after=cursor.details_after,
        )
        encoded = msgspec.json.encode(text).decode()
        if len(encoded) <= _LONGEST_CHARACTERS:
            break
    return encoded


def decode_cursor(text: str) -> Cursor | None:
    """The cursor that `encode_cursor` wrote; None for anything else, which means reading everything once more."""
    try:
        known = msgspec.json.decode(text, type=_CursorText)
        if known.version != _VERSION or not known.invoices.runs or not known.payments.runs:
            return None
        return Cursor(
            invoices=_feed(known.invoices, has_all_dates=False),
            payments=_feed(known.payments, has_all_dates=True),
            clients_read_at=_moment(known.clients),
            unsettled=known.unsettled,
            details_started_at=_moment(known.details),
            details_after=known.after,
        )
    except (msgspec.DecodeError, ValueError, OverflowError):
        return None
