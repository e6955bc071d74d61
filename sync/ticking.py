"""The only place that knows APScheduler: it calls a function every few seconds, and nothing else.

Jobs are kept in memory and nothing is ever late for good: its default would silently skip a tick that is more than
a second late. What is due when is not its business. Source: facts/libraries.md, APScheduler.
"""

import logging
from collections.abc import Callable
from datetime import UTC
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

_LOG = logging.getLogger(__name__)


class SchedulerTicker:
    """Calls `work` every `seconds`, in a thread of its own and never twice at once. `work` must be quick."""

    def __init__(self, work: Callable[[], None], *, seconds: float) -> None:
        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
            daemon=True,
        )
        self._scheduler.add_listener(_say, EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES)
        self._scheduler.add_job(work, "interval", seconds=seconds, id="tick")

    def start(self) -> None:
        """Begin; the first call comes after one interval."""
        self._scheduler.start()

    def stop(self) -> None:
        """Call no more. Does not wait for a call that is going on."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def _say(event: Any) -> None:
    error = getattr(event, "exception", None)
    if error is not None:
        _LOG.error("a tick failed (%s)", type(error).__name__, extra={"action": "tick_failed"})
    else:
        _LOG.warning("a tick was left out: the one before still goes on", extra={"action": "tick_overrun"})
