"""Play a scenario in a world, one line after the other, stopping wherever the worker runs."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from importlib import resources

from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.playing_bigtime import BIGTIME_LINES
from connectors.sandbox.playing_quickbooks import QUICKBOOKS_LINES
from connectors.sandbox.scenario import Checkpoint, Scenario, Step, parse
from connectors.sandbox.stage import Stage
from connectors.sandbox.world import World


class ScenarioFailed(RuntimeError):  # noqa: N818 - names what happened to the scenario
    """A line that could be read but not done, with its number and the reason."""


def start_of(scenario: Scenario) -> datetime:
    """Where the clock of the scenario's world has to start: before anything the scenario dates."""
    return datetime.combine(scenario.starts_on, time(8, 0, tzinfo=UTC))


def world_for(scenario: Scenario) -> World:
    """An empty world whose clock stands where the scenario starts."""
    return World(SimulatedClock(start_of(scenario)))


def play(scenario: Scenario, world: World) -> Iterator[Checkpoint]:
    """Do what the lines say; yields at each checkpoint, with the clock at the moment at which the worker runs.

    Run the worker before asking for the next item. A scenario that does not end with a checkpoint yields one
    without expectations, so that what its last lines did is always seen.
    Raises: `ScenarioFailed` for a line that the ledgers refuse.
    """
    stage = Stage(world)
    last: Step | Checkpoint | None = None
    for last in scenario.steps:
        if isinstance(last, Checkpoint):
            stage.close_of(last.on or stage.today)
            yield last
        else:
            _do(stage, last)
    if not isinstance(last, Checkpoint):
        stage.close_of(stage.today)
        yield Checkpoint(line=0)


def shipped_scenarios() -> dict[str, Scenario]:
    """The scenarios that come with the program, by the name of their file without its ending, sorted."""
    folder = resources.files("connectors.sandbox") / "scenarios"
    texts = {each.name: each.read_text("utf-8") for each in folder.iterdir() if each.name.endswith(".txt")}
    return {name.removesuffix(".txt"): parse(text) for name, text in sorted(texts.items())}


def _do(stage: Stage, step: Step) -> None:
    try:
        _LINES[step.words](stage, step)
    except ValueError as refused:
        raise ScenarioFailed(f"line {step.line}, {step.words!r}: {refused}") from refused
    stage.clock.advance(minutes=1)


def _sync(stage: Stage, step: Step) -> None:
    stage.booked_on(step)
    stage.world.sync(
        without=_invoices(stage, step, "without"),
        twice=_invoices(stage, step, "twice"),
    )


def _invoices(stage: Stage, step: Step, keyword: str) -> frozenset[str]:
    return frozenset(stage.invoice(str(values[0])) for values in step.all_of(keyword))


def _day(stage: Stage, step: Step) -> None:
    day, *clock_time = step.values
    assert not isinstance(day, str | Decimal)
    stage.go_to(day)
    if clock_time:
        stage.clock.advance_to(datetime.combine(day, time.fromisoformat(str(clock_time[0])), tzinfo=UTC))


_LINES: Mapping[str, Callable[[Stage, Step], None]] = {
    **BIGTIME_LINES,
    **QUICKBOOKS_LINES,
    "sync": _sync,
    "day": _day,
}
