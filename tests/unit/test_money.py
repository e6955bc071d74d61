"""Amounts: exact, in one currency, never guessed at."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.money import LARGEST_MINOR, Money, format_amount, minor_digits, minor_from_decimal, minor_from_text, total
from mappings.problems import Problem

_CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "KWD", "CLF"])
_MINOR = st.integers(min_value=-LARGEST_MINOR, max_value=LARGEST_MINOR)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def test_amounts_of_one_currency_add_up_and_take_away() -> None:
    assert usd(350) == usd(300) + usd(50)
    assert usd(250) == usd(300) - usd(50)
    assert usd(-300) == -usd(300)
    assert [usd(300), usd(300)] == [abs(usd(-300)), abs(usd(300))]


def test_amounts_of_one_currency_have_an_order_and_equal_ones_are_neither_more_nor_less() -> None:
    assert [True, False, False] == [usd(1) < usd(other) for other in (2, 1, 0)]
    assert [True, True, False] == [usd(1) <= usd(other) for other in (2, 1, 0)]
    assert [False, False, True] == [usd(1) > usd(other) for other in (2, 1, 0)]
    assert [False, True, True] == [usd(1) >= usd(other) for other in (2, 1, 0)]


@pytest.mark.parametrize("meet", [Money.__add__, Money.__sub__, Money.__lt__, Money.__le__, Money.__gt__, Money.__ge__])
def test_dollars_and_yen_never_meet(meet: object) -> None:
    with pytest.raises(ValueError, match="USD and JPY do not add up"):
        meet(usd(1), Money(1, "JPY"))  # type: ignore[operator]


def test_an_amount_is_not_true_or_false() -> None:
    for amount in (usd(0), usd(1)):
        with pytest.raises(TypeError, match="is_zero"):
            bool(amount)


def test_zero_is_neither_something_nor_less_than_nothing() -> None:
    assert [(False, True), (True, False), (False, False)] == [
        (each.is_zero, each.is_negative) for each in map(usd, (-1, 0, 1))
    ]


def test_the_sum_of_nothing_is_nothing_of_that_currency() -> None:
    assert Money(0, "JPY") == total([], "JPY")
    assert usd(600) == total([usd(100), usd(200), usd(300)], "USD")


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (-20000, "USD", "-200.00"),
        (5, "USD", "0.05"),
        (-5, "USD", "-0.05"),
        (0, "USD", "0.00"),
        (100, "USD", "1.00"),
        (1500, "JPY", "1500"),
        (0, "JPY", "0"),
        (-7, "JPY", "-7"),
        (125, "KWD", "0.125"),
        (-1125, "KWD", "-1.125"),
        (12345, "CLF", "1.2345"),
        (9, "UYW", "0.0009"),
    ],
)
def test_an_amount_is_written_with_exactly_the_digits_of_its_currency(minor: int, currency: str, text: str) -> None:
    assert text == format_amount(minor, currency)
    assert f"{text} {currency}" == str(Money(minor, currency))


def test_a_currency_that_says_nothing_else_has_two_digits() -> None:
    assert {"USD": 2, "XYZ": 2, "ISK": 0, "BHD": 3, "CLF": 4} == {
        each: minor_digits(each) for each in ("USD", "XYZ", "ISK", "BHD", "CLF")
    }


@given(_MINOR, _CURRENCIES)
def test_what_is_written_is_read_back_the_same(minor: int, currency: str) -> None:
    assert minor == minor_from_text(format_amount(minor, currency), currency)


@given(_MINOR, _CURRENCIES)
def test_a_decimal_of_whole_units_is_exact(minor: int, currency: str) -> None:
    assert minor == minor_from_decimal(Decimal(minor).scaleb(-minor_digits(currency)), currency)


def test_the_noise_of_floating_point_is_dropped_and_more_than_noise_is_refused() -> None:
    assert 30 == minor_from_decimal(Decimal("0.30000000000000004"), "USD")
    assert 30 == minor_from_decimal(Decimal("0.29999999999999998"), "USD")
    assert 30 == minor_from_decimal(Decimal("0.300001"), "USD")
    assert isinstance(minor_from_decimal(Decimal("0.3000011"), "USD"), Problem)
    assert isinstance(minor_from_decimal(Decimal("0.305"), "USD"), Problem)
    assert isinstance(minor_from_decimal(Decimal("1.5"), "JPY"), Problem)


def test_the_largest_amount_that_both_databases_hold_is_taken_and_the_next_refused() -> None:
    assert 9_223_372_036_854_775_807 == LARGEST_MINOR
    for sign in (1, -1):
        assert sign * LARGEST_MINOR == minor_from_decimal(Decimal(sign * LARGEST_MINOR), "JPY")
        assert isinstance(minor_from_decimal(Decimal(sign * (LARGEST_MINOR + 1)), "JPY"), Problem)
    assert isinstance(minor_from_decimal(Decimal("1e30"), "USD"), Problem)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_no_amount(value: str) -> None:
    found = minor_from_decimal(Decimal(value), "USD", "TotalAmt")

    assert isinstance(found, Problem)
    assert "TotalAmt" == found.where


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("0", 0),
        ("1", 100),
        ("12", 1200),
        ("123", 12300),
        (" 50.00 ", 5000),
        ("-50", -5000),
        ("+50", 5000),
        ("(50.00)", -5000),
        ("( 1,234.50 )", -123450),
        ("$1,234.50", 123450),
        ("-$7.25", -725),
        ("1,234", 123400),
        ("12,345", 1234500),
        ("123,456,789.01", 12345678901),
        (".5", 50),
    ],
)
def test_amounts_as_bigtime_writes_them(text: str, minor: int) -> None:
    assert minor == minor_from_text(text, "USD")


@pytest.mark.parametrize(
    "text",
    [
        *("1.234,50", "1,23", "1,2345", "1234,567", ",123", "12,,345", "1,234,56", "1,23,456", "1.5,0", "1_000", "१२"),
        *("", "-", "abc", "(50.00", "50.00)", "()", "1.2.3", "--5", "$", "5 5", "12,34.00", "1,234,5678", "-,123"),
    ],
)
def test_what_can_be_read_in_two_ways_or_in_none_is_refused(text: str) -> None:
    found = minor_from_text(text, "USD", "BalanceDue")

    assert isinstance(found, Problem)
    assert "BalanceDue" == found.where


@given(st.text(max_size=20))
def test_no_text_whatever_raises(text: str) -> None:
    assert isinstance(minor_from_text(text, "USD"), int | Problem)
