"""Which months of BigTime to read now, in how few calls. PURE: no clock, no store, no network.

Two promises: every month is read again within the configured hours, and a cycle in which nothing is due reads one
span, the hot one. Source: facts/bigtime.md §1.5 (30 calls a minute), §1.6 (no paging: windows by date).
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import msgspec

from sync.pulling.windows import HORIZON_DAYS, MARGIN_DAYS, Feed, first_day, last_day, month_of

ROW_BUDGET = 5000
# Rows that come in while a period is read in halves are not taken for rows that were cut off
CUT_ROWS = 5
# a list that is shorter than this is read whole in every cycle
_SHORT_LIST_ROWS = 1000
# months of which nothing is known are read by the year
_UNKNOWN_MONTHS = 12
# a month becomes due a little early, so that the next run still keeps the promise
_EARLY = 0.9


class Days(msgspec.Struct, frozen=True, order=True):
    """A period, both ends included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


class Span(msgspec.Struct, frozen=True):
    """One request: the days to ask for, and the months that a complete answer covers whole."""

    days: Days
    first_month: int
    last_month: int

    @property
    def months(self) -> range:
        """The months that are read when all the days are."""
        return range(self.first_month, self.last_month + 1)


def row_budget(feed: Feed) -> int:
    """How many rows one call should have at most: below the length at which replies are cut off, if that is known.

    A doubtful length is kept away from, too, or every cycle would read the same days in halves; until the list has
    so many more rows that a longer request will show whether it is a limit.
    """
    limit = feed.cap_rows
    if limit is None and feed.doubtful_rows is not None:
        rows = sum(window.rows or 0 for window in feed.windows)
        limit = feed.doubtful_rows if rows <= feed.doubtful_rows + CUT_ROWS else None
    return ROW_BUDGET if limit is None else max(min(ROW_BUDGET, limit * 7 // 10), 1)


def hot_from(feed: Feed, *, today: date, open_months: Iterable[int]) -> int:
    """The first month that every cycle reads: this and the last month, and back to open invoices as rows allow.

    A short list is hot from its beginning: it costs no more calls.
    """
    if feed.is_read and _estimate(feed, feed.months) <= min(_SHORT_LIST_ROWS, row_budget(feed)):
        return feed.start
    hot = max(min(month_of(today) - 1, feed.end), feed.start)
    rows, budget = _estimate(feed, range(hot, feed.end + 1)), row_budget(feed)
    wanted = set(open_months)
    for month in range(hot - 1, feed.start - 1, -1):
        rows += _estimate(feed, (month,))
        if rows > budget:
            break
        if month in wanted:
            hot = month
    return hot


def due_months(feed: Feed, *, now: datetime, reread_hours: int) -> frozenset[int]:
    """The months that must be read whether hot or not: never read, marked, or read too long ago."""
    oldest_allowed = now - timedelta(hours=reread_hours * _EARLY)
    return frozenset(
        month
        for month in feed.months
        if (window := feed.window(month)).is_due or window.read_at is None or window.read_at <= oldest_allowed
    )


def plan_spans(feed: Feed, *, months: frozenset[int], hot: int, today: date) -> tuple[Span, ...]:
    """The requests that read these months: the newest first, then those that were read the longest ago.

    Adjoining months share a request as long as it stays within the row budget; the months from `hot` on are never
    parted. A request asks for `MARGIN_DAYS` more wherever its neighbour month is not read in the same plan.
    """
    blocks: list[list[int]] = []
    for month in sorted(months, reverse=True):
        if blocks and blocks[-1][-1] == month + 1 and _fits(feed, blocks[-1], month, hot):
            blocks[-1].append(month)
        else:
            blocks.append([month])
    spans = [_span(feed, block, months, today) for block in blocks]
    return tuple(sorted(spans, key=lambda span: _urgency(feed, span, hot)))


def _fits(feed: Feed, block: Sequence[int], month: int, hot: int) -> bool:
    return month >= hot or _estimate(feed, (*block, month)) <= row_budget(feed)


def _estimate(feed: Feed, months: Iterable[int]) -> int:
    unknown = max(row_budget(feed) // _UNKNOWN_MONTHS, 1)
    known = (feed.window(month).rows for month in months)
    return sum(unknown if rows is None else rows for rows in known)


def _span(feed: Feed, block: Sequence[int], planned: frozenset[int], today: date) -> Span:
    first_month, last_month = block[-1], block[0]
    first, last = first_day(first_month), last_day(last_month)
    if first_month - 1 not in planned:
        first -= timedelta(days=MARGIN_DAYS)
    if last_month == feed.end:
        last = max(last, horizon(today))
    elif last_month + 1 not in planned:
        last += timedelta(days=MARGIN_DAYS)
    return Span(Days(first, last), first_month, last_month)


def horizon(today: date) -> date:
    """The last day that is ever asked for."""
    return today + timedelta(days=HORIZON_DAYS)


def _urgency(feed: Feed, span: Span, hot: int) -> tuple[bool, float, int]:
    read = [feed.window(month).read_at for month in span.months]
    oldest = min((moment.timestamp() if moment is not None else 0.0) for moment in read)
    return span.last_month < hot, oldest, -span.last_month


def is_suspicious(rows: int, feed: Feed) -> bool:
    """Whether a reply of this length may have been cut off.

    A cut shows only as a round number that no reply of the same list has ever exceeded.
    """
    if feed.cap_rows is not None and rows >= feed.cap_rows:
        return True
    return is_a_limit(rows) and rows >= feed.largest_rows


def is_a_limit(rows: int) -> bool:
    """Whether somebody would choose this number as a list's limit: 100, 250, 500 and so on, or a power of two."""
    digits = str(rows).rstrip("0")
    is_decimal = digits in {"1", "2", "3", "4", "5", "25", "75", "15"}
    return rows >= 100 and (is_decimal or rows & (rows - 1) == 0)


def halves(days: Days) -> tuple[Days, Days] | None:
    """The two halves of a period; None for a single day."""
    if days.first == days.last:
        return None
    middle = days.first + (days.last - days.first) // 2
    return Days(days.first, middle), Days(middle + timedelta(days=1), days.last)


def joined(periods: Iterable[Days]) -> tuple[Days, ...]:
    """The same days as the fewest periods, in order."""
    merged: list[Days] = []
    for period in sorted(periods):
        if merged and period.first <= merged[-1].last + timedelta(days=1):
            merged[-1] = Days(merged[-1].first, max(merged[-1].last, period.last))
        else:
            merged.append(period)
    return tuple(merged)


def covers(periods: Sequence[Days], wanted: Days) -> bool:
    """Whether joined periods contain every day of another."""
    return any(period.first <= wanted.first and wanted.last <= period.last for period in periods)
