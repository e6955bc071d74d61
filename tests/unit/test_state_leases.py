"""One worker per company, on SQLite and on PostgreSQL."""

import threading
from datetime import timedelta

import pytest

from mappings.model import Kind
from state.errors import CompanyBusy, LeaseLost
from state.store import CompanyStore, Store
from tests.stores import QB, SetClock, invoice, key, outcome, put, reconcile, seen

MINUTES = timedelta(minutes=5)


def test_a_company_that_is_held_is_busy_until_it_is_given_back(store: Store) -> None:
    company, other = store.company("acme"), store.company("other")
    with company.hold(owner="one"):
        with pytest.raises(CompanyBusy, match="acme is held by one"), company.hold(owner="two"):
            pass
        with other.hold(owner="two"):
            pass
    with company.hold(owner="two"):
        pass


def test_a_lease_ends_even_when_the_work_fails(company_store: CompanyStore) -> None:
    with pytest.raises(ZeroDivisionError), company_store.hold():
        _ = 1 // 0
    with company_store.hold():
        pass


def test_a_lease_that_expired_can_be_taken_and_the_fence_holds_the_first_holder_off(
    company_store: CompanyStore, store_clock: SetClock
) -> None:
    observation = seen(key(QB, Kind.INVOICE, "1"), invoice("1", ""))
    with company_store.hold(owner="asleep", lasting=MINUTES) as asleep:
        records, books = company_store.records(asleep), company_store.books(asleep)
        store_clock.advance(minutes=5)
        with company_store.hold(owner="awake", lasting=MINUTES) as awake:
            with pytest.raises(LeaseLost):
                put(records, observation)
            with pytest.raises(LeaseLost):
                reconcile(books, store_clock, outcome())
            with pytest.raises(LeaseLost):
                asleep.renew()
            assert put(company_store.records(awake), observation) == (observation.key,)


def test_giving_back_a_lost_lease_does_not_take_it_from_its_new_holder(
    company_store: CompanyStore, store_clock: SetClock
) -> None:
    with company_store.hold(owner="asleep", lasting=MINUTES):
        store_clock.advance(minutes=6)
        awake = company_store.hold(owner="awake", lasting=MINUTES)
        held = awake.__enter__()
    held.renew()
    with pytest.raises(CompanyBusy), company_store.hold(owner="third"):
        pass
    awake.__exit__(None, None, None)


@pytest.mark.parametrize("by", ["renew", "unit"])
def test_a_lease_that_is_used_goes_on(company_store: CompanyStore, store_clock: SetClock, by: str) -> None:
    with company_store.hold(owner="one", lasting=MINUTES) as held:
        for number in range(4):
            store_clock.advance(minutes=4)
            if by == "renew":
                held.renew()
            else:
                put(company_store.records(held), seen(key(QB, Kind.INVOICE, str(number)), invoice("1", "")))
        with pytest.raises(CompanyBusy), company_store.hold(owner="two"):
            pass


def test_of_many_that_try_at_once_one_gets_it(company_store: CompanyStore) -> None:
    results: list[str] = []
    barrier = threading.Barrier(6)
    done = threading.Event()

    def work(name: str) -> None:
        barrier.wait()
        try:
            with company_store.hold(owner=name):
                results.append("held")
                done.wait(30)
        except CompanyBusy:
            results.append("busy")
        if results.count("busy") == 5:
            done.set()

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["busy"] * 5 + ["held"]


def test_a_decision_waits_for_the_reconcile_that_runs(company_store: CompanyStore, store_clock: SetClock) -> None:
    with company_store.hold(owner="one") as held:
        books = company_store.books(held)
        entered, waited = threading.Event(), []

        def append() -> None:
            entered.wait(30)
            company_store.audit.append(at=store_clock.now(), actor="ann", action="x", subject="", detail={})
            waited.append("done")

        thread = threading.Thread(target=append)
        thread.start()
        with books.reconcile_unit("run-1") as unit:
            entered.set()
            unit.set_complete(True)
            thread.join(0.3)
            assert waited == []
        thread.join(30)
        assert waited == ["done"]
