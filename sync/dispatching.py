"""Gives tasks their turns: each in a thread of its own, none waits for another, a silent one is given up.

Knows nothing of companies. `tick` is called by whatever keeps the time; it only decides and starts threads, so
it returns at once. A task that is given up may still be running somewhere: what it writes must be fenced.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from sync.logs import place_of
from sync.ports import Clock
from sync.work import Interrupted

_LOG = logging.getLogger(__name__)
Spawn = Callable[[str, Callable[[], None]], None]


class Task(Protocol):
    """Something that is to be done again and again."""

    @property
    def name(self) -> str:
        """What logs and monitors call it."""
        ...

    def take_turn(self, pulse: Callable[[], None], wanted_since: datetime | None) -> float:
        """Do what is due and answer the seconds to the next turn.

        Calls `pulse` now and then; it raises `Interrupted` when the turn is to end. `wanted_since` is when somebody
        said that there is news, None when nobody did.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """How a task does. `silent_seconds` is how long a running one has given no sign; None: it is not running."""

    name: str
    is_running: bool
    silent_seconds: float | None
    due_in_seconds: float
    turns: int
    failures: int  # in a row
    given_up: int  # turns that gave no sign for too long
    last_turn_seconds: float


@dataclass(slots=True)
class _Entry:
    task: Task
    due_at: float
    wanted_since: datetime | None = None
    turn: int = 0  # grows with each turn begun and each given up; a thread of an earlier one has no say
    running: bool = False
    began_at: float = 0.0
    pulse_at: float = 0.0
    turns: int = 0
    failures: int = 0
    given_up: int = 0
    last_turn_seconds: float = 0.0


def spawn_thread(name: str, work: Callable[[], None]) -> None:
    """Run the work in a thread that does not keep the program from ending."""
    threading.Thread(target=work, name=name, daemon=True).start()


class Dispatcher:
    """The turns of all tasks. Every method may be called from any thread.

    First turns are spread over `spread_seconds`, so that many tasks do not all begin at once. Of the tasks that
    run, at most `most_at_once` take a place; one that runs longer than `long_seconds` gives its place up, so slow
    ones never keep quick ones waiting.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        clock: Clock,
        *,
        spawn: Spawn = spawn_thread,
        most_at_once: int = 16,
        long_seconds: float = 300.0,
        silent_seconds: float = 1800.0,
        spread_seconds: float = 0.0,
    ) -> None:
        self._clock = clock
        self._spawn = spawn
        self._most_at_once = most_at_once
        self._long_seconds = long_seconds
        self._silent_seconds = silent_seconds
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._stopping = False
        start, step = clock.monotonic_seconds(), spread_seconds / max(len(tasks), 1)
        self._entries = {task.name: _Entry(task, start + step * number) for number, task in enumerate(tasks)}

    def tick(self) -> None:
        """Start every task whose turn it is, and give up those that have been silent for too long."""
        now = self._clock.monotonic_seconds()
        with self._lock:
            if self._stopping:
                return
            for entry in self._entries.values():
                if entry.running and now - entry.pulse_at > self._silent_seconds:
                    self._give_up(entry, now)
            waiting = [entry for entry in self._entries.values() if not entry.running and entry.due_at <= now]
            places = self._places(now)
            begun = [(entry, *_begin(entry, now)) for entry in sorted(waiting, key=lambda each: each.due_at)[:places]]
        for entry, turn, wanted_since in begun:
            self._spawn(f"turn {entry.task.name}", partial(self._run, entry, turn, wanted_since))

    def want(self, name: str, *, since: datetime, in_seconds: float) -> None:
        """There is news for a task: its next turn comes in that time or, when it runs just now, so long after it."""
        with self._lock:
            entry = self._entries[name]
            entry.wanted_since = since
            if not entry.running:
                entry.due_at = min(entry.due_at, self._clock.monotonic_seconds() + in_seconds)

    def stop(self) -> None:
        """Begin no more turns, and have those that run end at their next `pulse`."""
        with self._lock:
            self._stopping = True

    def wait_idle(self, seconds: float) -> tuple[str, ...]:
        """Wait until no turn runs; answers the names of those that still do after that many real seconds."""
        with self._idle:
            self._idle.wait_for(lambda: not self._running(), timeout=seconds)
            return tuple(entry.task.name for entry in self._running())

    def status(self) -> tuple[TaskStatus, ...]:
        """How all tasks do, in the order in which they were given."""
        now = self._clock.monotonic_seconds()
        with self._lock:
            return tuple(
                TaskStatus(
                    name=entry.task.name,
                    is_running=entry.running,
                    silent_seconds=now - entry.pulse_at if entry.running else None,
                    due_in_seconds=max(entry.due_at - now, 0.0),
                    turns=entry.turns,
                    failures=entry.failures,
                    given_up=entry.given_up,
                    last_turn_seconds=entry.last_turn_seconds,
                )
                for entry in self._entries.values()
            )

    def _running(self) -> list[_Entry]:
        return [entry for entry in self._entries.values() if entry.running]

    def _places(self, now: float) -> int:
        taken = sum(now - entry.began_at < self._long_seconds for entry in self._running())
        return max(self._most_at_once - taken, 0)

    def _give_up(self, entry: _Entry, now: float) -> None:
        entry.running = False
        entry.turn += 1
        entry.given_up += 1
        entry.due_at = now
        _LOG.error(
            "%s has given no sign for %.0f minutes: its turn is given up and begun anew",
            entry.task.name,
            (now - entry.pulse_at) / 60,
            extra={"action": "turn_given_up", "company": entry.task.name},
        )

    def _run(self, entry: _Entry, turn: int, wanted_since: datetime | None) -> None:
        failed, wait = False, 60.0

        def pulse() -> None:
            with self._lock:
                if self._stopping or entry.turn != turn:
                    raise Interrupted
                entry.pulse_at = self._clock.monotonic_seconds()

        try:
            wait = entry.task.take_turn(pulse, wanted_since)
        except Interrupted:
            pass
        except Exception as error:  # noqa: BLE001 - one task's defect must not end the others' turns
            failed = True
            _LOG.error(
                "%s: this is a defect of Tieout (%s at %s)",
                entry.task.name,
                type(error).__name__,
                place_of(error),
                extra={"action": "turn_failed", "company": entry.task.name},
            )
        finally:
            self._end(entry, turn, wait, failed=failed)

    def _end(self, entry: _Entry, turn: int, wait: float, *, failed: bool) -> None:
        with self._idle:
            if entry.turn != turn:
                return
            now = self._clock.monotonic_seconds()
            entry.running = False
            entry.turns += 1
            entry.failures = entry.failures + 1 if failed else 0
            entry.last_turn_seconds = now - entry.began_at
            entry.due_at = now + (wait if not failed else min(60.0 * 2 ** min(entry.failures - 1, 5), 1800.0))
            if entry.wanted_since is not None:
                entry.due_at = min(entry.due_at, now + 10.0)
            self._idle.notify_all()


def _begin(entry: _Entry, now: float) -> tuple[int, datetime | None]:
    wanted_since, entry.wanted_since = entry.wanted_since, None
    entry.turn += 1
    entry.running = True
    entry.began_at = entry.pulse_at = now
    return entry.turn, wanted_since
