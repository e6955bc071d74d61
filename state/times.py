"""Moments and days as the database keeps them: whole microseconds of UTC, and yyyymmdd numbers.

SQLite has no type of its own for either, and SQLAlchemy's drops an offset without a word; whole numbers sort,
compare and survive alike in both databases. Source: facts/libraries.md B9.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """Where the store learns the time; the worker's clock has this method."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...


def micros_from_utc(moment: datetime) -> int:
    """Whole microseconds since 1970 of an aware moment.

    Raises: `ValueError` when the moment has no offset, which is a mistake of the caller.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no offset: pass aware times")
    return (moment - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=4096)  # all records of a page share their moments
def utc_from_micros(micros: int) -> datetime:
    """The aware UTC moment that `micros_from_utc` was given, to the microsecond."""
    return _EPOCH + timedelta(microseconds=micros)


@lru_cache(maxsize=4096)
def number_from_day(day: date) -> int:
    """2026-03-01 as 20260301."""
    return day.year * 10_000 + day.month * 100 + day.day


@lru_cache(maxsize=4096)
def day_from_number(number: int) -> date:
    """20260301 as 2026-03-01."""
    return date(number // 10_000, number // 100 % 100, number % 100)
