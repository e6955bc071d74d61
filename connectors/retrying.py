"""When a failed call is tried again, and after how long. The decision is a value; tenacity only carries it out."""

import random
from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec
from tenacity import RetryCallState, Retrying, stop_after_attempt

from connectors.errors import ConnectorError, Reaction, handling_of

Result = TypeVar("Result")


class SleepingClock(Protocol):
    """The part of the worker's clock that waiting needs."""

    def sleep_seconds(self, seconds: float) -> None:
        """Returns when that many seconds of this clock have passed."""
        ...


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How patient one call is. `budget_seconds` bounds all its waits together.

    `throttle_seconds` is the wait after "slow down" when the system names none.
    Source: Intuit, "Limits and throttles": wait 60 seconds after HTTP 429.
    """

    attempts: int = 4
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0
    throttle_seconds: float = 60.0
    longest_retry_after_seconds: float = 300.0
    budget_seconds: float = 600.0


class RetryDecision(msgspec.Struct, frozen=True):
    """Whether to try again, after how long, and why."""

    again: bool
    wait_seconds: float
    reason: str


def decide_retry(
    error: BaseException | None, *, attempt: int, waited_seconds: float, policy: RetryPolicy, jitter: float
) -> RetryDecision:
    """What to do after the `attempt`-th try (1 is the first) ended with `error`.

    Only errors that the same call can outlive are tried again: the system was unavailable, or asked us to slow
    down. A wait that the system asked for is kept up to the policy's cap, never shortened by `jitter` (0…1).
    """
    if not isinstance(error, ConnectorError):
        return RetryDecision(again=False, wait_seconds=0.0, reason="not an error of a system")
    reaction = handling_of(error).reaction
    if reaction not in {Reaction.RETRY_LATER, Reaction.SLOW_DOWN}:
        return RetryDecision(again=False, wait_seconds=0.0, reason=f"the same call cannot help: {reaction}")
    if attempt >= policy.attempts:
        return RetryDecision(again=False, wait_seconds=0.0, reason=f"{attempt} attempts were made")
    if error.retry_after_seconds is not None:
        wait = min(max(error.retry_after_seconds, 0.0), policy.longest_retry_after_seconds) + jitter
    elif reaction is Reaction.SLOW_DOWN:
        wait = policy.throttle_seconds + jitter
    else:
        wait = min(policy.first_wait_seconds * 2 ** (attempt - 1), policy.longest_wait_seconds) * (0.5 + jitter / 2)
    if waited_seconds + wait > policy.budget_seconds:
        return RetryDecision(again=False, wait_seconds=0.0, reason="the time for waiting is used up")
    return RetryDecision(again=True, wait_seconds=wait, reason=str(reaction))


class Retrier:
    """Runs a call, again and again as far as the policy goes. The last error is raised as it came."""

    def __init__(
        self, clock: SleepingClock, policy: RetryPolicy | None = None, *, jitter: Callable[[], float] = random.random
    ) -> None:
        self._clock = clock
        self._policy = policy if policy is not None else RetryPolicy()
        self._jitter = jitter

    def call(self, work: Callable[[], Result]) -> Result:
        """The result of the first try that gives one.

        `work` must be safe to repeat: a read, or a write with an idempotency key.
        """
        decisions: list[RetryDecision] = []

        def decided(state: RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome is not None else None
            if error is None:
                return False
            decision = decide_retry(
                error,
                attempt=state.attempt_number,
                waited_seconds=state.idle_for,
                policy=self._policy,
                jitter=self._jitter(),
            )
            decisions.append(decision)
            return decision.again

        retrying = Retrying(
            stop=stop_after_attempt(self._policy.attempts),
            wait=lambda _: decisions[-1].wait_seconds,
            retry=decided,
            sleep=self._clock.sleep_seconds,
            reraise=True,
        )
        return retrying(work)
