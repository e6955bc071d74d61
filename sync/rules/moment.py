"""When and under which settings the rules look at a book: everything they may not find out for themselves."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """The present, and the firm's settings.

    `now` is aware and UTC; `timezone` is the company's, in which its bookkeeping days begin and end. `grace` is
    how long a sync may be under way before its absence is a finding. Two equal credits count as a suspected
    duplicate within `duplicate_window`; an open credit is stale after `stale_after`. `quickbooks_read_at` is None when
    QuickBooks was read; else it could not be, and this is when it last was.
    """

    now: datetime
    timezone: ZoneInfo
    grace: timedelta = timedelta(hours=24)
    duplicate_window: timedelta = timedelta(days=7)
    stale_after: timedelta = timedelta(days=30)
    rounding_minor: int = 1
    quickbooks_read_at: datetime | None = None

    @property
    def today(self) -> date:
        """The company's bookkeeping day."""
        return self.now.astimezone(self.timezone).date()

    def day_of(self, instant: datetime) -> date:
        """The company's bookkeeping day of an instant."""
        return instant.astimezone(self.timezone).date()

    def start_of(self, day: date) -> datetime:
        """The first instant of a bookkeeping day, in UTC."""
        return datetime(day.year, day.month, day.day, tzinfo=self.timezone).astimezone(UTC)

    def in_grace(self, changed_at: datetime | None) -> bool:
        """Whether a change is so young that the other system may still be about to follow."""
        return changed_at is not None and self.now - changed_at < self.grace
