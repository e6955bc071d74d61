"""A worker to be killed: the real one, joined by the composition root, with a hook at each commit and each call.

`python -m tests.crash.victim` reads jobs from standard input, one JSON object a line, does each in a forked child
(everything is imported by then) and answers with one line: how the child ended. It has no threads before it forks.
"""

import os
import signal
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.default import DefaultDialect

from config.settings import StoreSettings, load_settings
from connectors.quickbooks import reading, statements
from connectors.sandbox.clock import SimulatedClock
from connectors.transport import Reply, Transport
from sync.app import open_application
from sync.pulling.quickbooks_cursor import FEED, format_cursor
from sync.pulling.quickbooks_intake import Intake
from sync.work import unwatched


class What(StrEnum):
    """What a worker can be killed at."""

    COMMIT = "commit"  # of a transaction that writes
    CALL = "call"  # to one of the systems


class When(StrEnum):
    """On which side of it."""

    BEFORE = "before"
    AFTER = "after"


class Point(msgspec.Struct, frozen=True):
    """Where the process is killed: at the `number`-th commit or call (the first is 1), before it or after it."""

    what: What
    when: When
    number: int


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Runs of the only company of `settings`, each at its moment; `page_rows` is how long QuickBooks' pages are.

    A worker with `loose_cursor` is broken on purpose: it stores QuickBooks' cursor apart from the rows.
    """

    settings: str
    store_url: str
    runs_at: tuple[datetime, ...]
    page_rows: int
    kill: Point | None = None
    loose_cursor: bool = False


class End(msgspec.Struct, frozen=True, kw_only=True):
    """How the child ended: by which signal (0: none), with which exit code."""

    signal: int
    code: int


class Trap:
    """Counts what happens, and ends the process without a word at its point."""

    def __init__(self, point: Point | None) -> None:
        self._point = point
        self._counts: Counter[What] = Counter()
        self._lock = threading.Lock()

    def before(self, what: What) -> int:
        """It is about to happen; answers its number."""
        with self._lock:
            self._counts[what] += 1
            number = self._counts[what]
        self._spring(what, When.BEFORE, number)
        return number

    def after(self, what: What, number: int) -> None:
        """It has happened."""
        self._spring(what, When.AFTER, number)

    def _spring(self, what: What, when: When, number: int) -> None:
        point = self._point
        if point is not None and (what, when, number) == (point.what, point.when, point.number):
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()  # another thread may be running when the signal comes; this one goes no further


def _watch_commits(trap: Trap) -> None:
    """Every commit of a transaction that writes; reading transactions have nothing to lose."""
    writing = threading.local()
    commit = DefaultDialect.do_commit

    def about_to_commit(connection: Connection) -> None:
        is_read = connection.get_execution_options().get("tieout_read", False)
        writing.number = None if is_read else trap.before(What.COMMIT)

    def do_commit(self: DefaultDialect, dbapi_connection: Any) -> None:
        commit(self, dbapi_connection)  # type: ignore[no-untyped-call]
        if writing.number is not None:
            trap.after(What.COMMIT, writing.number)

    event.listen(Engine, "commit", about_to_commit)
    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]


def _watch_calls(trap: Trap) -> None:
    send: Callable[..., Reply] = Transport.send

    def watched(self: Transport, *args: Any, **kwargs: Any) -> Reply:
        number = trap.before(What.CALL)
        reply = send(self, *args, **kwargs)
        trap.after(What.CALL, number)
        return reply

    Transport.send = watched  # type: ignore[method-assign]


def _loosen_cursor() -> None:
    """Let the cursor of QuickBooks be stored in a transaction of its own, before the rows that it stands for."""
    store_rows = Intake.store_rows

    def loose(self: Intake, rows: Any, cursor: Any, *, only_if_changed: bool = False) -> None:
        if cursor != self.cursor:
            self.store_text(FEED, format_cursor(cursor))
        store_rows(self, rows, cursor, only_if_changed=only_if_changed)

    Intake.store_rows = loose  # type: ignore[method-assign]


def _work(job: Job) -> None:
    for module in (statements, reading):
        vars(module)["PAGE_SIZE"] = job.page_rows
    if job.loose_cursor:
        _loosen_cursor()
    trap = Trap(job.kill)
    _watch_commits(trap)
    _watch_calls(trap)
    clock = SimulatedClock(job.runs_at[0])
    settings = load_settings(Path(job.settings))
    settings = settings.model_copy(update={"store": StoreSettings(url=job.store_url)})
    with open_application(settings, clock=clock) as application:
        for moment in job.runs_at:
            clock.advance_to(moment)
            with application.hold(settings.company(None), unwatched) as worker:
                worker.reconcile()


def _in_child(job: Job) -> End:
    child = os.fork()
    if child == 0:
        try:
            _work(job)
            os._exit(0)
        finally:
            traceback.print_exc()  # on standard error, for whoever reads the test's output
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return End(signal=os.WTERMSIG(status), code=0)
    return End(signal=0, code=os.WEXITSTATUS(status))


def main() -> None:
    """Do the jobs until standard input ends."""
    for line in sys.stdin:
        end = _in_child(msgspec.json.decode(line, type=Job))
        sys.stdout.write(msgspec.json.encode(end).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
