"""Every shipped scenario, read straight from the ledgers: what it expects is found, nothing else, and all ties out."""

import pytest

from connectors.sandbox.playing import play, shipped_scenarios, world_for
from tests.archive import Archive
from tests.scenarios.judging import complaints

_SCENARIOS = shipped_scenarios()


@pytest.mark.parametrize("name", _SCENARIOS)
def test_the_scenario_is_found_and_ties_out(name: str) -> None:
    scenario = _SCENARIOS[name]
    world, archive = world_for(scenario), Archive()

    for checkpoint in play(scenario, world):
        archive.read(world)
        result = archive.evaluate(world.clock.now())

        assert complaints(checkpoint, result.findings) == []
        assert [line.residual_minor for line in result.tie_lines] == [0] * len(result.tie_lines)
        assert world.check_identities() == []
