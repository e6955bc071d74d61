"""The story of a firm: the same for the same seed, honest in its books, and right about what it planted."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sandbox.bigtime_rows import due_cents, invoice_row, payment_row
from connectors.sandbox.story import Story
from connectors.sandbox.story_mistakes import MISTAKES
from connectors.sandbox.world import World


def told(seed: int, days: int) -> tuple[Story, World, list[list[str]]]:
    story = Story(seed, days)
    world = story.new_world()
    happened = []
    while not story.is_finished:
        happened.append(story.advance(world))
    return story, world, happened


def everything(world: World) -> list[object]:
    """All that the two systems would show."""
    ledger = world.bigtime
    return [
        *(invoice_row(ledger, each) for each in ledger.invoices.values()),
        *(payment_row(ledger, each) for each in ledger.rows),
        *(world.quickbooks.objects(entity) for entity in ("Invoice", "Payment", "CreditMemo", "Customer")),
    ]


def difference(world: World, number: str) -> Decimal:
    """BigTime − QuickBooks of one invoice."""
    (invoice,) = (each for each in world.bigtime.invoices.values() if each.number == number)
    twins = world.twins_of(invoice.id)
    balance = sum((Decimal(str(world.quickbooks.read("Invoice", twin)["Balance"])) for twin in twins), Decimal(0))
    return Decimal(due_cents(invoice, world.bigtime.switches)).scaleb(-2) - balance


def test_equal_seeds_tell_equal_stories() -> None:
    (one, first, words), (two, second, again) = told(7, 12), told(7, 12)
    assert (words, one.planted, one.decoys) == (again, two.planted, two.decoys)
    assert everything(first) == everything(second)


def test_other_seeds_tell_other_stories() -> None:
    assert told(7, 6)[2] != told(8, 6)[2]


def test_four_weeks_have_history_and_every_kind_of_mistake() -> None:
    story, world, happened = told(1, 28)
    assert 29 == len(happened)
    assert len([each for each in world.bigtime.invoices.values() if each.issued_on < story.first_day]) >= 60
    assert {kind.code for kind in MISTAKES} <= {mistake.code for mistake in story.planted}
    assert len({mistake.day for mistake in story.planted}) >= 12
    assert len(story.decoys) >= 5


def test_every_day_ends_when_the_worker_would_run() -> None:
    story = Story(3, 9)
    world = story.new_world()
    moments = []
    while not story.is_finished:
        story.advance(world)
        moments.append(world.clock.now())
    assert {22} == {moment.hour for moment in moments}
    assert [1] * 9 == [(late.date() - early.date()).days for early, late in pairwise(moments)]


def test_a_finished_story_has_no_further_day() -> None:
    story, world, _ = told(1, 1)
    with pytest.raises(ValueError, match="all are told"):
        story.advance(world)
    with pytest.raises(ValueError, match="at least one day"):
        Story(1, 0)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(min_value=0, max_value=10_000), days=st.integers(min_value=1, max_value=30))
def test_whatever_the_seed_the_claims_of_the_planted_mistakes_are_all_that_differs(seed: int, days: int) -> None:
    story, world, _ = told(seed, days)
    assert [] == world.check_identities()
    void = {mistake.invoice for mistake in story.planted if mistake.claim is None}
    concerned = {name for mistake in story.planted for name in (mistake.invoice, *mistake.others)} - void
    claimed = sum((mistake.claim for mistake in story.planted if mistake.claim is not None), Decimal(0))
    assert claimed == sum((difference(world, number) for number in concerned), Decimal(0))
    twins = [each for each in world.bigtime.invoices.values() if world.twins_of(each.id)]
    innocent = {each.number for each in twins} - concerned - void
    assert {Decimal(0)} == {difference(world, number) for number in innocent}
