"""Days of four companies, with faults, outages and people who err: one alert for each incident, and nothing else."""

import dataclasses

import msgspec
import pytest

from mappings.alerts import AlertKind
from tests.benchmarks.soak import is_flat, problems_of
from tests.soak.daemon import Told
from tests.soak.judging import judge
from tests.soak.office import Soaked, SoakOptions, soak


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Soaked:
    options = SoakOptions(days=10, seed=3, beat_minutes=240, tick_minutes=30)
    return soak(options, tmp_path_factory.mktemp("soak"), lambda line: None)


@pytest.mark.slow
def test_every_incident_is_told_once_on_every_channel_and_nothing_else_is(soaked: Soaked) -> None:
    judgements = judge(soaked)
    assert [] == [problem for judgement in judgements for problem in problems_of(judgement)]
    assert all(judgement.incidents >= 10 for judgement in judgements)
    assert 0 == soaked.account.differences


@pytest.mark.slow
def test_the_daemon_holds_no_more_at_the_end(soaked: Soaked) -> None:
    assert is_flat(soaked), soaked.burdens


@pytest.mark.slow
def test_the_judge_sees_a_message_that_was_lost_repeated_or_late(soaked: Soaked) -> None:
    told = list(soaked.account.told)
    raised = next(each for each in told if each.kind is AlertKind.RAISED and each.channel == "mail")
    ended = next(each for each in told if each.kind is AlertKind.RESOLVED and each.channel == "mail")
    assert "never told" in _problems(soaked, [each for each in told if each.key != raised.key])
    again = _changed(raised, message="another", sent_at=raised.sent_at)
    assert "told more than once" in _problems(soaked, [*told, again])
    late = _changed(raised, key=ended.key, episode=ended.episode, created_at=soaked.ended_at, message="late")
    assert "told after its end" in _problems(soaked, [*told, late])
    strange = _changed(raised, key="alder/I-none", subjects=frozenset({"INV-9"}), message="strange")
    assert "told of nothing" in _problems(soaked, [*told, strange])


def _changed(told: Told, **values: object) -> Told:
    return msgspec.structs.replace(told, **values)


def _problems(soaked: Soaked, told: list[Told]) -> str:
    account = msgspec.structs.replace(soaked.account, told=tuple(told))
    changed = dataclasses.replace(soaked, account=account)
    return "\n".join(problem for judgement in judge(changed) for problem in problems_of(judgement))
