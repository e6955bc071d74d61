"""What a content is found by: its client, its number or name, its dates, and the records it points at.

The store keeps these beside each record so that a cycle can load the few records that a change can influence.
Nothing here decides anything; two records that share a key are only looked at together.
"""

import re
import unicodedata
from datetime import date
from functools import lru_cache

import msgspec

from mappings.model import (
    Client,
    Content,
    CreditMemo,
    Entry,
    Invoice,
    Kind,
    LineTarget,
    Payment,
    RecordKey,
    RefundReceipt,
    System,
)

_TARGET_KINDS = {
    LineTarget.INVOICE: Kind.INVOICE,
    LineTarget.CREDIT_MEMO: Kind.CREDIT_MEMO,
    LineTarget.JOURNAL_ENTRY: Kind.JOURNAL_ENTRY,
    LineTarget.EXPENSE: Kind.PURCHASE,
    LineTarget.CHECK: Kind.PURCHASE,
    LineTarget.CREDIT_CARD_CREDIT: Kind.PURCHASE,
    LineTarget.DEPOSIT: Kind.DEPOSIT,
}


_DIGIT = re.compile(r"\d")
_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")
_LETTER_OR_DIGIT = re.compile(r"[0-9a-z]")


class IndexEntry(msgspec.Struct, frozen=True, kw_only=True):
    """How the store finds a content again.

    `client_id` is the customer or client the record belongs to ("" for entries that name several, see
    `references`). `match_key` is a normalised invoice number or client name, "" when there is none: an empty key
    never joins anything. `references` are further records it points at, customers of entry lines included.
    """

    client_id: str = ""
    match_key: str = ""
    dated_on: date | None = None
    applied_on: date | None = None
    is_open: bool = False
    references: tuple[RecordKey, ...] = ()


@lru_cache(maxsize=8192)  # both systems write nearly every number, and several rules ask for it
def normalise_number(number: str) -> str:
    """An invoice number in the form in which two systems' spellings are equal.

    Case, surrounding and inner spaces and leading zeros of digit groups are dropped; punctuation stays, so that
    "9" and "9.1" remain two numbers. "" for a number without any letter or digit.
    """
    if number.isascii():  # nearly all, and twice as fast
        plain = "".join(number.lower().split())
        return _LEADING_ZEROS.sub("", plain) if _LETTER_OR_DIGIT.search(plain) else ""
    text = "".join(unicodedata.normalize("NFKC", number).casefold().split())
    if not any(character.isalnum() for character in text):
        return ""
    parts: list[str] = []
    digits = ""
    for character in text:
        if character.isdigit():
            digits += character
            continue
        if digits:
            parts.append(digits.lstrip("0") or "0")
            digits = ""
        parts.append(character)
    if digits:
        parts.append(digits.lstrip("0") or "0")
    return "".join(parts)


def number_without_prefix(number: str) -> tuple[str, str]:
    """The letters before the first digit of a normalised number, and the rest: ("inv", "501") of "inv-501".

    The rest is "" for a number without digits.
    """
    first = _DIGIT.search(number)
    if first is None:
        return number, ""
    letters = "".join(character for character in number[: first.start()] if character.isalpha())
    return letters, number[first.start() :].lstrip("0") or "0"


def are_one_number(one: str, other: str) -> bool:
    """Whether two normalised numbers can be one that a system writes with a prefix: "501", "#501", "inv-501", "inv501".

    Two different words before it make two numbers: "a-12" and "b-12".
    """
    (first, digits), (second, others) = number_without_prefix(one), number_without_prefix(other)
    return bool(digits) and digits == others and (first == second or not first or not second)


def normalise_name(name: str) -> str:
    """A client name in the form in which two systems' spellings are equal: letters and digits, case-folded."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in text if character.isalnum())


def target_kind(target: LineTarget) -> Kind | None:
    """The kind of record that a payment line's link type names; None for a link type we have not met."""
    return _TARGET_KINDS.get(target)


def _payment_index(system: System, payment: Payment) -> IndexEntry:
    references = tuple(
        RecordKey(system, kind, line.target_id)
        for line in payment.lines
        if line.target_id and (kind := target_kind(line.target)) is not None
    )
    return IndexEntry(
        client_id=payment.client_id,
        dated_on=payment.paid_on,
        applied_on=payment.applied_on,
        is_open=payment.unapplied_minor != 0,
        references=references,
    )


def index_content(system: System, content: Content) -> IndexEntry:
    """The index entry of a content of `system`."""
    match content:
        case Invoice():
            return IndexEntry(
                client_id=content.client_id,
                match_key=normalise_number(content.number),
                dated_on=content.issued_on,
                is_open=content.balance_minor != 0 and not content.voided,
            )
        case Payment():
            return _payment_index(system, content)
        case CreditMemo():
            return IndexEntry(
                client_id=content.client_id,
                dated_on=content.issued_on,
                is_open=content.remaining_minor != 0,
            )
        case Entry():
            clients = sorted({line.client_id for line in content.lines if line.client_id})
            return IndexEntry(
                dated_on=content.on_date,
                references=tuple(RecordKey(system, Kind.CUSTOMER, client) for client in clients),
            )
        case RefundReceipt():
            return IndexEntry(client_id=content.client_id, dated_on=content.on_date)
        case Client():
            kind = Kind.CUSTOMER if system is System.QUICKBOOKS else Kind.CLIENT
            parents = (RecordKey(system, kind, content.parent_id),) if content.parent_id else ()
            linked = (
                (RecordKey(System.QUICKBOOKS, Kind.CUSTOMER, content.quickbooks_id),)
                if system is System.BIGTIME and content.quickbooks_id
                else ()
            )
            return IndexEntry(match_key=normalise_name(content.name), references=parents + linked)
    return IndexEntry()
