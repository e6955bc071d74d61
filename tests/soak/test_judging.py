"""The judge of the soak, on days that are made up: what may be told, what must be, and what must not."""

from datetime import UTC, datetime, timedelta

from mappings.alerts import AlertKind, DeliveryState
from tests.benchmarks.soak import is_flat, problems_of
from tests.soak.daemon import Account, Burden, Told
from tests.soak.firm import TrueIncident
from tests.soak.judging import judge
from tests.soak.office import Soaked

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def mistake(*, opened: int, settled: int | None = None) -> TrueIncident:
    return TrueIncident(
        company="cedar",
        code="E5",
        subject="INV-1052",
        opened_at=NOON + timedelta(hours=opened),
        settled_at=None if settled is None else NOON + timedelta(hours=settled),
    )


def silence(*, began: int, ended: int) -> TrueIncident:
    hours = (timedelta(hours=each) for each in (began, ended))
    opened_at, ended_at = (NOON + each for each in hours)
    return TrueIncident(company="", code="channel", subject="channel mail", opened_at=opened_at, ended_at=ended_at)


def told(kind: AlertKind, *, at: int, message: str, subject: str = "INV-1052") -> Told:
    moment = NOON + timedelta(hours=at)
    return Told(
        company="cedar",
        key=f"cedar/{subject}",
        episode=1,
        channel="mail",
        kind=kind,
        state=DeliveryState.SENT,
        message=message,
        created_at=moment,
        sent_at=moment,
        heading=subject,
        subjects=frozenset({subject}),
    )


def burden(number: int, **values: float) -> Burden:
    held = {"resident_mb": 120.0, "store_mb": 2.0, "blocks": 570_000, "objects": 150_000, "threads": 4, "files": 19}
    return Burden(at=NOON + timedelta(days=number), cpu_seconds=1.0, **{**held, **values})  # type: ignore[arg-type]


def soaked_with(burdens: list[Burden], *, incidents: list[TrueIncident], messages: list[Told]) -> Soaked:
    account = Account(told=tuple(messages), turns={}, statuses={}, unsettled=(), differences=0)
    return Soaked(
        incidents=tuple(incidents),
        account=account,
        burdens=tuple(burdens),
        mails=tuple({each.message for each in messages}),
        posts={},
        faults=0,
        log="",
        ended_at=NOON,
    )


def flat(burdens: list[Burden]) -> bool:
    return is_flat(soaked_with(burdens, incidents=[], messages=[]))


def problems(incidents: list[TrueIncident], messages: list[Told]) -> list[str]:
    soaked = soaked_with([], incidents=incidents, messages=messages)
    return [problem.split(":")[1].strip() for judgement in judge(soaked) for problem in problems_of(judgement)]


def test_what_is_told_once_is_as_it_should_be_and_what_is_not_told_or_told_twice_is_not() -> None:
    raised, again = (told(AlertKind.RAISED, at=1, message=name) for name in ("a", "b"))
    assert [] == problems([mistake(opened=0)], [raised])
    assert ["never told"] == problems([mistake(opened=0)], [])
    assert ["told more than once"] == problems([mistake(opened=0)], [raised, again])
    assert ["told of nothing that was wrong"] == problems([], [raised])


def test_what_came_and_went_in_a_channels_silence_may_be_told_once_and_need_not_be() -> None:
    days = [silence(began=-6, ended=34), mistake(opened=2, settled=26)]
    raised, again = (told(AlertKind.RAISED, at=3, message=name) for name in ("a", "b"))
    assert [] == problems(days, [])
    assert [] == problems(days, [raised, told(AlertKind.RESOLVED, at=27, message="c")])
    assert ["told more than once"] == problems(days, [raised, again])


def test_what_lasts_longer_than_a_channels_silence_has_to_be_told() -> None:
    assert ["never told"] == problems([silence(began=-6, ended=34), mistake(opened=2)], [])
    assert ["never told"] == problems([silence(began=-6, ended=34), mistake(opened=-20, settled=26)], [])


def test_memory_is_flat_when_the_last_third_holds_what_the_second_held() -> None:
    days = range(9)
    assert flat([burden(day) for day in days])
    assert flat([burden(0, resident_mb=90.0, blocks=400_000), *(burden(day) for day in days[1:])])


def test_memory_that_grows_is_seen_wherever_it_is_held() -> None:
    days = range(9)
    assert not flat([burden(day, resident_mb=120.0 + day) for day in days])
    assert not flat([burden(day, blocks=570_000 + 5_000 * day) for day in days])
    assert not flat([burden(day, objects=150_000 + 1_500 * day) for day in days])
    assert not flat([burden(day, resident_mb=118.0 + day, store_mb=float(day)) for day in days])
    assert not flat([burden(day, threads=4 + day) for day in days])
    assert not flat([burden(day, files=19 + 3 * day) for day in days])
