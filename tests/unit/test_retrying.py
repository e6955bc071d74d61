"""A failed call is repeated only where that can help, and never for ever."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import HANDLING, ConnectorError, Rejected, Throttled, Unavailable
from connectors.retrying import Retrier, RetryPolicy, decide_retry
from connectors.sandbox.clock import SimulatedClock
from mappings.model import System

POLICY = RetryPolicy()


def throttled(seconds: float | None = None) -> Throttled:
    return Throttled(System.QUICKBOOKS, "page", "slow down", retry_after_seconds=seconds)


def unavailable() -> Unavailable:
    return Unavailable(System.QUICKBOOKS, "page", "gone")


def failing(errors: list[Exception]) -> Callable[[], str]:
    def work() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    return work


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(datetime(2026, 11, 5, tzinfo=UTC))


def test_a_call_that_works_is_not_repeated_and_waits_for_nothing(clock: SimulatedClock) -> None:
    assert Retrier(clock).call(failing([])) == "done"
    assert clock.monotonic_seconds() == 0


def test_a_throttled_call_waits_a_minute_when_the_system_names_no_time(clock: SimulatedClock) -> None:
    assert Retrier(clock, jitter=lambda: 0.0).call(failing([throttled()])) == "done"
    assert clock.monotonic_seconds() == 60


def test_a_wait_that_the_system_asks_for_is_kept(clock: SimulatedClock) -> None:
    assert Retrier(clock, jitter=lambda: 0.0).call(failing([throttled(7)])) == "done"
    assert clock.monotonic_seconds() == 7


def test_a_wait_that_the_system_asks_for_is_capped(clock: SimulatedClock) -> None:
    assert Retrier(clock, jitter=lambda: 0.0).call(failing([throttled(86_400)])) == "done"
    assert clock.monotonic_seconds() == POLICY.longest_retry_after_seconds


def test_the_last_error_is_raised_as_it_came(clock: SimulatedClock) -> None:
    errors: list[Exception] = [unavailable() for _ in range(10)]
    last = errors[3]
    with pytest.raises(Unavailable) as caught:
        Retrier(clock).call(failing(errors))
    assert caught.value is last
    assert len(errors) == 6


@pytest.mark.parametrize("error", [Rejected(System.QUICKBOOKS, "page", "no"), ValueError("a bug of ours")])
def test_what_cannot_get_better_is_not_repeated(clock: SimulatedClock, error: Exception) -> None:
    errors = [error, unavailable()]
    with pytest.raises(type(error)):
        Retrier(clock).call(failing(errors))
    assert len(errors) == 1
    assert clock.monotonic_seconds() == 0


def test_waiting_ends_with_its_budget(clock: SimulatedClock) -> None:
    policy = RetryPolicy(attempts=50, budget_seconds=150)
    with pytest.raises(Throttled):
        Retrier(clock, policy, jitter=lambda: 0.0).call(failing([throttled() for _ in range(50)]))
    assert clock.monotonic_seconds() == 120


@settings(deadline=None)
@given(
    kind=st.sampled_from(list(HANDLING)),
    attempt=st.integers(1, 10),
    waited=st.floats(0, 1_000),
    asked=st.none() | st.floats(-10, 1e6),
    jitter=st.floats(0, 1),
)
def test_no_decision_waits_longer_than_the_policy_allows(
    kind: type[ConnectorError], attempt: int, waited: float, asked: float | None, jitter: float
) -> None:
    error = kind(System.QUICKBOOKS, "page", "x", retry_after_seconds=asked)
    decision = decide_retry(error, attempt=attempt, waited_seconds=waited, policy=POLICY, jitter=jitter)
    assert 0 <= decision.wait_seconds <= POLICY.longest_retry_after_seconds + 1
    if decision.again:
        assert kind in {Unavailable, Throttled}
        assert attempt < POLICY.attempts
        assert waited + decision.wait_seconds <= POLICY.budget_seconds
    else:
        assert decision.wait_seconds == 0
