"""Laws of matching: every row and line is in one place, the order of arrival does not matter, pairs are exact."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.model import History, Kind, LineTarget, Method, Payment, PaymentLine, RecordKey, System, Version
from sync.rules.desk import Funding, Line, Pair, Row
from sync.rules.matching import match
from tests.books import noon

_DAYS = st.integers(0, 5).map(lambda days: date(2026, 3, 1) + timedelta(days=days))
_AMOUNTS = st.sampled_from([100, 200, 300, 500, 600])


def _history(system: System, identifier: str, payment: Payment) -> History:
    key = RecordKey(system, Kind.PAYMENT, identifier)
    return History(
        (
            Version(
                key=key,
                sequence=1,
                content=payment,
                observed_at=noon("2026-03-10"),
                absent_before=None,
                modified_at=None,
                sha256="",
                run_id="",
            ),
        )
    )


def row(
    identifier: str, minor: int, *, method: Method = Method.NONE, on: date = date(2026, 3, 1), reference: str = ""
) -> Row:
    """A BigTime row."""
    payment = Payment(
        client_id="301",
        payment_id=identifier,
        currency="USD",
        total_minor=minor,
        lines=(PaymentLine(LineTarget.INVOICE, "101", minor),),
        paid_on=on,
        method=method,
        reference=reference,
    )
    return Row(history=_history(System.BIGTIME, identifier, payment), payment=payment, amount_minor=minor)


def line(
    identifier: str, minor: int, *, funding: Funding = Funding.CREDIT, on: date = date(2026, 3, 1), reference: str = ""
) -> Line:
    """A QuickBooks application."""
    payment = Payment(
        client_id="12",
        payment_id=identifier,
        currency="USD",
        total_minor=minor,
        lines=(PaymentLine(LineTarget.INVOICE, "q101", minor),),
        paid_on=on,
        reference=reference,
    )
    return Line(
        history=_history(System.QUICKBOOKS, identifier, payment),
        payment=payment,
        invoice_id="q101",
        amount_minor=minor,
        funding=funding,
    )


@st.composite
def _sides(draw: st.DrawFn) -> tuple[list[Row], list[Line]]:
    methods = st.sampled_from([Method.ACCOUNT_CREDIT, Method.MONEY, Method.NONE])
    rows = [
        row(f"r{index}", draw(_AMOUNTS) * draw(st.sampled_from([1, 1, 1, -1])), method=draw(methods), on=draw(_DAYS))
        for index in range(draw(st.integers(0, 6)))
    ]
    lines = [
        line(f"l{index}", draw(_AMOUNTS), funding=draw(st.sampled_from(list(Funding))), on=draw(_DAYS))
        for index in range(draw(st.integers(0, 6)))
    ]
    return rows, lines


@given(_sides())
def test_nothing_is_lost_and_nothing_is_used_twice(sides: tuple[list[Row], list[Line]]) -> None:
    rows, lines = sides

    result = match(rows, lines)

    used_rows = [row for pair in result.pairs for row in pair.rows] + list(result.rows)
    used_lines = [line for pair in result.pairs for line in pair.lines] + list(result.lines)
    assert Counter(row.history.key for row in rows) == Counter(row.history.key for row in used_rows)
    assert Counter(line.history.key for line in lines) == Counter(line.history.key for line in used_lines)


@given(_sides())
def test_every_pair_adds_up_to_the_last_cent(sides: tuple[list[Row], list[Line]]) -> None:
    for pair in match(*sides).pairs:
        assert sum(row.amount_minor for row in pair.rows) == sum(line.amount_minor for line in pair.lines)


@given(_sides(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(sides: tuple[list[Row], list[Line]], random: object) -> None:
    rows, lines = sides
    expected = match(rows, lines)
    shuffled_rows, shuffled_lines = rows[:], lines[:]
    random.shuffle(shuffled_rows)  # type: ignore[attr-defined]
    random.shuffle(shuffled_lines)  # type: ignore[attr-defined]

    assert match(shuffled_rows, shuffled_lines) == expected


@given(_sides())
def test_a_client_credit_is_never_paired_with_cash(sides: tuple[list[Row], list[Line]]) -> None:
    for pair in match(*sides).pairs:
        if pair.lines and any(row.payment.method is Method.ACCOUNT_CREDIT for row in pair.rows):
            assert all(line.funding is not Funding.CASH for line in pair.lines)


@given(_sides())
def test_as_many_equal_amounts_as_possible_find_each_other(sides: tuple[list[Row], list[Line]]) -> None:
    rows = [row for row in sides[0] if row.amount_minor > 0 and row.payment.method is Method.NONE]

    result = match(rows, sides[1])

    left = Counter(row.amount_minor for row in result.rows) & Counter(line.amount_minor for line in result.lines)
    assert not left


def test_the_same_reference_beats_the_nearer_day() -> None:
    near, right = row("r1", 100, on=date(2026, 3, 1)), row("r2", 100, on=date(2026, 3, 5), reference="4711")

    result = match([near, right], [line("l1", 100, on=date(2026, 3, 1), reference="4711")])

    assert result.rows == (near,)


def test_two_empty_references_do_not_match_each_other() -> None:
    far, near = row("r1", 100, on=date(2026, 3, 9)), row("r2", 100, on=date(2026, 3, 2))

    result = match([far, near], [line("l1", 100)])

    assert result.rows == (far,)


def test_the_pushed_back_payment_is_preferred_to_the_client_credit() -> None:
    credit, pushed = row("r1", 100, method=Method.ACCOUNT_CREDIT), row("r2", 100, on=date(2026, 3, 4))

    assert match([credit, pushed], [line("l1", 100)]).rows == (credit,)


def test_a_sum_that_can_be_reached_in_two_ways_is_left_alone() -> None:
    lines = [line(f"l{index}", 100) for index in range(3)]

    assert match([row("r1", 200)], lines).pairs == ()


def names(pairs: Sequence[Pair]) -> list[str]:
    """Each pair as "rows = lines", by their ids."""
    return [
        f"{'+'.join(row.history.key.id for row in pair.rows)} = {'+'.join(line.history.key.id for line in pair.lines)}"
        for pair in pairs
    ]


DAY = date(2026, 3, 10)


def days(count: int) -> date:
    return DAY + timedelta(days=count)


def test_a_reversal_takes_back_the_payment_of_its_own_id_first() -> None:
    rows = [row("a", 100, on=days(3)), row("b", 100, on=days(0)), row("x", -100, on=days(3))]
    rows[2] = Row(
        history=rows[2].history,
        payment=msgspec.structs.replace(rows[2].payment, payment_id="b"),
        amount_minor=rows[2].amount_minor,
    )

    assert ["b+x = "] == names(match(rows, []).pairs)


def test_a_reversal_takes_back_a_payment_of_its_own_type_before_a_nearer_one() -> None:
    rows = [
        row("a", 100, on=days(3), method=Method.MONEY),
        row("b", 100, on=days(0), method=Method.CREDIT_MEMO),
        row("x", -100, on=days(3), method=Method.CREDIT_MEMO),
    ]

    assert ["b+x = "] == names(match(rows, []).pairs)


def test_a_reversal_takes_back_what_was_there_before_it_and_of_that_the_nearest() -> None:
    rows = [
        row("a", 100, on=days(-9)),
        row("b", 100, on=days(-2)),
        row("c", 100, on=days(1)),
        row("x", -100, on=days(0)),
    ]

    assert ["b+x = "] == names(match(rows, []).pairs)


def test_a_reversal_on_the_day_of_its_payment_is_one() -> None:
    rows = [row("a", 100, on=days(-9)), row("b", 100, on=days(0)), row("x", -100, on=days(0))]

    assert ["b+x = "] == names(match(rows, []).pairs)


def test_each_reversal_takes_back_one_payment() -> None:
    rows = [row("a", 100), row("b", 100), row("x", -100)]
    result = match(rows, [line("l", 100)])

    assert ["a+x = ", "b = l"] == names(result.pairs)
    assert ((), ()) == (result.rows, result.lines)


def test_a_reversal_of_nothing_stays_alone() -> None:
    assert ["x"] == [each.history.key.id for each in match([row("a", 99), row("x", -100)], [line("l", 99)]).rows]


def test_a_row_of_nothing_is_no_reversal() -> None:
    assert [] == names(match([row("a", 0), row("b", 0)], []).pairs)


@pytest.mark.parametrize(
    ("funding", "better", "worse"),
    [
        (Funding.CASH, Method.MONEY, Method.NONE),
        (Funding.CASH, Method.MONEY, Method.UNKNOWN),
        (Funding.CASH, Method.NONE, Method.CREDIT_MEMO),
        (Funding.CASH, Method.UNKNOWN, Method.CREDIT_MEMO),
        (Funding.CREDIT, Method.CREDIT_MEMO, Method.NONE),
        (Funding.CREDIT, Method.CREDIT_MEMO, Method.UNKNOWN),
        (Funding.CREDIT, Method.NONE, Method.MONEY),
        (Funding.CREDIT, Method.UNKNOWN, Method.MONEY),
        (Funding.CREDIT, Method.MONEY, Method.ACCOUNT_CREDIT),
        (Funding.MIXED, Method.CREDIT_MEMO, Method.MONEY),
    ],
)
def test_money_is_found_under_money_and_a_credit_under_a_credits_name(
    funding: Funding, better: Method, worse: Method
) -> None:
    rows = [row("z", 100, method=better, on=days(4)), row("a", 100, method=worse, on=days(0))]

    assert ["z = l"] == names(match(rows, [line("l", 100, funding=funding, on=days(0))]).pairs)


def test_of_the_same_kind_the_nearer_day_counts_and_a_row_without_a_day_comes_last() -> None:
    far, near = row("a", 100, on=days(5)), row("z", 100, on=days(1))
    undated = Row(
        history=near.history,
        payment=msgspec.structs.replace(near.payment, paid_on=None, applied_on=None),
        amount_minor=100,
    )

    assert ["z = l"] == names(match([far, near], [line("l", 100, on=days(0))]).pairs)
    assert ["a = l"] == names(match([far, undated], [line("l", 100, on=days(0))]).pairs)


def test_one_payment_may_be_the_push_of_several_credits_and_several_payments_parts_of_one() -> None:
    assert ["r = a+b"] == names(match([row("r", 300)], [line("a", 100), line("b", 200)]).pairs)
    assert ["a+b = l"] == names(match([row("a", 100), row("b", 200)], [line("l", 300)]).pairs)


def test_four_parts_are_a_sum_and_five_are_chance() -> None:
    amounts = [1, 2, 4, 8, 16]
    parts = [row(f"r{minor}", minor) for minor in amounts]

    assert ["r1+r2+r4+r8 = l"] == names(match(parts[:4], [line("l", 15)]).pairs)
    assert [] == names(match(parts, [line("l", 31)]).pairs)


def test_among_more_than_twelve_no_sum_is_looked_for() -> None:
    parts = [row(f"r{place:02}", 1000 + 2**place) for place in range(13)]

    assert 1 == len(match(parts[:12], [line("l", 2003)]).pairs)
    assert [] == names(match(parts, [line("l", 2003)]).pairs)


def test_a_client_credit_of_another_week_is_no_part_of_a_push_and_none_is_a_sum_of_money() -> None:
    credit = row("a", 100, method=Method.ACCOUNT_CREDIT)

    assert ["a+b = l"] == names(match([credit, row("b", 200)], [line("l", 300)]).pairs)
    late = row("a", 100, method=Method.ACCOUNT_CREDIT, on=date(2026, 3, 20))
    assert [] == names(match([late, row("b", 200)], [line("l", 300)]).pairs)
    cash = [line("l1", 40, funding=Funding.CASH), line("l2", 60, funding=Funding.CASH)]
    assert [] == names(match([credit], cash).pairs)
    assert ["a = l1+l2"] == names(match([credit], [line("l1", 40), line("l2", 60)]).pairs)


def test_what_a_sum_has_used_is_used() -> None:
    lines = [line("a", 100), line("b", 200)]
    result = match([row("r", 300, on=days(0)), row("s", 300, on=days(1))], lines)

    assert ["r = a+b"] == names(result.pairs)
    assert (["s"], []) == (
        [each.history.key.id for each in result.rows],
        [each.history.key.id for each in result.lines],
    )


def test_parts_that_a_first_application_has_used_are_not_there_for_the_next() -> None:
    rows = [row("a", 100), row("b", 200)]
    result = match(rows, [line("l", 300, on=days(0)), line("m", 300, on=days(1))])

    assert ["a+b = l"] == names(result.pairs)
    assert ["m"] == [each.history.key.id for each in result.lines]


def test_a_negative_line_is_never_the_sum_of_anything() -> None:
    assert [] == names(match([row("a", -100), row("b", -200)], [line("l", -300)]).pairs)


def test_a_reversal_of_nothing_does_not_hide_the_next_one() -> None:
    matching = match([row("a", -400), row("b", 300), row("c", -300)], [])

    assert [["b", "c"]] == [sorted(each.history.key.id for each in pair.rows) for pair in matching.pairs]
    assert ["a"] == [each.history.key.id for each in matching.rows]
