"""The months of BigTime: none is forgotten, what is due is read first, and a call never asks for more than it may."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from sync.pulling.spans import (
    Days,
    covers,
    due_months,
    halves,
    horizon,
    hot_from,
    is_a_limit,
    joined,
    plan_spans,
    row_budget,
)
from sync.pulling.windows import (
    HORIZON_DAYS,
    MARGIN_DAYS,
    Feed,
    Window,
    decode_cursor,
    encode_cursor,
    first_day,
    last_day,
    month_of,
    new_cursor,
)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
JANUARY, FEBRUARY, MARCH = (month_of(date(2026, month, 1)) for month in (1, 2, 3))


def hours(count: float) -> datetime:
    return NOON - timedelta(hours=count)


def feed_of(*windows: Window, start: int = JANUARY, **more: object) -> Feed:
    return Feed(start=start, windows=windows, **more)  # type: ignore[arg-type]


def read(ago: float, rows: int | None = 10) -> Window:
    return Window(rows=rows, read_at=hours(ago), shown_at=hours(ago))


def test_months_have_their_days() -> None:
    assert (date(2026, 2, 1), date(2026, 2, 28)) == (first_day(FEBRUARY), last_day(FEBRUARY))
    assert (date(2025, 12, 1), date(2025, 12, 31)) == (first_day(JANUARY - 1), last_day(JANUARY - 1))
    assert [JANUARY, JANUARY, FEBRUARY] == [
        month_of(date(2026, 1, 1)),
        month_of(date(2026, 1, 31)),
        month_of(date(2026, 2, 1)),
    ]


def test_a_feed_knows_its_months_and_whether_all_were_read() -> None:
    feed = feed_of(read(3), read(9), read(1))

    assert (MARCH, [JANUARY, FEBRUARY, MARCH]) == (feed.end, list(feed.months))
    assert (hours(9), True) == (feed.oldest_read_at, feed.is_read)
    unread = feed_of(read(3), Window(), read(1))
    assert (None, False) == (unread.oldest_read_at, unread.is_read)


def test_a_later_month_belongs_to_the_last_window() -> None:
    feed = feed_of(read(3), read(9))

    assert [feed.windows[0], feed.windows[1], feed.windows[1]] == [
        feed.window(each) for each in (JANUARY, FEBRUARY, MARCH)
    ]


def test_what_was_read_is_marked_with_its_rows_and_something_missing_keeps_the_older_sight() -> None:
    feed = feed_of(read(9), read(9), Window(rows=3, read_at=hours(9), shown_at=hours(9), is_due=True))
    done = feed.after_reading([JANUARY, MARCH], NOON, rows={JANUARY: 7}, incomplete=frozenset({MARCH}))

    assert (
        Window(rows=7, read_at=NOON, shown_at=NOON),
        feed.windows[1],
        Window(rows=0, read_at=NOON, shown_at=hours(9)),
    ) == done.windows


def test_only_months_of_the_feed_that_were_read_before_are_marked_as_due() -> None:
    feed = feed_of(read(9), read(3), Window())
    marked = feed.with_due([JANUARY - 1, JANUARY, FEBRUARY, MARCH, MARCH + 1], read_before=hours(5))

    assert [True, False, True] == [window.is_due for window in marked.windows]
    assert [True, True, False] == [window.is_due for window in feed.with_due([JANUARY, FEBRUARY]).windows]
    assert [False, False, False] == [window.is_due for window in feed.with_due([JANUARY], read_before=hours(9)).windows]


def test_a_record_was_absent_when_the_oldest_of_its_months_was_read() -> None:
    feed = feed_of(read(9), read(3), read(1))
    days = [date(2026, 2, 5), None, date(2026, 3, 5)]

    assert hours(3) == feed.absent_bound(days) == feed.shown_bound(days)
    assert hours(1) == feed.absent_bound([date(2026, 7, 1)])
    assert hours(9) == feed.absent_bound([None])
    assert feed.absent_bound([date(2025, 12, 31)]) is None
    for vague in ({"foreign_dates": True}, {"has_all_dates": False}):
        assert hours(9) == feed_of(*feed.windows, **vague).absent_bound(days)


def test_a_month_that_was_never_shown_whole_says_nothing() -> None:
    feed = feed_of(Window(rows=1, read_at=hours(1), shown_at=None), read(3))

    assert feed.shown_bound([date(2026, 1, 5)]) is None
    assert hours(1) == feed.absent_bound([date(2026, 1, 5)])
    assert feed.shown_bound([date(2026, 1, 5), date(2026, 2, 5)]) is None


def test_new_months_before_were_never_read_and_new_ones_after_were_part_of_the_last_window() -> None:
    feed = feed_of(read(9), read(3))
    longer = feed.extended(JANUARY - 1, MARCH)

    assert (JANUARY - 1, MARCH) == (longer.start, longer.end)
    assert (
        Window(),
        feed.windows[0],
        feed.windows[1],
        msgspec.structs.replace(feed.windows[1], rows=0),
    ) == longer.windows
    assert [MARCH] == list(feed.extended(MARCH, JANUARY).months)
    assert (Window(),) * 3 == feed_of(read(9), Window()).extended(FEBRUARY, MARCH + 1).windows


def test_a_month_that_the_last_read_did_not_reach_was_never_read() -> None:
    feed = feed_of(read(0))
    reached = NOON.date() + timedelta(days=HORIZON_DAYS - 1)
    last = month_of(reached) if last_day(month_of(reached)) <= reached else month_of(reached) - 1
    longer = feed.extended(JANUARY, last + 1)

    assert [NOON, None] == [window.read_at for window in longer.windows[-2:]]


def test_a_firm_of_which_nothing_was_read_has_all_its_months_before_it() -> None:
    cursor = new_cursor(JANUARY, MARCH)

    assert [JANUARY, FEBRUARY, MARCH] == list(cursor.invoices.months) == list(cursor.payments.months)
    assert (False, True) == (cursor.invoices.has_all_dates, cursor.payments.has_all_dates)
    assert [MARCH] == list(new_cursor(MARCH, JANUARY).payments.months)
    assert cursor == decode_cursor(encode_cursor(cursor))


def test_a_month_is_due_when_it_was_never_read_is_marked_or_was_read_too_long_ago() -> None:
    marked = msgspec.structs.replace(read(1), is_due=True)
    feed = feed_of(read(21.5), read(21.7), Window(), marked)

    assert {FEBRUARY, MARCH, MARCH + 1} == due_months(feed, now=NOON, reread_hours=24)
    assert {MARCH, MARCH + 1} == due_months(feed, now=NOON, reread_hours=25)


@pytest.mark.parametrize(("cap", "budget"), [(None, 5000), (1000, 700), (100_000, 5000), (1, 1)])
def test_a_call_asks_for_less_than_the_list_gives_at_most(cap: int | None, budget: int) -> None:
    assert budget == row_budget(feed_of(Window(), cap_rows=cap))


@pytest.mark.parametrize(("rows", "budget"), [(300, 210), (305, 210), (306, 5000)])
def test_a_call_keeps_away_from_a_doubtful_length_until_the_list_is_longer(rows: int, budget: int) -> None:
    assert budget == row_budget(feed_of(read(1, rows - 200), read(1, 200), Window(), doubtful_rows=300))
    assert 70 == row_budget(feed_of(read(1, rows), cap_rows=100, doubtful_rows=300))


def test_every_cycle_reads_this_month_and_the_last() -> None:
    feed = feed_of(*(read(1, 1000) for _ in range(12)), start=JANUARY - 9)

    assert MARCH - 1 == hot_from(feed, today=date(2026, 3, 10), open_months=())
    assert feed.end == hot_from(feed, today=date(2027, 1, 10), open_months=())
    assert feed.start == hot_from(feed, today=date(2020, 1, 10), open_months=())


def test_open_invoices_keep_a_month_hot_as_far_as_rows_allow() -> None:
    feed = feed_of(*(read(1, 1000) for _ in range(12)), start=JANUARY - 9)
    today = date(2026, 3, 10)

    assert MARCH - 4 == hot_from(feed, today=today, open_months=(MARCH - 4,))
    assert MARCH - 1 == hot_from(feed, today=today, open_months=(MARCH - 5,))
    assert MARCH - 3 == hot_from(feed, today=today, open_months=(MARCH - 2, MARCH - 3, MARCH - 9))


def test_a_list_of_a_thousand_rows_is_short_and_one_row_more_is_not() -> None:
    for rows, start in ((500, JANUARY - 1), (501, JANUARY)):
        feed = feed_of(read(1, rows), read(1, rows), start=JANUARY - 1)

        assert start == hot_from(feed, today=date(2026, 2, 10), open_months=())


def test_a_list_that_was_never_read_is_not_short() -> None:
    assert FEBRUARY == hot_from(feed_of(Window(), Window(), Window()), today=date(2026, 3, 10), open_months=())


def spans(feed: Feed, *months: int, hot: int = MARCH) -> list[tuple[int, int]]:
    planned = plan_spans(feed, months=frozenset(months), hot=hot, today=NOON.date())
    return [(span.first_month, span.last_month) for span in planned]


def test_adjoining_months_share_a_call_within_the_budget() -> None:
    light = feed_of(read(1, 2500), read(1, 2500), read(1, 2500))
    heavy = feed_of(read(1, 2501), read(1, 2500), read(1, 2500))

    assert [(FEBRUARY, MARCH), (JANUARY, JANUARY)] == spans(light, JANUARY, FEBRUARY, MARCH)
    assert [(MARCH, MARCH), (JANUARY, JANUARY)] == spans(light, JANUARY, MARCH)
    assert [(FEBRUARY, FEBRUARY), (JANUARY, JANUARY)] == sorted(spans(heavy, JANUARY, FEBRUARY), reverse=True)


def test_hot_months_are_never_parted() -> None:
    heavy = feed_of(read(1, 4000), read(1, 4000), read(1, 4000))

    assert [(JANUARY, MARCH)] == spans(heavy, JANUARY, FEBRUARY, MARCH, hot=JANUARY)


def test_the_hot_call_comes_first_and_then_what_was_read_the_longest_ago() -> None:
    feed = feed_of(read(5, 4000), read(9, 4000), read(7, 4000), read(1, 4000), start=JANUARY - 1)

    assert [(MARCH, MARCH), (JANUARY, JANUARY), (FEBRUARY, FEBRUARY), (JANUARY - 1, JANUARY - 1)] == spans(
        feed, *range(JANUARY - 1, MARCH + 1)
    )


def test_of_months_that_were_never_read_the_newest_comes_first() -> None:
    feed = feed_of(Window(rows=4000), Window(rows=4000), Window(rows=4000))

    assert [(MARCH, MARCH), (FEBRUARY, FEBRUARY), (JANUARY, JANUARY)] == spans(
        feed, JANUARY, FEBRUARY, MARCH, hot=MARCH + 1
    )


def test_unknown_months_are_read_by_the_year() -> None:
    feed = feed_of(*(Window() for _ in range(24)), start=MARCH - 23)
    planned = spans(feed, *feed.months, hot=MARCH + 1)

    assert [12, 12] == [last - first + 1 for first, last in planned]


def test_a_call_reaches_over_its_months_where_the_neighbour_is_not_read_too() -> None:
    feed = feed_of(read(1, 4000), read(1, 4000), read(1, 4000))
    margin = timedelta(days=MARGIN_DAYS)

    (middle,) = plan_spans(feed, months=frozenset({FEBRUARY}), hot=MARCH, today=NOON.date())
    newest, oldest = plan_spans(feed, months=frozenset({FEBRUARY, MARCH}), hot=MARCH, today=NOON.date())

    assert Days(date(2026, 2, 1) - margin, date(2026, 2, 28) + margin) == middle.days
    assert Days(date(2026, 3, 1), horizon(NOON.date())) == newest.days
    assert Days(date(2026, 2, 1) - margin, date(2026, 2, 28)) == oldest.days
    assert [FEBRUARY] == list(middle.months)


def test_a_number_that_somebody_would_choose_as_a_limit_is_one() -> None:
    limits = [100, 128, 150, 200, 250, 256, 300, 400, 500, 512, 750, 1000, 1024, 1500, 2000, 2500, 4096, 5000]

    assert limits == [rows for rows in range(5001) if is_a_limit(rows) and rows in limits]
    assert [] == [rows for rows in (0, 1, 64, 50, 75, 99, 101, 110, 127, 129, 600, 700, 1100, 1234) if is_a_limit(rows)]


def test_a_period_is_halved_until_a_single_day_is_left() -> None:
    first, second = halves(Days(date(2026, 3, 1), date(2026, 3, 4))) or (None, None)

    assert (Days(date(2026, 3, 1), date(2026, 3, 2)), Days(date(2026, 3, 3), date(2026, 3, 4))) == (first, second)
    assert halves(Days(date(2026, 3, 1), date(2026, 3, 1))) is None


def test_periods_that_touch_are_one_and_a_day_between_keeps_them_apart() -> None:
    early = Days(date(2026, 3, 1), date(2026, 3, 4))

    assert (Days(date(2026, 3, 1), date(2026, 3, 9)),) == joined([Days(date(2026, 3, 5), date(2026, 3, 9)), early])
    assert 2 == len(joined([Days(date(2026, 3, 6), date(2026, 3, 9)), early]))
    assert (early,) == joined([early, Days(date(2026, 3, 2), date(2026, 3, 3))])


def test_a_period_is_covered_by_one_period_and_not_by_two_with_a_gap() -> None:
    march = Days(date(2026, 3, 1), date(2026, 3, 31))

    assert covers([march], march)
    assert not covers([Days(date(2026, 3, 2), date(2026, 3, 31))], march)
    assert not covers([Days(date(2026, 3, 1), date(2026, 3, 30))], march)
    assert date(2026, 3, 1) in march
    assert date(2026, 4, 1) not in march
