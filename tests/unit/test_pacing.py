"""The pace is kept in every window, whoever calls."""

import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.pacing import Pacer
from connectors.sandbox.clock import SimulatedClock


def a_clock() -> SimulatedClock:
    return SimulatedClock(datetime(2026, 11, 5, tzinfo=UTC))


def test_a_burst_up_to_the_limit_does_not_wait() -> None:
    clock = a_clock()
    pacer = Pacer(25, 60, clock)
    assert [pacer.wait() for _ in range(25)] == [0.0] * 25


def test_the_call_after_a_full_window_waits_until_the_oldest_is_out_of_it() -> None:
    clock = a_clock()
    pacer = Pacer(2, 60, clock)
    pacer.wait()
    clock.advance(seconds=10)
    pacer.wait()
    assert pacer.wait() == pytest.approx(50)


@settings(deadline=None)
@given(limit=st.integers(1, 5), pauses=st.lists(st.floats(0, 3), max_size=30))
def test_no_window_ever_holds_more_calls_than_the_limit(limit: int, pauses: list[float]) -> None:
    clock = a_clock()
    pacer = Pacer(limit, 2.0, clock)
    moments: list[float] = []
    for pause in pauses:
        clock.advance(seconds=pause)
        pacer.wait()
        moments.append(clock.monotonic_seconds())
    for first, last in zip(moments, moments[limit:], strict=False):
        assert last >= first + 2.0


def test_threads_share_one_window() -> None:
    clock = a_clock()
    pacer = Pacer(10, 1.0, clock)
    threads = [threading.Thread(target=pacer.wait) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.monotonic_seconds() >= 2.0


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="both must be positive"):
        Pacer(0, 1.0, a_clock())
