"""What a report is asked for: a company, a period, a client, a currency, and the moment as of which it is told."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec


class Dating(StrEnum):
    """Which day of an occasion decides the month it belongs to."""

    CAME = "came"  # the day it came into being, as far as QuickBooks tells or our versions show
    BOOKED = "booked"  # the date of its transaction in the books, as they stand now
    KNOWN = "known"  # the day on which we could first know it


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The question a report answers.

    `as_of` is aware and UTC: nothing seen later is in the report. The period is [first, last], both days included and
    None for no limit. `client` is a name or an id as a reader wrote it, "" for all; `currency` "" for all, and so is
    `account`, a receivable account by name or id.
    """

    company: str
    as_of: datetime
    timezone: ZoneInfo
    first: date | None = None
    last: date | None = None
    client: str = ""
    currency: str = ""
    account: str = ""
    dating: Dating = Dating.CAME

    @property
    def today(self) -> date:
        """The bookkeeping day of `as_of`."""
        return self.as_of.astimezone(self.timezone).date()

    @property
    def day(self) -> date:
        """The day whose evening a balance is told for: the last of the period, but not after `as_of`."""
        return self.today if self.last is None else min(self.last, self.today)

    @property
    def ends_at(self) -> datetime:
        """The last moment of the period, but not after `as_of`; aware and UTC."""
        if self.last is None:
            return self.as_of
        midnight = datetime.combine(self.last + timedelta(days=1), time(), tzinfo=self.timezone)
        return min(midnight.astimezone(UTC) - timedelta(microseconds=1), self.as_of)

    @property
    def is_over(self) -> bool:
        """Whether the period's last day had ended; a period without a last day never is."""
        return self.last is not None and self.last < self.today

    def day_of(self, moment: datetime) -> date:
        """The company's bookkeeping day of a moment."""
        return moment.astimezone(self.timezone).date()

    def covers(self, day: date | None) -> bool:
        """Whether a day is in the period; what has no day belongs before every period that has a beginning."""
        if day is None:
            return self.first is None
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)

    def wants(self, currency: str) -> bool:
        """Whether amounts in a currency are asked for."""
        return self.currency in {"", currency}
