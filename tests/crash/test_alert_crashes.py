"""A sender that is killed between any two steps loses no alert, and at most one goes out twice."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from mappings.alerts import AlertSituation, DeliveryState
from mappings.findings import FindingStatus
from mappings.model import Kind
from state.alerts import Plan
from state.store import CompanyStore, Store
from sync.alert_rules import plan_alerts
from tests.alert_building import POLICY, finding
from tests.crash.alert_sender import Steps, beat
from tests.mail_server import Mailbox, mail_server
from tests.stores import BT, SetClock, invoice, key, outcome, put, seen

ROOT = Path(__file__).parents[2]
INCIDENTS = ("1", "2")


def find(company: CompanyStore, clock: SetClock, *records: str, plan: Plan | None = None) -> None:
    """Reconcile acme with one incident for each record; the alerts are planned in the same transaction."""
    with company.hold(owner="test") as held:
        put(company.records(held), seen(key(BT, Kind.INVOICE, "1"), invoice("301", "INV-1")))
        books = company.books(held)
        groups = books.load_all_groups()
        with books.reconcile_unit("run") as unit:
            unit.set_complete(True)
            for group in groups:
                unit.replace(group, outcome(*(finding(record=record) for record in records)))
            unit.plan_alerts(plan or (lambda situation: plan_alerts(situation, POLICY, clock.now())))


def run_beat(url: str, mailbox: Mailbox, *, die_at: int = 0, minutes: int) -> None:
    """One beat in a process of its own, which dies at that step."""
    arguments = [sys.executable, "-m", "tests.crash.alert_sender", url, str(mailbox.port), str(die_at), str(minutes)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (-9 if die_at else 0) == done.returncode, done.stderr


class Died(BaseException):
    """The end of a process that goes on in the test."""


def _die() -> None:
    raise Died


def nothing_is_lost(store: Store, mailbox: Mailbox, where: str) -> None:
    """Both alerts have arrived under one name each, and at most one of them twice."""
    told = Counter(str(message["Message-ID"]) for message in mailbox.messages)
    assert 2 == len(set(mailbox.subjects())), f"lost {where}"
    assert 2 == len(told), f"another name {where}"
    assert sum(told.values()) <= 3, f"more than one twice {where}"
    assert {DeliveryState.SENT} == {delivery.state for delivery in store.outbox.load()}


@pytest.mark.slow
@pytest.mark.parametrize("die_at", range(1, 17))
def test_a_sender_killed_at_any_step_loses_nothing_and_repeats_at_most_one(
    store_url: str, store_clock: SetClock, die_at: int
) -> None:
    with Store.open(store_url, store_clock) as store, mail_server() as mailbox:
        find(store.company("acme"), store_clock, *INCIDENTS)
        run_beat(store_url, mailbox, die_at=die_at, minutes=2)
        run_beat(store_url, mailbox, minutes=10)
        nothing_is_lost(store, mailbox, f"at step {die_at}")


def test_a_sender_that_ends_at_any_step_loses_nothing_and_repeats_at_most_one(
    company_store: CompanyStore, store: Store, store_clock: SetClock
) -> None:
    find(company_store, store_clock)
    die_at, survived = 1, False
    while not survived:
        find(company_store, store_clock, *INCIDENTS)
        store_clock.advance(minutes=2)
        with mail_server() as mailbox:
            steps = Steps(die_at, _die)
            try:
                beat(store, mailbox.port, store_clock, steps, owner="first")
                survived = True
            except Died:
                store_clock.advance(minutes=10)
                beat(store, mailbox.port, store_clock, Steps(0), owner="second")
            nothing_is_lost(store, mailbox, f"at step {die_at}")
            find(company_store, store_clock)
            beat(store, mailbox.port, store_clock, Steps(0), owner="third")
        assert 2 == sum(subject.startswith("[Tieout] Resolved:") for subject in mailbox.subjects())
        die_at += 1
    assert 17 == die_at - 1, "the number of steps has changed: the killing test above counts them, too"


def test_what_is_told_is_kept_or_lost_together_with_the_findings(
    company_store: CompanyStore, store: Store, store_clock: SetClock
) -> None:
    def crash(situation: AlertSituation) -> tuple[()]:
        assert {"1", "2"} == {each.finding.invoice.bigtime for each in situation.findings if each.finding.invoice}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find(company_store, store_clock, *INCIDENTS, plan=crash)
    assert () == company_store.book_reader().load_findings()
    assert () == store.outbox.load()
    find(company_store, store_clock, *INCIDENTS)
    assert 2 == len(store.outbox.load())
    assert 2 == len(company_store.book_reader().load_findings(statuses=[FindingStatus.OPEN]))
    find(company_store, store_clock, *INCIDENTS)
    assert 2 == len(store.outbox.load())


def test_a_complete_run_counts_as_the_newest_in_what_it_plans(
    company_store: CompanyStore, store_clock: SetClock
) -> None:
    seen_at = []

    def note(situation: AlertSituation) -> tuple[()]:
        seen_at.append(situation.complete_at)
        return ()

    find(company_store, store_clock, *INCIDENTS, plan=note)
    assert [store_clock.now()] == seen_at
