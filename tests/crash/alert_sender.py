"""One beat of alerts in a process of its own, which kills itself where it is told to.

Called with the database's URL, the mail server's port, the number of the step at which to die (0: never), and the
minutes that the clock is ahead. A step is the beginning or the end of whatever the sender does with the outbox or the
channel.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from connectors.alerts.email import EmailChannel, MailServer, SmtpSecurity
from state.store import Store
from sync.alert_office import StoredAlerts
from sync.alerting import Alerting
from sync.digest import DigestTimes
from tests.alert_building import POLICY
from tests.stores import SetClock


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Steps:
    """Counts steps, and dies at one of them."""

    def __init__(self, die_at: int, die: Callable[[], None] = _kill) -> None:
        self._die_at = die_at
        self._die = die
        self.count = 0

    def step(self) -> None:
        """One step more."""
        self.count += 1
        if self.count == self._die_at:
            self._die()


class Stepping:
    """Stands before something and steps before and after each call."""

    def __init__(self, inner: Any, steps: Steps) -> None:
        self._inner = inner
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._steps.step()
            result = method(*arguments, **named)
            self._steps.step()
            return result

        return call


def beat(store: Store, port: int, clock: SetClock, steps: Steps, *, owner: str) -> None:
    """One beat of acme's alerts, every call of which is two steps."""
    server = MailServer(host="127.0.0.1", port=port, security=SmtpSecurity.NONE)
    channel: Any = EmailChannel("mail", server, sender="a@example.com", recipients=("b@c.de",), read_password=None)
    outbox: Any = Stepping(store.outbox, steps)
    company: Any = Stepping(StoredAlerts(store.company("acme")), steps)
    alerting = Alerting(
        policy=POLICY,
        times=DigestTimes(timezone=ZoneInfo("UTC"), hour=23, days=frozenset(), quiet_day="sun"),
        burst=5,
        channels={"mail": Stepping(channel, steps)},
        digest_channels={},
        outbox=outbox,
        clock=clock,
        owner=owner,
    )
    alerting.review(company)
    alerting.drain()


def main(url: str, port: int, die_at: int, minutes: int) -> None:
    """One beat; prints how many steps it took."""
    clock = SetClock()
    clock.advance(minutes=minutes)
    steps = Steps(die_at)
    with Store.open(url, clock) as store:
        beat(store, port, clock, steps, owner=f"sender-{os.getpid()}")
    sys.stdout.write(f"{steps.count}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
