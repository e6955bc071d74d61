"""One simulated clock in two processes: the world's on one side, the daemon's on the other."""

from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sandbox.clock import SimulatedClock

_MICROSECOND = timedelta(microseconds=1)


class SharedClock(SimulatedClock):
    """A `SimulatedClock` whose time lies in `passed`, a `multiprocessing.Value` of microseconds since `start`."""

    def __init__(self, start: datetime, passed: Any) -> None:
        super().__init__(start)
        self._from = start.astimezone(UTC)
        self._shared = passed

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        passed: int = self._shared.value
        return self._from + passed * _MICROSECOND

    def monotonic_seconds(self) -> float:
        """Seconds since the start."""
        return float(self._shared.value) / 1e6

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
        """Move the clock forward and answer the new present."""
        step = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if step < timedelta():
            raise ValueError(f"the clock cannot go back by {-step}")
        with self._shared.get_lock():
            self._shared.value += step // _MICROSECOND
            return self.now()

    def advance_to(self, moment: datetime) -> None:
        """Move the clock forward to `moment`; a moment that has passed changes nothing."""
        with self._shared.get_lock():
            self._shared.value = max(self._shared.value, (moment - self._from) // _MICROSECOND)
