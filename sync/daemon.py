"""`tieout run`: keeps the turns coming until it is told to stop, and notices when they no longer come.

The ticker calls the dispatcher, which never blocks; this module's own loop, in the main thread, only watches. A
scheduler that died or hangs is noticed within two beats of it: the process then ends with an error, and whoever
started it starts it again.
"""

import faulthandler
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from sync.dispatching import Dispatcher
from sync.exit_codes import ExitCode
from sync.ports import Clock
from sync.service_manager import ServiceManager

_LOG = logging.getLogger(__name__)
TICK_SECONDS = 5.0
# A turn ends at its next page; what has not ended after this time is cut off, and keeps nothing uncommitted.
_FINISHING_SECONDS = 7.0
_RELEASING_SECONDS = 1.5
_LOOK_SECONDS = 0.5


class Ticker(Protocol):
    """Calls the daemon's `tick` every few seconds."""

    def start(self) -> None:
        """Begin to tick."""
        ...

    def stop(self) -> None:
        """Tick no more, at once."""
        ...


class Service(Protocol):
    """Something that answers requests while the daemon runs."""

    def start(self) -> None:
        """Begin to answer."""
        ...

    def stop(self) -> None:
        """Answer no more; returns soon."""
        ...


class Heartbeat:
    """When the scheduler last came round."""

    def __init__(self, clock: Clock, *, beat_seconds: float = TICK_SECONDS) -> None:
        self._clock = clock
        self._beat_seconds = beat_seconds
        self._last = clock.monotonic_seconds()

    def beat(self) -> None:
        """It has come round."""
        self._last = self._clock.monotonic_seconds()

    @property
    def age_seconds(self) -> float:
        """How long ago that was."""
        return self._clock.monotonic_seconds() - self._last

    @property
    def is_alive(self) -> bool:
        """Whether it has not missed two beats."""
        return self.age_seconds < 2 * self._beat_seconds


class Daemon:
    """The running program. `release` gives companies back that a turn which was cut off still holds."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        heartbeat: Heartbeat,
        *,
        services: Sequence[Service] = (),
        manager: ServiceManager,
        release: Callable[[], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._heartbeat = heartbeat
        self._services = services
        self._manager = manager
        self._release = release
        self.is_cut_off = False  # turns were still going on at the end: their threads must not be waited for

    def tick(self) -> None:
        """One round of the scheduler."""
        self._dispatcher.tick()
        self._heartbeat.beat()

    def run(self, ticker: Ticker, stop: threading.Event, *, status: str) -> ExitCode:
        """Work until `stop` is set; then end what goes on, in ten seconds at most.

        Answers `CLEAN`, or `DEFECT` when the scheduler no longer came round.
        """
        started: list[Service] = []
        try:
            for service in self._services:
                service.start()
                started.append(service)
            self.tick()
            ticker.start()
            self._manager.ready(status)
            code = self._watch(stop)
        finally:
            self._manager.stopping()
            ticker.stop()
            for service in started:
                service.stop()
            self._end_turns()
        return code

    def _watch(self, stop: threading.Event) -> ExitCode:
        while not stop.wait(_LOOK_SECONDS):
            if not self._heartbeat.is_alive:
                _LOG.critical(
                    "the scheduler has not come round for %.0f seconds: the program ends, to be started again",
                    self._heartbeat.age_seconds,
                    extra={"action": "scheduler_dead"},
                )
                with suppress(OSError, ValueError):  # standard error may be no file
                    faulthandler.dump_traceback(sys.stderr)  # where all threads are; no values
                return ExitCode.DEFECT
            self._manager.alive()
        return ExitCode.CLEAN

    def _end_turns(self) -> None:
        self._dispatcher.stop()
        left = self._dispatcher.wait_idle(_FINISHING_SECONDS)
        if not left:
            return
        self.is_cut_off = True
        _LOG.warning(
            "stopped in the middle of a turn of %s: what was committed stays",
            ", ".join(left),
            extra={"action": "cut_off"},
        )
        releasing = threading.Thread(target=self._release, name="release", daemon=True)
        releasing.start()
        releasing.join(_RELEASING_SECONDS)
