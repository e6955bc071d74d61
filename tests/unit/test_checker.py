"""The second opinion agrees with every finding of the shipped scenarios, and with none whose amount is off."""

from collections.abc import Iterator

import msgspec
import pytest

from connectors.sandbox.playing import play, shipped_scenarios, world_for
from mappings.findings import Claim, Evidence, Finding
from sync.checker import check_arithmetic
from tests.archive import Archive

_SCENARIOS = shipped_scenarios()


def _found(name: str) -> Iterator[tuple[Finding, dict[Evidence, bytes]]]:
    scenario = _SCENARIOS[name]
    world, archive = world_for(scenario), Archive()
    for _ in play(scenario, world):
        archive.read(world)
        for finding in archive.evaluate(world.clock.now()).findings:
            yield finding, {evidence: archive.raws[evidence.sha256] for evidence in finding.evidence}


@pytest.mark.parametrize("name", _SCENARIOS)
def test_the_amounts_of_every_finding_are_in_its_raw_records(name: str) -> None:
    for finding, raws in _found(name):
        assert [line for good, line in check_arithmetic(finding, raws) if not good] == []


@pytest.mark.parametrize("name", [name for name in _SCENARIOS if name[0] in "abcde" and "decoy" not in name])
def test_a_claim_that_is_a_cent_off_is_refused(name: str) -> None:
    for finding, raws in _found(name):
        if not finding.claims or finding.code in {"A5", "D2"}:
            continue
        planted = tuple(Claim(claim.invoice_id, claim.amount_minor + 1) for claim in finding.claims)
        wrong = msgspec.structs.replace(finding, claims=planted)

        assert not all(good for good, _ in check_arithmetic(wrong, raws))


def test_a_raw_record_with_another_amount_is_refused() -> None:
    finding, raws = next(found for found in _found("a1-credited-after-posting") if found[0].code == "A1")
    tampered = {evidence: raw.replace(b"200", b"300") for evidence, raw in raws.items()}

    assert not all(good for good, _ in check_arithmetic(finding, tampered))
