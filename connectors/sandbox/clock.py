"""Time that only moves when it is told to, shared by the simulators and the worker that is run against them."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the simulators need of a clock."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...


class SimulatedClock:
    """A clock that stands still between calls of `advance` and `sleep_seconds`.

    Safe to share between threads. Sleeping returns at once and moves the clock, so a worker that waits a
    minute after a throttle costs no real time, and the server that throttled it sees the minute pass.
    """

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError(f"the clock needs an aware start, {start.isoformat()} has no offset: pass tzinfo=UTC")
        self._lock = threading.Lock()
        self._start = start.astimezone(UTC)
        self._passed = timedelta()

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        with self._lock:
            return self._start + self._passed

    def monotonic_seconds(self) -> float:
        """Seconds since the start."""
        with self._lock:
            return self._passed.total_seconds()

    def sleep_seconds(self, seconds: float) -> None:
        """Move the clock by `seconds` and return at once; nothing happens for zero or less."""
        self.advance(seconds=max(seconds, 0))

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
        """Move the clock forward and answer the new present. Raises ValueError for a step backwards."""
        step = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if step < timedelta():
            raise ValueError(f"the clock cannot go back by {-step}: start a new one at the earlier time")
        with self._lock:
            self._passed += step
            return self._start + self._passed

    def advance_to(self, moment: datetime) -> None:
        """Move the clock forward to `moment`; a moment that has passed changes nothing."""
        with self._lock:
            self._passed = max(self._passed, moment - self._start)
