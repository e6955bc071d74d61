"""Money as whole minor units of one currency. Never a float, never a sum over two currencies."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

import msgspec

from mappings.problems import Problem, problem

# ISO 4217, "minor unit" column, for the currencies that do not have two digits. Source: ISO 4217 list one.
_MINOR_DIGITS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
# A stored amount must fit the 64-bit column of either database.
LARGEST_MINOR = 2**63 - 1
# Systems that compute in binary floating point send 0.30000000000000004; that much is noise, more is a problem.
_NOISE = Decimal("0.000001")


def minor_digits(currency: str) -> int:
    """How many digits a currency has after the decimal point: USD 2, JPY 0, KWD 3."""
    return _MINOR_DIGITS.get(currency, 2)


class Money(msgspec.Struct, frozen=True, order=False, eq=True):
    """An exact amount: `minor` units (cents, yen, fils) of `currency`; signed.

    Adding or comparing two currencies raises `ValueError`: it is a bug in the caller, never a property of the
    data. A truth test raises `TypeError`: write `is_zero`.
    """

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same_currency(other).minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same_currency(other).minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __abs__(self) -> "Money":
        return Money(abs(self.minor), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same_currency(other).minor

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same_currency(other).minor

    def __gt__(self, other: "Money") -> bool:
        return self.minor > self._same_currency(other).minor

    def __ge__(self, other: "Money") -> bool:
        return self.minor >= self._same_currency(other).minor

    def __bool__(self) -> bool:
        raise TypeError("the truth of an amount is not defined: write is_zero")

    def __str__(self) -> str:
        return f"{format_amount(self.minor, self.currency)} {self.currency}"

    @property
    def is_zero(self) -> bool:
        """True for exactly nothing."""
        return self.minor == 0

    @property
    def is_negative(self) -> bool:
        """True below zero, not at zero."""
        return self.minor < 0

    def _same_currency(self, other: "Money") -> "Money":
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up: convert or keep them apart")
        return other


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The exact sum; nothing in one currency is zero of that currency."""
    result = Money(0, currency)
    for amount in amounts:
        result = result + amount
    return result


def format_amount(minor: int, currency: str) -> str:
    """A decimal string with exactly the currency's minor digits: -200.00 USD, 1500 JPY, 0.125 KWD."""
    digits = minor_digits(currency)
    sign, size = ("-" if minor < 0 else ""), str(abs(minor)).rjust(digits + 1, "0")
    return f"{sign}{size[:-digits]}.{size[-digits:]}" if digits else f"{sign}{size}"


def minor_from_decimal(amount: Decimal, currency: str, where: str = "amount") -> int | Problem:
    """Whole minor units of an exact decimal.

    A rest smaller than a millionth of the major unit is floating-point noise of the sender and is rounded half
    up; a bigger rest, an infinity, a NaN or an amount beyond 64 bits is a `Problem`.
    """
    if not amount.is_finite():
        return problem(where, amount, "is not a number: the record is set aside until the system sends an amount")
    digits = minor_digits(currency)
    if amount.adjusted() > 18:
        return problem(where, amount, "is larger than any ledger amount: the record is set aside")
    nearest = amount.quantize(Decimal(1).scaleb(-digits), rounding="ROUND_HALF_UP")
    if abs(amount - nearest) > _NOISE:
        return problem(where, amount, f"has more than the {digits} decimals of {currency}: check the currency")
    minor = int(nearest.scaleb(digits))
    if abs(minor) > LARGEST_MINOR:
        return problem(where, amount, "is larger than any ledger amount: the record is set aside")
    return minor


def minor_from_text(text: str, currency: str, where: str = "amount") -> int | Problem:
    """Whole minor units of an amount written as text, as BigTime sends `BalanceDue`.

    Accepts a sign or accounting parentheses, a leading dollar sign and grouping commas before a decimal point
    (`$1,234.50`, `(50.00)`, `-50`). Anything that could be read in two ways (`1.234,50`) is a `Problem`.
    Source: BigTime API help, Payment, field `BalanceDue` typed string.
    """
    written = text.strip()
    negative = written.startswith("(") and written.endswith(")")
    plain = (written[1:-1] if negative else written).replace("$", "").strip()
    whole, _, rest = plain.partition(".")
    groups = whole.lstrip("+-").split(",")
    if len(groups) > 1 and (not groups[0] or len(groups[0]) > 3 or any(len(group) != 3 for group in groups[1:])):
        return problem(where, text, "can be read in two ways: expected digits, commas between thousands, a point")
    if "," in rest or not plain.isascii() or "_" in plain:
        return problem(where, text, "can be read in two ways: expected digits, commas between thousands, a point")
    try:
        amount = Decimal(plain.replace(",", ""))
    except InvalidOperation:
        return problem(where, text, "is not an amount: expected digits with an optional decimal point")
    return minor_from_decimal(-amount if negative else amount, currency, where)
