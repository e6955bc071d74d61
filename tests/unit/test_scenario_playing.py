"""Scenarios can be played: the books keep their identities, and the balances are those the scenario speaks of."""

from decimal import Decimal

import pytest

from connectors.sandbox.bigtime_rows import due_cents
from connectors.sandbox.playing import ScenarioFailed, play, shipped_scenarios, world_for
from connectors.sandbox.scenario import Checkpoint, Scenario, parse
from connectors.sandbox.world import World

SCENARIOS = shipped_scenarios()
# Where the amount to be explained does not follow from the balances of living twins.
_NOT_COUNTED = {"a7-credit-on-a-dead-twin", "e6-invoice-voided-with-credit", "e6-voided-with-a-pushed-credit"}
WANTED = frozenset(
    "A1 A2 A4 A5 B1 B2 B5 C1 C2 C3 C4 C6 C6b D1 D2 D7 D9 E1 E2 E3 E4 E5 E6 E7 F1".split()  # noqa: SIM905 - a line of codes reads better than a column
)


def difference(world: World) -> Decimal:
    """BigTime − QuickBooks over all invoices that are posted in both."""
    bigtime = sum(
        due_cents(each, world.bigtime.switches) for each in world.bigtime.invoices.values() if world.twins_of(each.id)
    )
    books = {each["Id"]: Decimal(str(each["Balance"])) for each in world.quickbooks.objects("Invoice")}
    twins = [twin for sid in world.bigtime.invoices for twin in world.twins_of(sid)]
    return Decimal(bigtime).scaleb(-2) - sum((books.get(twin, Decimal(0)) for twin in twins), Decimal(0))


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_claims_of_a_scenario_add_up_to_the_difference_of_its_books(name: str) -> None:
    scenario = SCENARIOS[name]
    world = world_for(scenario)
    for checkpoint in play(scenario, world):
        assert [] == world.check_identities()
        if checkpoint.residual is not None and name not in _NOT_COUNTED:
            claims = [each.claim for each in checkpoint.expectations if each.claim is not None]
            assert difference(world) == sum(claims, Decimal(0))


def test_every_code_of_the_first_release_has_a_scenario() -> None:
    covered = {
        each.code
        for scenario in SCENARIOS.values()
        for checkpoint in scenario.checkpoints
        for each in checkpoint.expectations
    }
    assert frozenset() == WANTED - covered


def test_every_scenario_ends_with_what_must_be_found() -> None:
    def says_something(scenario: Scenario) -> bool:
        last = scenario.steps[-1]
        return isinstance(last, Checkpoint) and bool(last.expectations or last.expects_none or last.expects_nothing)

    assert [] == [name for name, scenario in SCENARIOS.items() if not says_something(scenario)]


def test_a_line_that_the_books_refuse_is_named() -> None:
    scenario = parse(
        "invoice INV-1 acme 100.00 posted 2026-03-01\n"
        "quickbooks credit memo CM-1 acme 200.00 applied INV-1 2026-03-02\n"
    )
    with pytest.raises(ScenarioFailed, match="line 2"):
        list(play(scenario, world_for(scenario)))


def test_a_name_that_no_line_has_made_is_named() -> None:
    scenario = parse("quickbooks void invoice INV-7 2026-03-02")
    with pytest.raises(ScenarioFailed, match="INV-7"):
        list(play(scenario, world_for(scenario)))


def test_a_back_dated_line_does_not_turn_the_clock_back() -> None:
    scenario = parse(
        "invoice INV-1 acme 100.00 posted 2026-03-01\n"
        "bigtime payment Check INV-1 10.00 2026-02-10 entered 2026-03-09\nworker runs\n"
    )
    world = world_for(scenario)
    list(play(scenario, world))
    assert ("2026-02-10", "2026-03-09") == (str(world.bigtime.rows[0].paid_on), str(world.clock.now().date()))
