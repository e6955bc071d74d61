"""Where the reading of QuickBooks stands: nothing that was changed is ever left behind the watermark."""

from datetime import UTC, datetime, timedelta

import pytest

from connectors.quickbooks.statements import Place
from mappings.model import Kind
from sync.pulling.quickbooks_cursor import (
    ALL_KINDS,
    QuickBooksCursor,
    format_cursor,
    parse_cursor,
    with_enumeration,
    with_finished_enumeration,
    with_place,
    with_set_aside,
    without_sweep,
)

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
OVERLAP = timedelta(minutes=5)
INVOICE, MEMO = Kind.INVOICE, Kind.CREDIT_MEMO


def finished(cursor: QuickBooksCursor, *, begun: datetime = NOON, careful: bool = False) -> QuickBooksCursor:
    """The cursor after both kinds were read to their end, from `begun` on."""
    reading = with_enumeration(cursor, (INVOICE, MEMO), begun=begun, careful=careful)
    return with_finished_enumeration(with_place(with_place(reading, INVOICE, None), MEMO, None), OVERLAP)


def test_a_cursor_is_read_back_as_it_was_and_nothing_means_the_beginning() -> None:
    cursor = with_enumeration(QuickBooksCursor(watermark=NOON, home_currency="USD"), ALL_KINDS, begun=NOON, sweep=True)

    assert cursor == parse_cursor(format_cursor(cursor))
    assert QuickBooksCursor() == parse_cursor(None)
    assert [True, False] == [each.is_first_load for each in (parse_cursor(None), cursor)]


def test_equal_cursors_are_equal_texts_whatever_the_order_in_which_they_came_about() -> None:
    one = QuickBooksCursor(set_aside={INVOICE: ("1",), MEMO: ("2",)})
    other = QuickBooksCursor(set_aside={MEMO: ("2",), INVOICE: ("1",)})

    assert format_cursor(one) == format_cursor(other)


def test_a_reading_begins_where_it_is_told_to_and_compares_ids_only_when_asked() -> None:
    whole = with_enumeration(QuickBooksCursor(), (INVOICE, MEMO), begun=NOON, sweep=True).enumeration
    part = with_enumeration(QuickBooksCursor(), (MEMO,), begun=NOON, since=NOON, careful=True).enumeration

    assert whole is not None
    assert part is not None
    assert ({INVOICE: Place(None), MEMO: Place(None)}, (INVOICE, MEMO), False) == (
        whole.places,
        whole.sweeps,
        whole.careful,
    )
    assert ({MEMO: Place(NOON)}, (), True) == (part.places, part.sweeps, part.careful)


def test_a_kind_goes_on_where_its_page_ended_before_the_others_and_is_done_at_its_end() -> None:
    cursor = with_enumeration(QuickBooksCursor(), (INVOICE, MEMO), begun=NOON)
    moved = with_place(cursor, MEMO, Place(NOON)).enumeration
    done = with_place(cursor, MEMO, None).enumeration

    assert moved is not None
    assert done is not None
    assert [(MEMO, Place(NOON)), (INVOICE, Place(None))] == list(moved.places.items())
    assert {INVOICE: Place(None)} == done.places


def test_each_comparison_of_ids_is_done_once() -> None:
    cursor = with_enumeration(QuickBooksCursor(), (INVOICE, MEMO), begun=NOON, sweep=True)
    rest = without_sweep(cursor, INVOICE).enumeration

    assert rest is not None
    assert (MEMO,) == rest.sweeps


def test_the_first_load_is_followed_from_a_little_before_its_start() -> None:
    done = finished(QuickBooksCursor())

    assert (NOON - OVERLAP, NOON, NOON - OVERLAP) == (done.watermark, done.complete_at, done.customers_since)
    assert done.enumeration is None


def test_a_later_reading_moves_the_watermark_forward_and_leaves_the_customers_to_their_own_beat() -> None:
    before = QuickBooksCursor(watermark=NOON, complete_at=NOON, customers_since=NOON)
    later = NOON + timedelta(hours=1)
    done = finished(before, begun=later)

    assert (later - OVERLAP, later, NOON) == (done.watermark, done.complete_at, done.customers_since)


@pytest.mark.parametrize("begun", [NOON, NOON + OVERLAP, NOON - timedelta(days=1)])
def test_the_watermark_never_goes_back(begun: datetime) -> None:
    before = QuickBooksCursor(watermark=NOON, complete_at=NOON)

    assert before == finished(before, begun=begun)


def test_a_careful_reading_of_a_few_kinds_moves_nothing_for_the_others() -> None:
    before = QuickBooksCursor(watermark=NOON, complete_at=NOON)

    assert before == finished(before, begun=NOON + timedelta(hours=1), careful=True)


def test_a_reading_that_is_not_over_is_not_finished() -> None:
    started = with_enumeration(QuickBooksCursor(), (INVOICE,), begun=NOON, sweep=True)
    with pytest.raises(AssertionError):
        with_finished_enumeration(started, OVERLAP)
    with pytest.raises(AssertionError):
        with_finished_enumeration(with_place(started, INVOICE, None), OVERLAP)


def test_what_cannot_be_understood_is_remembered_until_it_can() -> None:
    empty = QuickBooksCursor()
    bad = with_set_aside(empty, INVOICE, bad=["9", "7"], good=[])
    more = with_set_aside(bad, MEMO, bad=["1"], good=["9"])
    better = with_set_aside(more, INVOICE, bad=[], good=["9"])
    good = with_set_aside(better, INVOICE, bad=[], good=["7"])

    assert {INVOICE: ("7", "9")} == bad.set_aside
    assert {INVOICE: ("7", "9"), MEMO: ("1",)} == more.set_aside
    assert {INVOICE: ("7",), MEMO: ("1",)} == better.set_aside
    assert {MEMO: ("1",)} == good.set_aside


def test_a_record_that_is_bad_again_stays_set_aside_and_nothing_new_is_the_same_cursor() -> None:
    bad = with_set_aside(QuickBooksCursor(), INVOICE, bad=["9"], good=[])

    assert {INVOICE: ("9",)} == with_set_aside(bad, INVOICE, bad=["9"], good=["9"]).set_aside
    assert with_set_aside(bad, INVOICE, bad=[], good=["5"]) is bad
    assert with_set_aside(bad, MEMO, bad=[], good=["9"]) is bad


def test_a_flood_of_bad_records_does_not_make_the_cursor_large() -> None:
    flood = with_set_aside(QuickBooksCursor(), INVOICE, bad=[f"{number:04}" for number in range(100)], good=[])

    assert tuple(f"{number:04}" for number in range(40)) == flood.set_aside[INVOICE]
