"""Counts calls: those sent in this run, and the metered ones of the month against a budget.

Source: Intuit App Partner Program: only successful production reads are metered, over all companies of an app;
the free tier is blocked at 500,000 a month. A worker that runs into the block stops every company, so we stop
before.
"""

import threading
from datetime import date, datetime
from typing import Protocol

from connectors.errors import BudgetSpent
from mappings.model import System


class DatingClock(Protocol):
    """The part of the worker's clock that says which month it is."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...


class MonthlyCounts(Protocol):
    """Where the month's counts are kept, over all companies and processes. `month` is the first of a month."""

    def add_calls(self, system: System, month: date, *, sent: int, metered: int) -> None:
        """Add to the month's counts."""
        ...

    def load_metered(self, system: System, month: date) -> int:
        """The metered calls of the month so far, of everybody."""
        ...


class CallMeter:
    """The calls of one run. Counting is in memory; `save` brings the counts to the store.

    `save` must be called outside any transaction, once a page or so: a crash loses at most what came since.
    """

    SPARING_PERCENT = 80  # from here on, reads that can wait are left out
    BLOCKING_PERCENT = 95  # from here on, nothing is sent: the rest is for a person who needs to look

    def __init__(
        self,
        system: System,
        clock: DatingClock,
        *,
        counts: MonthlyCounts | None = None,
        monthly_budget: int | None = None,
    ) -> None:
        self._system = system
        self._clock = clock
        self._counts = counts
        self._budget = monthly_budget
        self._lock = threading.Lock()
        self._sent = self._metered = 0
        self._unsaved_sent = self._unsaved_metered = 0
        self._month = _month_of(clock.now())
        self._month_before = counts.load_metered(system, self._month) if counts is not None else 0

    @property
    def sent(self) -> int:
        """Calls that left us in this run, repeats included."""
        return self._sent

    @property
    def metered(self) -> int:
        """Those of them that the system counts against the monthly allowance."""
        return self._metered

    @property
    def is_sparing(self) -> bool:
        """Whether so much of the month's budget is used that reads which can wait should wait."""
        return self._budget is not None and self._used() * 100 >= self._budget * self.SPARING_PERCENT

    def check(self, operation: str) -> None:
        """Raises: `BudgetSpent` when the month's budget leaves no room for a call."""
        if self._budget is not None and self._used() * 100 >= self._budget * self.BLOCKING_PERCENT:
            raise BudgetSpent(
                self._system,
                operation,
                f"{self._used():,} of {self._budget:,} metered calls of this month are used: nothing is read until "
                "the month is over or the monthly budget in the configuration is raised",
            )

    def count_sent(self) -> None:
        """One more call goes out."""
        with self._lock:
            self._sent += 1
            self._unsaved_sent += 1

    def count_metered(self) -> None:
        """One more answer that counts against the allowance has come."""
        with self._lock:
            self._metered += 1
            self._unsaved_metered += 1

    def save(self) -> None:
        """Bring the counts to the store, and learn what others have used in the meantime."""
        month = _month_of(self._clock.now())
        with self._lock:
            sent, metered = self._unsaved_sent, self._unsaved_metered
            self._unsaved_sent = self._unsaved_metered = 0
        if self._counts is None:
            self._month_before += metered
        else:
            if sent or metered:
                self._counts.add_calls(self._system, self._month, sent=sent, metered=metered)
            self._month_before = self._counts.load_metered(self._system, month)
        self._month = month

    def _used(self) -> int:
        return self._month_before + self._unsaved_metered


def _month_of(moment: datetime) -> date:
    return moment.date().replace(day=1)
