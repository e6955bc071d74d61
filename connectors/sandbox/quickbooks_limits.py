"""Throttles and the monthly meter of QuickBooks Online.

Source: facts/quickbooks.md §5.1 (limits), §5.2 (what is metered: successful reads; errors are free).
"""

from collections import Counter, deque

from connectors.sandbox.clock import Clock
from connectors.sandbox.exchange import Reply
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches


class Limits:
    """Counts requests over sliding windows and metered reads over calendar months (UTC)."""

    def __init__(self, clock: Clock, switches: QuickBooksSwitches) -> None:
        self._clock = clock
        self._switches = switches
        self._recent: deque[float] = deque()
        self.metered: Counter[str] = Counter()
        self.refused = 0

    def month(self) -> str:
        """The present month, `2026-11`."""
        return self._clock.now().strftime("%Y-%m")

    def admits(self) -> bool:
        """Whether a request may pass now; one that may not is not counted against the windows."""
        if not self._switches.throttled:
            return True
        now = self._clock.now().timestamp()
        while self._recent and self._recent[0] <= now - 60:
            self._recent.popleft()
        last_second = sum(1 for moment in self._recent if moment > now - 1)
        if last_second >= self._switches.per_second or len(self._recent) >= self._switches.per_minute:
            self.refused += 1
            return False
        self._recent.append(now)
        return True

    def is_spent(self) -> bool:
        """Whether the month's allowance of metered reads is used up."""
        return self._switches.monthly_cap is not None and self.metered[self.month()] >= self._switches.monthly_cap

    def meter(self, reply: Reply) -> None:
        """Count a metered read when it was successful."""
        if 200 <= reply.status < 300:
            self.metered[self.month()] += 1
