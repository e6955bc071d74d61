"""The cursor of the BigTime pull and the planning of its reads."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.pulling.spans import (
    Days,
    covers,
    due_months,
    halves,
    horizon,
    hot_from,
    is_suspicious,
    joined,
    plan_spans,
    row_budget,
)
from sync.pulling.windows import (
    Cursor,
    Feed,
    Window,
    decode_cursor,
    encode_cursor,
    first_day,
    last_day,
    month_of,
    new_cursor,
)

NOON = datetime(2026, 3, 10, 12, 0, 0, 123456, tzinfo=UTC)
moments = st.integers(0, 10**15).map(lambda micros: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros))
windows = st.builds(
    Window,
    rows=st.none() | st.integers(0, 10**6),
    read_at=st.none() | moments,
    shown_at=st.none() | moments,
    is_due=st.booleans(),
)


def feeds(*, has_all_dates: bool) -> st.SearchStrategy[Feed]:
    return st.builds(
        Feed,
        start=st.integers(24_000, 24_300),
        windows=st.lists(windows, min_size=1, max_size=40).map(tuple),
        has_all_dates=st.just(has_all_dates),
        largest_rows=st.integers(0, 10**5),
        cap_rows=st.none() | st.integers(1, 10**5),
        doubtful_rows=st.none() | st.integers(1, 10**5),
        foreign_dates=st.booleans(),
    )


cursors = st.builds(
    Cursor,
    invoices=feeds(has_all_dates=False),
    payments=feeds(has_all_dates=True),
    clients_read_at=st.none() | moments,
    unsettled=st.lists(st.integers(1, 10**7).map(str), max_size=20).map(tuple),
    details_started_at=st.none() | moments,
    details_after=st.none() | st.just("") | st.integers(1, 10**7).map(str),
)


def read_feed(start: date, end: date, rows: int, read_at: datetime) -> Feed:
    months = range(month_of(start), month_of(end) + 1)
    return Feed(start=months[0], windows=tuple(Window(rows, read_at, read_at) for _ in months))


@given(cursors)
def test_a_cursor_comes_back_as_it_was_or_with_older_times(cursor: Cursor) -> None:
    text = encode_cursor(cursor)
    again = decode_cursor(text)
    assert again is not None
    if again != cursor:
        assert len(text) > 2500
        for feed, known in ((again.invoices, cursor.invoices), (again.payments, cursor.payments)):
            for window, before in zip(feed.windows, known.windows, strict=True):
                assert (window.rows, window.is_due) == (before.rows, before.is_due)
                for now, then in ((window.read_at, before.read_at), (window.shown_at, before.shown_at)):
                    assert (now is None) == (then is None)
                    assert now is None or then is None or then - timedelta(days=1) < now <= then


def test_a_cursor_of_fifteen_busy_years_fits_a_cursor() -> None:
    feed = Feed(
        start=24_200,
        windows=tuple(
            Window(4321, NOON + timedelta(seconds=7 * place), NOON - timedelta(seconds=place)) for place in range(180)
        ),
        has_all_dates=False,
    )
    payments = msgspec.structs.replace(feed, has_all_dates=True)
    cursor = Cursor(invoices=feed, payments=payments, unsettled=tuple(str(9_000_000 + n) for n in range(100)))
    assert len(encode_cursor(cursor)) <= 4096


@given(st.text())
def test_text_that_is_no_cursor_means_reading_everything(text: str) -> None:
    assert decode_cursor(text) is None


def test_a_cursor_of_another_version_means_reading_everything() -> None:
    text = encode_cursor(new_cursor(24_300, 24_310))
    assert decode_cursor(text.replace('"version":1', '"version":2')) is None
    assert decode_cursor(text.replace("11,null", "10,null")) is None


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_a_month_contains_its_days(day: date) -> None:
    month = month_of(day)
    assert first_day(month) <= day <= last_day(month)
    assert last_day(month) + timedelta(days=1) == first_day(month + 1)


def test_a_new_month_was_part_of_the_last_window() -> None:
    feed = read_feed(date(2026, 1, 1), date(2026, 3, 1), 5, NOON).extended(month_of(date(2026, 1, 1)), 24_315)
    assert feed.end == 24_315
    assert NOON == feed.window(24_315).read_at


def test_a_month_beyond_the_horizon_of_the_last_read_was_never_read() -> None:
    later = month_of(date(2027, 6, 1))
    feed = read_feed(date(2026, 1, 1), date(2026, 3, 1), 5, NOON).extended(month_of(date(2026, 1, 1)), later)
    assert feed.window(later).read_at is None
    assert not feed.is_read


def test_an_earlier_start_of_history_is_read_and_a_later_one_forgotten() -> None:
    feed = read_feed(date(2026, 1, 1), date(2026, 3, 1), 5, NOON)
    earlier = feed.extended(feed.start - 2, feed.end)
    assert [earlier.window(month).read_at for month in earlier.months] == [None, None, NOON, NOON, NOON]
    assert feed.extended(feed.start + 1, feed.end).months == range(feed.start + 1, feed.end + 1)


def test_a_record_was_absent_when_the_older_of_its_months_was_read() -> None:
    start = month_of(date(2026, 1, 1))
    feed = Feed(
        start=start,
        windows=(Window(1, NOON), Window(1, NOON + timedelta(hours=1)), Window(1, NOON - timedelta(hours=2))),
    )
    assert feed.absent_bound([date(2026, 2, 5)]) == NOON + timedelta(hours=1)
    assert feed.absent_bound([date(2026, 2, 5), date(2026, 1, 5)]) == NOON
    assert feed.absent_bound([]) == NOON - timedelta(hours=2)
    assert feed.absent_bound([date(2025, 12, 31)]) is None
    foreign = msgspec.structs.replace(feed, foreign_dates=True)
    assert foreign.absent_bound([date(2026, 2, 5)]) == NOON - timedelta(hours=2)
    unknown = msgspec.structs.replace(feed, has_all_dates=False)
    assert unknown.absent_bound([date(2026, 2, 5)]) == NOON - timedelta(hours=2)


def test_nothing_is_known_of_absence_while_a_window_was_never_read() -> None:
    feed = Feed(start=24_312, windows=(Window(), Window(1, NOON)))
    assert feed.absent_bound([date(2026, 1, 5)]) is None
    assert feed.absent_bound([date(2026, 2, 5)]) == NOON


@given(
    history=st.dates(date(2015, 1, 1), date(2026, 3, 1)),
    rows=st.lists(st.integers(0, 9000), min_size=140, max_size=140),
    opened=st.sets(st.integers(0, 139), max_size=12),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_every_day_is_covered_every_month_is_reread_in_time_and_a_quiet_cycle_is_one_request(
    history: date, rows: list[int], opened: set[int], data: st.DataObject
) -> None:
    """The planning over two simulated days, for a list with any number of rows in each month."""
    feed = new_cursor(month_of(history), month_of(NOON.date())).payments
    open_months = {feed.start + place for place in opened if feed.start + place <= feed.end}
    per_month = {month: rows[month - feed.start] for month in feed.months}
    now, ends, is_first = NOON, NOON + timedelta(days=2), True
    while now < ends:
        today = now.date()
        feed = feed.extended(feed.start, max(feed.end, month_of(today)))
        hot = hot_from(feed, today=today, open_months=open_months)
        due = due_months(feed, now=now, reread_hours=24)
        months = due | frozenset(range(hot, feed.end + 1))
        spans = plan_spans(feed, months=months, hot=hot, today=today)
        assert sorted(month for span in spans for month in span.months) == sorted(months)
        assert hot <= month_of(today) - 1 or feed.start == hot
        if not due - frozenset(range(hot, feed.end + 1)):
            assert len(spans) == 1
        periods = joined(span.days for span in spans)
        for span in spans:
            assert covers(periods, Days(first_day(span.first_month), last_day(span.last_month)))
            estimated = sum(per_month.get(month, 0) for month in span.months)
            if not is_first and span.last_month < hot and len(span.months) > 1:
                assert estimated <= row_budget(feed)
        if is_first:
            assert periods == (Days(first_day(feed.start) - timedelta(days=45), horizon(today)),)
        feed = feed.after_reading(months, now, rows=per_month, incomplete=frozenset())
        for month in feed.months:
            read_at = feed.window(month).read_at
            assert read_at is not None
            assert now - read_at < timedelta(hours=24)
        is_first = False
        now += timedelta(minutes=data.draw(st.integers(5, 140)))


def test_a_request_asks_for_a_margin_where_the_next_month_is_not_read() -> None:
    feed = read_feed(date(2024, 1, 1), date(2026, 3, 1), 100, NOON)
    march_2024 = month_of(date(2024, 3, 1))
    spans = plan_spans(feed, months=frozenset({march_2024, feed.end}), hot=feed.end, today=NOON.date())
    assert [span.days for span in spans] == [
        Days(date(2026, 1, 15), date(2027, 3, 11)),
        Days(date(2024, 1, 16), date(2024, 5, 15)),
    ]


def test_the_hot_months_reach_back_to_open_invoices_as_far_as_rows_allow() -> None:
    feed = read_feed(date(2024, 1, 1), date(2026, 3, 1), 500, NOON)
    near, far = month_of(date(2025, 9, 1)), month_of(date(2024, 2, 1))
    assert hot_from(feed, today=NOON.date(), open_months={near, far}) == near
    assert hot_from(feed, today=NOON.date(), open_months={far}) == month_of(date(2026, 2, 1))


def test_a_short_list_is_read_whole_every_time() -> None:
    feed = read_feed(date(2024, 1, 1), date(2026, 3, 1), 10, NOON)
    assert hot_from(feed, today=NOON.date(), open_months=set()) == feed.start


def test_a_known_cap_makes_requests_smaller() -> None:
    feed = msgspec.structs.replace(read_feed(date(2025, 1, 1), date(2026, 3, 1), 300, NOON), cap_rows=1000)
    spans = plan_spans(feed, months=frozenset(feed.months), hot=feed.end, today=NOON.date())
    assert max(len(span.months) for span in spans) == 2


def test_round_row_counts_are_suspicious_until_a_longer_reply_was_seen() -> None:
    feed = Feed(start=24_312, windows=(Window(),))
    assert [rows for rows in (99, 100, 101, 128, 250, 499, 500, 1000, 1024, 1234) if is_suspicious(rows, feed)] == [
        100, 128, 250, 500, 1000, 1024,
    ]  # fmt: skip
    seen = msgspec.structs.replace(feed, largest_rows=1000)
    assert [rows for rows in (500, 1000, 1500) if is_suspicious(rows, seen)] == [1000, 1500]
    capped = msgspec.structs.replace(feed, cap_rows=77, largest_rows=1000)
    assert [rows for rows in (76, 77, 78) if is_suspicious(rows, capped)] == [77, 78]


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 800))
def test_halves_are_the_whole(first: date, length: int) -> None:
    days = Days(first, first + timedelta(days=length))
    parts = halves(days)
    if parts is None:
        assert length == 0
    else:
        assert (parts[0].first, parts[1].last) == (days.first, days.last)
        assert parts[0].last + timedelta(days=1) == parts[1].first
        assert joined(parts) == (days,)


periods = st.lists(
    st.tuples(st.dates(date(2020, 1, 1), date(2020, 12, 31)), st.integers(0, 60)).map(
        lambda pair: Days(pair[0], pair[0] + timedelta(days=pair[1]))
    ),
    max_size=8,
)


@given(periods, st.dates(date(2020, 1, 1), date(2021, 3, 1)))
def test_joined_periods_have_the_same_days(given_periods: list[Days], day: date) -> None:
    merged = joined(given_periods)
    assert any(day in period for period in given_periods) == covers(merged, Days(day, day))
    assert all(one.last + timedelta(days=1) < other.first for one, other in pairwise(merged))
