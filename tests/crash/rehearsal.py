"""One firm, read up to some point; from there a worker can be killed anywhere, again and again, on copies of its store.

Both systems are served by this process and stand still; the workers are processes of their own (`tests.crash.victim`).
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import IntEnum
from pathlib import Path

import msgspec

from config.settings import Settings, StoreSettings, load_settings
from connectors.sandbox.bigtime_ledger import BigTimeLedger
from connectors.sandbox.bigtime_switches import BigTimeSwitches
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.playing import play, start_of
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches
from connectors.sandbox.scenario import parse
from connectors.sandbox.serving import ServedWorld, serve_world
from connectors.sandbox.world import World
from sync.app import open_application
from sync.demonstration import connect
from sync.simulation import write_installation
from tests.crash.copies import Copies
from tests.crash.logical import State, logical_state
from tests.crash.victim import End, Job, Point

_HERE = Path(__file__).parent
_SCENARIO = parse((_HERE / "company.txt").read_text("utf-8"))
_HISTORY_START = "2025-01-01"  # BigTime is read by the year when nothing is known of it
_PAGE_ROWS = 4
# After the killed worker's lease has ended, and once more: a deletion in BigTime takes two complete reads.
_LATER = (timedelta(minutes=10), timedelta(minutes=40))
_KILLED, _FINISHED = End(signal=9, code=0), End(signal=0, code=0)


class Phase(IntEnum):
    """Which run is disturbed: the number of its checkpoint in the scenario."""

    FIRST_LOAD = 0
    CYCLE = 1  # two days later: the refresh token rotates, the daily reads are due, everything has changed


class Rehearsal:
    """A store as it was before a run, and what it says in the end when nobody is killed (`expected`)."""

    def __init__(self, victims: "_Victims", copies: Copies, *, before: str, now: datetime, phase: Phase) -> None:
        self._victims = victims
        self._copies = copies
        self._before = before
        self._now = now
        self._later = [now + later for later in _LATER[: 1 if phase is Phase.FIRST_LOAD else 2]]
        url = copies.copy_of(before)
        victims.finish(url, now, *self._later)
        self.expected = logical_state(url)

    def crash_at(self, point: Point, *, loose_cursor: bool = False) -> State | None:
        """What the store says after a worker was killed there and others ran to the end; None: nobody was killed."""
        url = self._copies.copy_of(self._before)
        try:
            if not self._victims.die(url, self._now, at=point, loose_cursor=loose_cursor):
                return None
            self._victims.finish(url, *self._later, loose_cursor=loose_cursor)
            return logical_state(url)
        finally:
            self._copies.drop(url)


@contextmanager
def rehearse(folder: Path, copies: Copies, phase: Phase) -> Iterator[Rehearsal]:
    """The firm before the run of that phase, until the end of the block."""
    world = _patient_world()
    assert isinstance(world.clock, SimulatedClock)
    checkpoints = play(_SCENARIO, world)
    with serve_world(world) as served:
        settings = write_installation(folder, served, history_start=_HISTORY_START)
        with _victims(settings) as victims:
            next(checkpoints)
            before = copies.new()
            _connect(load_settings(settings), served, before, world.clock)
            if phase is Phase.CYCLE:
                victims.finish(before, world.clock.now())
                next(checkpoints)
            yield Rehearsal(victims, copies, before=before, now=world.clock.now(), phase=phase)
        assert served.complaints == ()


def _patient_world() -> World:
    """A world that answers any number of calls at one moment, and takes a refresh token that was just replaced."""
    clock = SimulatedClock(start_of(_SCENARIO))
    return World(
        clock,
        quickbooks=QuickBooksLedger(clock, switches=QuickBooksSwitches(old_refresh_token_grace=timedelta(days=7))),
        bigtime=BigTimeLedger(clock, switches=BigTimeSwitches(calls_per_minute=1_000_000)),
    )


def _connect(settings: Settings, served: ServedWorld, store_url: str, clock: SimulatedClock) -> None:
    stored = settings.model_copy(update={"store": StoreSettings(url=store_url)})
    with open_application(stored, clock=clock) as application:
        connect(application, settings.company(None), served)


class _Victims:
    """The process that forks workers and says how they ended."""

    def __init__(self, settings: Path, process: "subprocess.Popen[str]") -> None:
        self._settings = settings
        self._process = process

    def finish(self, url: str, *moments: datetime, loose_cursor: bool = False) -> None:
        """Run a worker at these moments."""
        end = self._run(url, moments, kill=None, loose_cursor=loose_cursor)
        assert end == _FINISHED, f"the worker ended with {end}"

    def die(self, url: str, moment: datetime, *, at: Point, loose_cursor: bool) -> bool:
        """Run a worker that is killed at a point; False when its run was over before."""
        end = self._run(url, (moment,), kill=at, loose_cursor=loose_cursor)
        assert end in (_KILLED, _FINISHED), f"the worker ended with {end} before {at}"
        return end == _KILLED

    def _run(self, url: str, moments: tuple[datetime, ...], *, kill: Point | None, loose_cursor: bool) -> End:
        job = Job(
            settings=str(self._settings),
            store_url=url,
            runs_at=moments,
            page_rows=_PAGE_ROWS,
            kill=kill,
            loose_cursor=loose_cursor,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(job).decode() + "\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._process.stdout.readline(), type=End)


@contextmanager
def _victims(settings: Path) -> Iterator[_Victims]:
    command = [sys.executable, "-m", "tests.crash.victim"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_HERE.parents[1]
    ) as process:
        yield _Victims(settings, process)  # leaving the block ends its input, and that ends the process
