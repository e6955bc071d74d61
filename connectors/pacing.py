"""Keeps us under a system's request limit before the system has to say so."""

import threading
from collections import deque
from typing import Protocol


class PacingClock(Protocol):
    """The part of the worker's clock that pacing needs."""

    def monotonic_seconds(self) -> float:
        """Seconds that never jump back."""
        ...

    def sleep_seconds(self, seconds: float) -> None:
        """Returns when that many seconds of this clock have passed."""
        ...


class Pacer:
    """At most `limit` calls in any window of `per_seconds`; a burst up to the limit is not slowed down.

    May be shared by threads: their calls count together.
    """

    _SHORTEST_SLEEP_SECONDS = 0.001  # a rest of rounding must not make a waiting loop stand still

    def __init__(self, limit: int, per_seconds: float, clock: PacingClock) -> None:
        if limit < 1 or per_seconds <= 0:
            raise ValueError(f"a limit of {limit} calls in {per_seconds} seconds cannot be kept: both must be positive")
        self._limit = limit
        self._per_seconds = per_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._taken_at: deque[float] = deque()

    def wait(self) -> float:
        """Returns as soon as one more call is allowed, and counts it. Answers the seconds that were waited."""
        waited = 0.0
        while True:
            rest = self._take()
            if rest <= 0:
                return waited
            pause = max(rest, self._SHORTEST_SLEEP_SECONDS)
            self._clock.sleep_seconds(pause)
            waited += pause

    def _take(self) -> float:
        """0 when a call was allowed and counted, else the seconds until one may be."""
        with self._lock:
            now = self._clock.monotonic_seconds()
            while self._taken_at and now >= self._taken_at[0] + self._per_seconds:
                self._taken_at.popleft()
            if len(self._taken_at) < self._limit:
                self._taken_at.append(now)
                return 0.0
            return self._taken_at[0] + self._per_seconds - now
