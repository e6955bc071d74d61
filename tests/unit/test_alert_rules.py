"""One incident is one alert: what is told, what is not, and what speaks for something else."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from mappings.alerts import AlertKind, AlertState, Silence, SilenceScope
from mappings.findings import Evidence, Severity
from mappings.model import Kind, RecordKey, System
from sync.alert_incidents import AlertPolicy, ChannelRoute
from tests.alert_building import NOW, POLICY, Desk, finding, gate, watched

RAISED, UPDATED, REMINDER, RESOLVED = AlertKind.RAISED, AlertKind.UPDATED, AlertKind.REMINDER, AlertKind.RESOLVED


def silence(scope: SilenceScope, value: str = "", *, hours: int = 24) -> Silence:
    return Silence(
        id=1,
        scope=scope,
        value=value,
        author="ann",
        reason="known",
        created_at=NOW,
        expires_at=NOW + timedelta(hours=hours),
    )


def test_an_incident_of_many_findings_is_told_once() -> None:
    desk = Desk()
    members = [watched(finding(record=str(number), incident="I-1")) for number in range(500)]
    assert [RAISED] == desk.look(*members)
    assert [] == desk.look(*members, minutes=5)
    assert [] == desk.look(*members, hours=12)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"exposure_minor": 300_00}, [UPDATED]),
        ({"severity": Severity.S1}, [UPDATED]),
        ({"severity": Severity.S3}, []),
        ({"explanation": "Said in other words."}, []),
        ({"reason": "seen again"}, []),
    ],
)
def test_it_is_told_again_only_when_it_materially_changes(change: dict[str, object], expected: list[AlertKind]) -> None:
    desk = Desk()
    first = finding(severity=Severity.S2)
    desk.look(watched(first))
    values: dict[str, Any] = {"severity": Severity.S2, **change}
    changed = finding(**values)
    assert expected == desk.look(watched(changed), hours=1)
    assert [] == desk.look(watched(changed), hours=1)


def test_a_finding_that_joins_is_news_and_one_that_leaves_and_returns_is_not() -> None:
    desk = Desk()
    first, second = watched(finding(record="1", incident="I")), watched(finding(record="2", incident="I"))
    desk.look(first)
    assert [UPDATED] == desk.look(first, second, hours=1)
    assert [] == desk.look(first, hours=1)
    assert [] == desk.look(first, second, hours=1)


def test_an_incident_that_gets_another_name_stays_the_same_alert() -> None:
    desk = Desk()
    desk.look(watched(finding(record="1", incident="I-old")))
    joined = [watched(finding(record=record, incident="I-new")) for record in ("1", "0")]
    assert [UPDATED] == desk.look(*joined, hours=1)
    assert [] == desk.look(*joined, hours=1)
    assert [RESOLVED] == desk.look(hours=1)
    assert ["I-old"] == list(desk.alerts)


def test_two_incidents_that_join_are_not_said_to_be_over() -> None:
    desk = Desk()
    apart = [watched(finding(record=record)) for record in ("1", "2")]
    assert [RAISED, RAISED] == desk.look(*apart)
    joined = [watched(finding(record=record, incident="I-1")) for record in ("1", "2")]
    assert [] == desk.look(*joined, hours=1)
    assert [RESOLVED, RESOLVED] == desk.look(hours=1)


def test_the_end_is_told_once_and_a_new_beginning_is_news() -> None:
    desk = Desk()
    desk.look(watched(finding()))
    assert [RESOLVED] == desk.look(hours=1)
    assert [] == desk.look(hours=1)
    assert [RAISED] == desk.look(watched(finding()), hours=1)
    assert 2 == desk.alerts["I-71"].episode


def test_what_a_person_has_settled_is_not_raised_again_unless_it_changes() -> None:
    desk = Desk()
    desk.look(watched(finding()))
    settled = watched(finding(), status="resolved", decided_by="ann", decided_at=NOW, reason="ours")
    assert [RESOLVED] == desk.look(settled, hours=1)
    message = desk.messages[-1].message
    assert message is not None
    assert "ann has marked it as resolved: ours" == message.notice.sections[0].items[0].text
    assert AlertState.SETTLED is desk.alerts["I-71"].state
    found_again = watched(finding())  # by the next run: a run has opened it
    assert [] == desk.look(found_again, hours=1)
    assert [] == desk.look(found_again, days=9)
    assert [RAISED] == desk.look(watched(finding(exposure_minor=999_00)), hours=1)


def test_what_a_person_opens_again_is_told_again() -> None:
    desk = Desk()
    desk.look(watched(finding()))
    desk.look(watched(finding(), status="expected", decided_by="ann", decided_at=NOW), hours=1)
    reopened = watched(finding(), decided_by="bob", decided_at=desk.now + timedelta(minutes=1))
    assert [RAISED] == desk.look(reopened, hours=1)


def test_what_is_expected_from_the_start_is_never_told() -> None:
    desk = Desk()
    assert [] == desk.look(watched(finding(), status="expected", decided_by="ann", decided_at=NOW))
    assert [] == desk.look(hours=1)


def test_less_urgent_findings_wait_for_the_digest_and_large_ones_do_not() -> None:
    assert [] == Desk().look(watched(finding(severity=Severity.S3)))
    assert [RAISED] == Desk().look(watched(finding(severity=Severity.S3, exposure_minor=10_000_00)))
    desk = Desk()
    assert [] == desk.look(watched(finding(record="2", severity=Severity.S3, currency="JPY", exposure_minor=9_999)))
    large = watched(finding(record="2", severity=Severity.S3, currency="JPY", exposure_minor=10_000))
    assert [RAISED] == desk.look(large)


def test_nobody_acknowledging_brings_reminders_ever_more_slowly() -> None:
    desk = Desk()
    one = watched(finding())
    desk.look(one)
    told = [desk.now for _ in range(24 * 60) if REMINDER in desk.look(one, hours=1)]
    days = [(moment - NOW).days for moment in told]
    assert [3, 9, 21, 45] == days


def test_an_acknowledged_incident_brings_no_reminder_and_its_change_is_told() -> None:
    desk = Desk()
    desk.look(watched(finding()))
    assert [] == desk.look(watched(finding(), status="acknowledged", decided_by="ann"), days=30)
    changed = watched(finding(exposure_minor=1), status="acknowledged", decided_by="ann")
    assert [UPDATED] == desk.look(changed, hours=1)


def test_much_money_is_reminded_of_sooner_and_whoever_steps_in_hears_only_reminders() -> None:
    boss = ChannelRoute(name="boss", only_reminders=True)
    desk = Desk(AlertPolicy(channels=(ChannelRoute(name="mail"), boss), large_exposure=Decimal(100)))
    one = watched(finding())
    desk.look(one)
    assert [] == desk.look(one, hours=23)
    assert [REMINDER] == desk.look(one, hours=1)
    messages = [change.message for change in desk.messages]
    assert [("mail",), ("mail", "boss")] == [message.channels for message in messages if message is not None]


def test_a_channel_hears_only_of_its_companies() -> None:
    route = ChannelRoute(name="other", companies=frozenset({"elsewhere"}))
    assert [] == Desk(AlertPolicy(channels=(route,))).look(watched(finding()))


@pytest.mark.parametrize(
    ("scope", "value"),
    [
        (SilenceScope.COMPANY, ""),
        (SilenceScope.CODE, "a1"),
        (SilenceScope.CLIENT, "acme & söhne"),
        (SilenceScope.CLIENT, "301"),
        (SilenceScope.INCIDENT, "I-71"),
    ],
)
def test_a_silence_holds_an_alert_back_until_it_ends(scope: SilenceScope, value: str) -> None:
    desk = Desk()
    desk.silences.append(silence(scope, value))
    one = watched(finding())
    assert [] == desk.look(one)
    assert "silenced by ann" in desk.alerts["I-71"].held_by
    assert [] == desk.look(one, hours=23)
    assert [RAISED] == desk.look(one, hours=2)


def test_a_silence_covers_nothing_else() -> None:
    desk = Desk()
    desk.silences.append(silence(SilenceScope.CLIENT, "somebody else"))
    assert [RAISED] == desk.look(watched(finding()))


def test_what_is_over_before_the_silence_ends_is_never_told() -> None:
    desk = Desk()
    desk.silences.append(silence(SilenceScope.COMPANY))
    desk.look(watched(finding()))
    assert [] == desk.look(hours=1)
    assert [] == desk.look(hours=48)


def test_an_outage_is_news_only_when_it_lasts() -> None:
    desk = Desk()
    assert [] == desk.look(watched(gate()))
    assert [] == desk.look(minutes=30)
    again = watched(gate(), since=desk.now)
    assert [] == desk.look(again, minutes=59)
    assert [RAISED] == desk.look(again, minutes=2)
    assert [RESOLVED] == desk.look(minutes=5)


def test_what_may_follow_from_an_incomplete_reading_is_held_back() -> None:
    desk = Desk()
    outage = watched(gate())
    one_sided = watched(finding("C4", "9"), since=NOW + timedelta(hours=1))
    rule = watched(finding("A1", "8"), since=NOW + timedelta(hours=1))
    desk.look(outage, hours=2)
    assert [RAISED] == desk.look(outage, one_sided, rule)
    assert {"I-8"} == {name for name, alert in desk.alerts.items() if alert.state is AlertState.FIRING} - {
        outage.finding.incident
    }
    assert [RAISED, RESOLVED] == sorted(desk.look(one_sided, rule, hours=1))
    assert AlertState.FIRING is desk.alerts["I-9"].state


def test_what_was_there_before_the_outage_is_not_held_back() -> None:
    desk = Desk()
    one_sided = watched(finding("C4", "9"), since=NOW - timedelta(hours=1))
    assert [RAISED] == desk.look(watched(gate()), one_sided)


def test_a_lost_connection_speaks_for_everything_else_of_the_company() -> None:
    desk = Desk()
    lost = watched(gate("G3"))
    others = [watched(finding()), watched(gate("G10")), watched(finding("F2", "2"))]
    assert [RAISED] == desk.look(lost, *others, hours=2)
    assert [RESOLVED] == [kind for kind in desk.look(*others, hours=1) if kind is RESOLVED]
    assert AlertState.FIRING is desk.alerts["I-71"].state


def test_staleness_is_told_unless_an_incomplete_reading_is() -> None:
    desk = Desk()
    desk.complete_at = NOW
    assert [] == desk.look(hours=25)
    budget = watched(gate("G10"), since=NOW)
    assert [RAISED] == desk.look(budget, hours=5)
    assert "STALE" in desk.alerts
    assert AlertState.HELD is desk.alerts["STALE"].state
    assert [RAISED, RESOLVED] == sorted(desk.look(minutes=1))
    desk.complete_at = None
    assert [RESOLVED] == desk.look(minutes=1)


def test_a_fault_after_a_lost_connection_is_there_again_is_not_called_a_day_without_a_reading() -> None:
    desk = Desk()
    desk.complete_at = NOW
    lost, fault = watched(gate("G3")), watched(gate(), since=NOW + timedelta(hours=28))
    assert [RAISED] == desk.look(lost, hours=2)
    assert [] == desk.look(lost, hours=25)
    states = [desk.alerts["STALE"].state]
    assert [RESOLVED] == desk.look(fault, hours=1)
    states.append(desk.alerts["STALE"].state)
    assert [] == desk.look(hours=25)
    assert [RAISED] == desk.look(hours=1)
    assert [AlertState.HELD, AlertState.RESOLVED, AlertState.FIRING] == [*states, desk.alerts["STALE"].state]


def test_without_a_channel_nothing_is_planned() -> None:
    assert [] == Desk(AlertPolicy()).look(watched(finding()))


@pytest.mark.parametrize("seed", range(60))
def test_in_any_history_each_beginning_has_at_most_one_end_and_nothing_is_said_twice(seed: int) -> None:
    chance = random.Random(seed)
    desk = Desk(AlertPolicy(channels=POLICY.channels, remind_after=timedelta(0)))
    amounts = dict.fromkeys("abcd", 100_00)
    joined = {record: record for record in amounts}
    present = set[str]()
    for _ in range(60):
        record = chance.choice("abcd")
        match chance.randrange(5):
            case 0 | 1:
                present ^= {record}
            case 2:
                amounts[record] += chance.choice((0, 100))
            case 3:
                joined[record] = chance.choice("abcd")
            case _:
                pass
        desk.look(
            *(
                watched(finding(record=each, exposure_minor=amounts[each], incident=f"I-{joined[each]}"))
                for each in sorted(present)
            ),
            hours=1,
        )
    state: dict[str, bool] = {}
    for change in desk.messages:
        assert change.message is not None
        kind, key = change.message.notice.kind, change.message.key
        assert (kind is not RAISED) == state.get(key, False), "raised while quiet, changed or over while told"
        state[key] = kind is not RESOLVED
    desk.look(hours=1)
    assert all(alert.state is not AlertState.FIRING for alert in desk.alerts.values())


def test_an_outage_is_told_only_when_somebody_has_looked_again_after_the_grace() -> None:
    desk = Desk()
    outage = watched(gate(), since=NOW)
    desk.tried_at = NOW
    assert [] == desk.look(outage, hours=5)
    desk.tried_at = NOW + timedelta(hours=5)
    assert [RAISED] == desk.look(outage)


def test_when_nobody_looks_any_more_that_is_told_though_an_outage_is_open() -> None:
    desk = Desk()
    desk.complete_at = desk.tried_at = NOW
    assert [RAISED] == desk.look(watched(gate(), since=NOW), hours=27)
    assert AlertState.FIRING is desk.alerts["STALE"].state


def test_a_mistake_that_shows_itself_as_another_stays_one_incident() -> None:
    desk = Desk()
    row = (Evidence(RecordKey(System.BIGTIME, Kind.PAYMENT, "7"), "sha"),)
    before = watched(finding("A1", evidence=row, incident="I-1"))
    after = watched(finding("A4", evidence=row, incident="I-2"))
    assert [RAISED] == desk.look(before)
    assert [UPDATED] == desk.look(watched(before.finding, status="resolved"), after, hours=4)
    assert [] == desk.look(after, hours=1)
    assert [RESOLVED] == desk.look(watched(after.finding, status="resolved"), hours=1)
    assert {"I-1"} == {change.alert.incident for change in desk.messages}


def test_mistakes_that_rest_on_nothing_in_common_stay_two_incidents() -> None:
    desk = Desk()
    rows = [(Evidence(RecordKey(System.BIGTIME, Kind.PAYMENT, number), "sha"),) for number in "78"]
    before = watched(finding("A1", evidence=rows[0], incident="I-1"))
    after = watched(finding("A4", evidence=rows[1], incident="I-2"))
    assert [RAISED] == desk.look(before)
    assert [RAISED, RESOLVED] == sorted(desk.look(watched(before.finding, status="resolved"), after, hours=4))


def test_what_may_still_arrive_is_never_told_however_large() -> None:
    desk = Desk(AlertPolicy(channels=POLICY.channels, large_exposure=Decimal(100)))
    young = finding("G4", severity=Severity.S4, exposure_minor=20_000_00)
    assert [] == desk.look(watched(young), hours=5)


def test_the_outage_of_a_system_is_shared_and_an_unreadable_record_is_the_companys_own() -> None:
    policy = AlertPolicy(channels=POLICY.channels, outage_wait=timedelta(minutes=15))
    desk = Desk(policy)
    desk.look(watched(gate("G10"), since=NOW), watched(gate("G6"), since=NOW), hours=2)
    told = {change.alert.incident: change.message for change in desk.messages if change.message is not None}
    outage, unreadable = told["G10:quickbooks:G10"], told["G6:quickbooks:G6"]
    assert ("G10:quickbooks:G10", "") == (outage.notice.shared_as, unreadable.notice.shared_as)
    assert timedelta(minutes=14) == outage.due_at - unreadable.due_at
    said = [message.notice.sections[0].items[0].text for message in (outage, unreadable)]
    assert [True, False] == ["Nobody has to do anything" in text for text in said]


def test_an_incident_of_which_only_what_needs_nobody_is_left_is_over() -> None:
    desk = Desk()
    mistake = watched(finding("C6b", record="1", incident="I", severity=Severity.S2))
    trace = watched(finding("E11", record="2", incident="I", severity=Severity.S4))
    assert [RAISED] == desk.look(mistake)
    assert [RESOLVED] == desk.look(watched(mistake.finding, status="resolved"), trace, hours=4)
    assert [] == desk.look(trace, hours=4)
    assert [RAISED] == desk.look(mistake, trace, hours=4)


def test_a_credit_that_was_put_back_in_another_month_ends_the_alert_that_it_was_taken_off() -> None:
    desk = Desk()
    taken_off = watched(finding("E5", record="1", incident="I", severity=Severity.S1))
    two_months = watched(finding("D4", record="2", incident="I", severity=Severity.S3, slug="in-two-months"))
    assert [RAISED] == desk.look(taken_off)
    assert [RESOLVED] == desk.look(watched(taken_off.finding, status="resolved"), two_months, hours=4)
    assert desk.messages[-1].message is not None
    (said,) = desk.messages[-1].message.notice.sections[0].items
    assert "INV-1" == dict(said.facts)["Invoice"]
    assert "What is left of it is less urgent and stands in the digest: S3 · In two months, INV-2." in said.text
    assert [] == desk.look(two_months, hours=100)
    assert [RAISED] == desk.look(taken_off, two_months, hours=4)


def test_an_alert_ends_with_what_people_were_called_for_though_a_lesser_part_of_it_lasts() -> None:
    desk = Desk()
    taken_off = watched(finding("E5", record="1", incident="I", severity=Severity.S1))
    two_months = watched(finding("D4", record="2", incident="I", severity=Severity.S3))
    assert [RAISED] == desk.look(taken_off, two_months)
    assert [RESOLVED] == desk.look(watched(taken_off.finding, status="resolved"), two_months, hours=4)
    assert [] == desk.look(hours=4)


def test_what_may_still_arrive_makes_nothing_beside_it_large() -> None:
    desk = Desk(AlertPolicy(channels=POLICY.channels, large_exposure=Decimal(100)))
    young = finding("G4", record="1", incident="I", severity=Severity.S4, exposure_minor=20_000_00)
    beside = finding("C2", record="2", incident="I", severity=Severity.S4, exposure_minor=50_00)
    assert [] == desk.look(watched(young), watched(beside), hours=5)
