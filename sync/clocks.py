"""The real clock. No other module of the worker reads the time of this machine."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The clock of this machine, as `sync.ports.Clock` wants it."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic_seconds(self) -> float:
        """Seconds since some fixed moment; never jumps back."""
        return time.monotonic()

    def sleep_seconds(self, seconds: float) -> None:
        """Returns when that many seconds have passed; at once for zero or less."""
        if seconds > 0:
            time.sleep(seconds)
