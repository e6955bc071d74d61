"""Counting calls, and stopping before the month's budget is spent."""

from datetime import UTC, date, datetime

import pytest

from connectors.errors import BudgetSpent
from connectors.metering import CallMeter
from connectors.sandbox.clock import SimulatedClock
from mappings.model import System


class MemoryCounts:
    def __init__(self) -> None:
        self.sent: dict[date, int] = {}
        self.metered: dict[date, int] = {}

    def add_calls(self, system: System, month: date, *, sent: int, metered: int) -> None:
        self.sent[month] = self.sent.get(month, 0) + sent
        self.metered[month] = self.metered.get(month, 0) + metered

    def load_metered(self, system: System, month: date) -> int:
        return self.metered.get(month, 0)


NOVEMBER = date(2026, 11, 1)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(datetime(2026, 11, 30, 12, tzinfo=UTC))


def use(meter: CallMeter, count: int) -> None:
    for _ in range(count):
        meter.check("page")
        meter.count_sent()
        meter.count_metered()


def test_a_run_counts_what_was_sent_and_what_is_metered(clock: SimulatedClock) -> None:
    meter = CallMeter(System.QUICKBOOKS, clock)
    use(meter, 3)
    meter.count_sent()
    assert (meter.sent, meter.metered) == (4, 3)


def test_counts_reach_the_store_once(clock: SimulatedClock) -> None:
    counts = MemoryCounts()
    meter = CallMeter(System.QUICKBOOKS, clock, counts=counts)
    use(meter, 3)
    meter.save()
    meter.save()
    assert counts.sent == {NOVEMBER: 3}
    assert counts.metered == {NOVEMBER: 3}


def test_reads_that_can_wait_are_spared_from_eighty_percent_on(clock: SimulatedClock) -> None:
    meter = CallMeter(System.QUICKBOOKS, clock, monthly_budget=100)
    use(meter, 79)
    assert not meter.is_sparing
    use(meter, 1)
    assert meter.is_sparing


def test_nothing_is_sent_from_ninety_five_percent_on(clock: SimulatedClock) -> None:
    meter = CallMeter(System.QUICKBOOKS, clock, monthly_budget=100)
    use(meter, 95)
    with pytest.raises(BudgetSpent, match="95 of 100 metered calls"):
        meter.check("page")


def test_what_other_workers_used_counts_as_well(clock: SimulatedClock) -> None:
    counts = MemoryCounts()
    mine = CallMeter(System.QUICKBOOKS, clock, counts=counts, monthly_budget=100)
    theirs = CallMeter(System.QUICKBOOKS, clock, counts=counts, monthly_budget=100)
    use(theirs, 90)
    theirs.save()
    use(mine, 5)
    mine.save()
    with pytest.raises(BudgetSpent):
        mine.check("page")


def test_a_new_month_starts_with_an_empty_budget(clock: SimulatedClock) -> None:
    meter = CallMeter(System.QUICKBOOKS, clock, counts=MemoryCounts(), monthly_budget=100)
    use(meter, 95)
    clock.advance(hours=13)
    meter.save()
    meter.check("page")
