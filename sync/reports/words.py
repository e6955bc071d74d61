"""Amounts and origins as people write them in a sentence."""

from collections.abc import Mapping
from types import MappingProxyType

from mappings.ledger import Origin
from mappings.money import Money, format_amount

ORIGIN_NAMES: Mapping[Origin, str] = MappingProxyType(
    {
        Origin.CREDIT_MEMO: "credit memo",
        Origin.OVERPAYMENT: "overpayment",
        Origin.PREPAYMENT: "prepayment",
        Origin.JOURNAL_ENTRY: "journal entry",
        Origin.ADJUSTMENT: "adjustment",
        Origin.BIGTIME_CLIENT_CREDIT: "BigTime client credit",
        Origin.LINE_REMOVED_AFTER_PAYMENT: "line removed after payment",
        Origin.DISCOUNT_AFTER_PAYMENT: "discount after payment",
        Origin.UNKNOWN: "unknown occasion",
    }
)


def grouped(amount: Money) -> str:
    """Digits with commas between thousands and the currency's own decimals: -1,305.00."""
    whole, point, rest = format_amount(abs(amount.minor), amount.currency).partition(".")
    return f"{'-' if amount.minor < 0 else ''}{int(whole):,}{point}{rest}"


def spoken(amount: Money) -> str:
    """The same with its currency: -1,305.00 USD."""
    return f"{grouped(amount)} {amount.currency}"
