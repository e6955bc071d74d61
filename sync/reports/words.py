"""Amounts as people write them in a sentence."""

from mappings.money import Money, format_amount


def grouped(amount: Money) -> str:
    """Digits with commas between thousands and the currency's own decimals: -1,305.00."""
    whole, point, rest = format_amount(abs(amount.minor), amount.currency).partition(".")
    return f"{'-' if amount.minor < 0 else ''}{int(whole):,}{point}{rest}"


def spoken(amount: Money) -> str:
    """The same with its currency: -1,305.00 USD."""
    return f"{grouped(amount)} {amount.currency}"
