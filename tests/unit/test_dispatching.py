"""Turns come in threads that do not wait for each other; what gives no sign is given up, and an end is an end."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from connectors.sandbox.clock import SimulatedClock
from sync.dispatching import Dispatcher, TaskStatus
from sync.work import Interrupted

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Recorder:
    """A task that remembers its turns; `work` is what it does in them."""

    def __init__(self, name: str, work: Callable[[Callable[[], None]], None] = lambda pulse: pulse()) -> None:
        self.name = name
        self.wanted: list[datetime | None] = []
        self._work = work

    def take_turn(self, pulse: Callable[[], None], wanted_since: datetime | None) -> float:
        self.wanted.append(wanted_since)
        self._work(pulse)
        return 60.0


def inline(name: str, work: Callable[[], None]) -> None:
    work()


def status_of(dispatcher: Dispatcher, name: str) -> TaskStatus:
    return next(status for status in dispatcher.status() if status.name == name)


def test_a_task_has_its_turn_when_it_is_due_and_not_before() -> None:
    clock, task = SimulatedClock(START), Recorder("acme")
    dispatcher = Dispatcher([task], clock, spawn=inline)
    for _ in range(5):
        dispatcher.tick()
        clock.advance(seconds=30)
    assert 3 == len(task.wanted)
    assert 3 == status_of(dispatcher, "acme").turns


def test_first_turns_are_spread() -> None:
    clock, tasks = SimulatedClock(START), [Recorder(f"company-{number}") for number in range(4)]
    dispatcher = Dispatcher(tasks, clock, spawn=inline, spread_seconds=20)
    begun = []
    for _ in range(4):
        dispatcher.tick()
        begun.append(sum(len(task.wanted) for task in tasks))
        clock.advance(seconds=5)
    assert [1, 2, 3, 4] == begun


def test_news_brings_the_turn_forward_and_is_told_once() -> None:
    clock, task = SimulatedClock(START), Recorder("acme")
    dispatcher = Dispatcher([task], clock, spawn=inline)
    dispatcher.tick()
    clock.advance(seconds=5)
    dispatcher.want("acme", since=clock.now(), in_seconds=10)
    dispatcher.tick()
    assert 1 == len(task.wanted)
    clock.advance(seconds=10)
    dispatcher.tick()
    clock.advance(seconds=60)
    dispatcher.tick()
    assert [None, START.replace(second=5), None] == task.wanted


def test_news_during_a_turn_leads_to_another_one() -> None:
    clock = SimulatedClock(START)
    dispatcher: Dispatcher
    task = Recorder(
        "acme", lambda pulse: dispatcher.want("acme", since=START, in_seconds=10) if not task.wanted[1:] else None
    )
    dispatcher = Dispatcher([task], clock, spawn=inline)
    dispatcher.tick()
    clock.advance(seconds=10)
    dispatcher.tick()
    assert [None, START] == task.wanted


def test_a_defect_of_one_task_is_retried_later_and_later_and_leaves_the_others_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(pulse: Callable[[], None]) -> None:
        raise ValueError("CANARY customer name")

    clock, broken, well = SimulatedClock(START), Recorder("broken", fail), Recorder("well")
    dispatcher = Dispatcher([broken, well], clock, spawn=inline)
    for _ in range(60):
        dispatcher.tick()
        clock.advance(seconds=60)
    assert 60 == len(well.wanted)
    assert 3 < len(broken.wanted) < 8
    assert len(broken.wanted) == status_of(dispatcher, "broken").failures
    assert "ValueError at test_dispatching.py" in caplog.text
    assert "CANARY" not in caplog.text


def test_a_hung_task_keeps_nobody_waiting_and_is_given_up_and_begun_anew() -> None:
    release, entered, blocked_turns = threading.Event(), threading.Event(), []
    ended: list[str] = []

    def hang(pulse: Callable[[], None]) -> None:
        blocked_turns.append(1)
        if len(blocked_turns) > 1:
            return
        entered.set()
        release.wait(20)
        try:
            pulse()
        except Interrupted:
            ended.append("interrupted")
            raise

    clock, hung, well = SimulatedClock(START), Recorder("hung", hang), Recorder("well")
    dispatcher = Dispatcher([hung, well], clock, silent_seconds=600, most_at_once=2, long_seconds=60)
    for _ in range(5):
        dispatcher.tick()
        assert entered.wait(5)
        wait_until(lambda: not status_of(dispatcher, "well").is_running)
        clock.advance(seconds=60)
    assert 5 == len(well.wanted)
    assert 300 == status_of(dispatcher, "hung").silent_seconds
    clock.advance(seconds=601)
    dispatcher.tick()
    wait_until(lambda: status_of(dispatcher, "hung").turns == 1)
    assert 1 == status_of(dispatcher, "hung").given_up
    release.set()
    wait_until(lambda: ended == ["interrupted"])
    assert 1 == status_of(dispatcher, "hung").turns


def test_slow_tasks_give_their_places_up() -> None:
    release = threading.Event()
    clock = SimulatedClock(START)
    slow = [Recorder(f"slow-{number}", lambda pulse: void(release.wait(20))) for number in range(2)]
    quick = Recorder("quick")
    dispatcher = Dispatcher([*slow, quick], clock, most_at_once=2, long_seconds=300)
    dispatcher.tick()
    assert [] == quick.wanted
    clock.advance(seconds=300)
    dispatcher.tick()
    wait_until(lambda: len(quick.wanted) == 1)
    release.set()
    assert () == dispatcher.wait_idle(5)


def test_after_a_stop_turns_end_at_their_next_sign_and_none_begin() -> None:
    def work(pulse: Callable[[], None]) -> None:
        for _ in range(2000):
            pulse()
            threading.Event().wait(0.01)

    clock, task = SimulatedClock(START), Recorder("acme", work)
    dispatcher = Dispatcher([task], clock)
    dispatcher.tick()
    dispatcher.stop()
    assert () == dispatcher.wait_idle(5)
    clock.advance(hours=1)
    dispatcher.tick()
    assert 1 == len(task.wanted)


def void(_: object) -> None:
    """What a task does whose answer nobody wants."""


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come to that within five seconds")
