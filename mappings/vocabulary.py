"""The words of a firm's BigTime: which payment types are credits, which are money, which states mean "posted".

BigTime enumerates none of them, so a word that nobody has configured is unknown, never guessed.
Source: BigTime API help, Payment, `PaymentMethod`; Invoice, `PostedStatus`.
"""

import unicodedata
from functools import cached_property

import msgspec

from mappings.model import Method, Posted


def normalise_word(word: str) -> str:
    """The form in which two spellings of one word are equal: no case, no spaces of any kind."""
    return "".join(unicodedata.normalize("NFKC", word).casefold().split())


def _normalised(words: frozenset[str]) -> frozenset[str]:
    return frozenset(normalise_word(word) for word in words)


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The configured words. Case and spaces do not matter.

    A word that stands in two lists is read in the order credit, credit memo, money; posted before not posted.
    """

    account_credit: frozenset[str] = frozenset({"AccountCredit", "Account Credit"})
    money: frozenset[str] = frozenset(
        {
            "Check",
            "Cheque",
            "Cash",
            "ACH",
            "Bank Transfer",
            "Bank",
            "Wire",
            "Wire Transfer",
            "EFT",
            "Credit Card",
            "CreditCard",
            "Card",
            "Debit Card",
            "eCheck",
            "Direct Deposit",
            "PayPal",
        }
    )
    credit_memo: frozenset[str] = frozenset({"Credit Memo", "CreditMemo"})
    posted: frozenset[str] = frozenset({"Posted"})
    not_posted: frozenset[str] = frozenset({"", "Not Posted", "NotPosted", "Unposted", "None"})

    @cached_property
    def _methods(self) -> dict[str, Method]:
        return {
            **dict.fromkeys(_normalised(self.money), Method.MONEY),
            **dict.fromkeys(_normalised(self.credit_memo), Method.CREDIT_MEMO),
            **dict.fromkeys(_normalised(self.account_credit), Method.ACCOUNT_CREDIT),
        }

    @cached_property
    def _states(self) -> dict[str, Posted]:
        return {
            **dict.fromkeys(_normalised(self.not_posted), Posted.NO),
            **dict.fromkeys(_normalised(self.posted), Posted.YES),
        }

    def method_of(self, word: str) -> Method:
        """How a payment of this type was made; `NONE` for an empty word, `UNKNOWN` for one nobody has configured."""
        normalised = normalise_word(word)
        return self._methods.get(normalised, Method.UNKNOWN) if normalised else Method.NONE

    def posted_of(self, word: str) -> Posted:
        """Whether this state means that the invoice is in QuickBooks; an unknown word is never "no"."""
        return self._states.get(normalise_word(word), Posted.UNKNOWN)
