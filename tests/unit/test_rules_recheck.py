"""A result says itself when time alone will change it: the next moment, never an earlier or a later one."""

from datetime import UTC, date, datetime, timedelta

import msgspec

from mappings.model import Invoice, Method, Payment
from sync.rules.evaluate import evaluate_book
from tests.books import BookOf, moment, noon

# A bookkeeping day of New York ends at 5 o'clock by Greenwich in winter, at 4 in summer.


def end_of(day: str) -> datetime:
    """The first instant after a bookkeeping day, in summer."""
    return datetime.combine(date.fromisoformat(day) + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=4)


def quiet() -> BookOf:
    """A posted invoice, and nothing to say."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    return book


def test_nothing_that_time_changes_is_looked_at_again_never() -> None:
    assert quiet().evaluate("2026-04-01").recheck_at is None


def test_a_payment_on_its_way_is_looked_at_when_grace_ends() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.payment("9", invoices={"q101": "300"}, on="2026-04-01", cash="300")

    assert noon("2026-04-02") == book.evaluate("2026-04-01").recheck_at
    assert book.evaluate("2026-04-02").recheck_at is None


def test_an_open_credit_is_looked_at_when_it_turns_stale_and_at_every_step_of_its_age() -> None:
    book = quiet()
    book.memo("7", "300", "300", on="2026-04-01")

    assert end_of("2026-05-01") == book.evaluate("2026-04-02").recheck_at
    steps = [("2026-05-02", "2026-05-31"), ("2026-06-01", "2026-06-30"), ("2026-07-01", "2026-09-28")]
    for day, until in [*steps, ("2026-09-29", "2027-04-01")]:
        assert end_of(until) == book.evaluate(day).recheck_at
    assert book.evaluate("2027-04-02").recheck_at is None


def test_an_open_credit_is_stale_on_the_day_after_the_thirtieth() -> None:
    book = quiet()
    book.memo("7", "300", "300", on="2026-04-01")

    told = {
        day: [(each.code, each.severity) for each in book.evaluate(day).findings]
        for day in ("2026-05-01", "2026-05-02")
    }

    assert [("C2", "S4")] == told["2026-05-01"]
    assert [("F5", "S3"), ("C2", "S4")] == told["2026-05-02"]


def test_a_credit_that_is_used_up_turns_neither_stale_nor_unclaimed() -> None:
    book = BookOf()
    book.twins("101", "300", open_in_quickbooks="0")
    book.memo("7", "300", "0", on="2026-04-01")
    book.payment("9", invoices={"q101": "300"}, memos={"7": "300"}, on="2026-04-01")
    book.row("p1", "101", "300", method=Method.CREDIT_MEMO, on="2026-04-01")

    assert book.evaluate("2026-04-03").recheck_at is None


def test_an_unpaid_invoice_is_looked_at_when_it_becomes_overdue_and_a_paid_one_is_not() -> None:
    for balance, expected in (("1000", end_of("2026-04-20")), ("0", None)):
        book = quiet()
        key = book.quickbooks_invoice("q101", "1000", balance, number="INV-101", seen="2026-03-02")
        content = book.versions[key][-1].content
        assert isinstance(content, Invoice)
        book.put(key, msgspec.structs.replace(content, due_on=date(2026, 4, 20)), "2026-03-03")

        assert expected == book.evaluate("2026-04-02").recheck_at


def test_figures_that_have_just_moved_are_looked_at_when_they_have_settled() -> None:
    book = quiet()
    book.bigtime_invoice("101", "1000", balance="900", seen="2026-04-01")

    assert noon("2026-04-02") == book.evaluate("2026-04-01").recheck_at


def test_the_next_of_several_moments_counts() -> None:
    book = quiet()
    book.memo("7", "300", "300", on="2026-03-05")
    book.payment("9", invoices={"q101": "300"}, on="2026-04-01", cash="300")

    assert noon("2026-04-02") == book.evaluate("2026-04-01").recheck_at
    assert end_of("2026-04-04") == book.evaluate("2026-04-02").recheck_at


def test_what_waits_for_quickbooks_is_looked_at_with_every_run() -> None:
    book = quiet()
    book.row("p1", "101", "300", method=Method.MONEY, on="2026-03-05", seen="2026-03-30")
    now = moment("2026-04-01")

    for read_at, again in ((noon("2026-03-29"), now.now), (noon("2026-03-30"), None)):
        since = msgspec.structs.replace(now, quickbooks_read_at=read_at)
        assert again == evaluate_book(book.book(), since).recheck_at


def test_a_cent_that_is_left_of_a_credit_is_looked_at_like_any_other() -> None:
    book = quiet()
    book.memo("7", "300", "0.01", on="2026-04-01")

    assert end_of("2026-05-01") == book.evaluate("2026-04-02").recheck_at


def test_the_moment_at_which_a_credit_turned_stale_is_over_when_it_is_there() -> None:
    book = quiet()
    book.memo("7", "300", "300", on="2026-04-01")
    due = end_of("2026-05-01")

    at_midnight = evaluate_book(book.book(), msgspec.structs.replace(moment(), now=due))
    just_before = evaluate_book(book.book(), msgspec.structs.replace(moment(), now=due - timedelta(microseconds=1)))

    assert "F5" in {each.code for each in at_midnight.findings}
    assert end_of("2026-05-31") == at_midnight.recheck_at
    assert "F5" not in {each.code for each in just_before.findings}
    assert due == just_before.recheck_at


def test_grace_counts_from_quickbooks_own_stamp_and_without_one_from_when_we_saw_it() -> None:
    """A payment of 30 March that we read two days later."""
    for stamp, expected in ((noon("2026-03-30"), None), (None, noon("2026-04-02"))):
        book = BookOf()
        book.twins("101", "1000", open_in_quickbooks="700")
        key = book.payment("9", invoices={"q101": "300"}, on="2026-03-30", cash="300")
        content = book.versions.pop(key)[-1].content
        assert isinstance(content, Payment)
        book.put(key, msgspec.structs.replace(content, modified_at=stamp), "2026-04-01")

        assert expected == book.evaluate("2026-04-01").recheck_at
