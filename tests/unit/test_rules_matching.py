"""Laws of matching: every row and line is in one place, the order of arrival does not matter, pairs are exact."""

from collections import Counter
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mappings.model import History, Kind, LineTarget, Method, Payment, PaymentLine, RecordKey, System, Version
from sync.rules.desk import Funding, Line, Row
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
