"""From a BigTime row to the shared model. Pure; never raises on what it is given.

BigTime's field names vary in case, amounts and ids come as numbers or text, dates in several formats, and missing,
null, "" and 0 all mean "none" for an id, but never for an amount. Source for every rule: fact sheet `bigtime.md`
(BigTime IQ REST API v2, help pages Invoice, Payment and Client, and the field lists of its clients).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache

import msgspec

from mappings.model import Client, Content, Invoice, LineTarget, Payment, PaymentLine
from mappings.money import minor_from_text
from mappings.problems import Problem
from mappings.quickbooks import MappedRecord
from mappings.refusal import UNREADABLE, Refused, checked_id, iso, refuse, refuse_nul, unreadable, whole_minor
from mappings.vocabulary import Vocabulary

_Row = Mapping[str, object]  # one row with lower-case keys
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder()
_ISO_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_TICKS_DATE = re.compile(r"/Date\((-?\d{1,15})(?:([+-])(\d\d)(\d\d))?\)/")
_WHOLE_NUMBER = re.compile(r"(-?\d+)\.0+")
_MOST_PLAIN_DIGITS = 18  # of an ordinary id; what is longer is looked at more closely
# .NET's default value of a date: nobody has set it.
_UNSET_DATE = date(1, 1, 1)
_NOT_MIDNIGHT = re.compile(r"[Tt ](?!00:00(:00(\.0+)?)?\s*([Zz+-]|$))\d")
_MILLISECOND, _MILLISECONDS_A_DAY = timedelta(milliseconds=1), 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MATERIAL_LINE_FIELDS = (
    "nm", "nt", "amt", "quantity", "rate", "acctsid", "salestaxsid", "salestaxamt", "istaxable", "iscredit",
)  # fmt: skip


def invoice_from_bigtime(
    raw: bytes, vocabulary: Vocabulary, currency: str, *, is_draft: bool
) -> MappedRecord | Problem:
    """An invoice row of `/invoice/history` or `/invoice/drafts`. Never raises on hostile text.

    `balance_minor` and `paid_minor` are None when the row does not say; `marked_paid` is the raw flag `IsPaid`,
    whatever the payments add up to.
    """
    try:
        row = _row(raw)
        id_ = _required_id(row, "Sid")
        content = _invoice(row, vocabulary, currency, is_draft=is_draft)
        if b"\\" in raw:  # the only way to write it
            refuse_nul(content)
    except Refused as refused:
        return refused.problem
    except UNREADABLE as error:
        return unreadable(error)
    return MappedRecord(id=id_, content=content)


def client_from_bigtime(raw: bytes) -> MappedRecord | Problem:
    """A client row of `/client`, or a client's detailed view. Never raises on hostile text.

    `quickbooks_id` is set only from the detailed view; it may be QuickBooks' id or a name, the reader decides.
    """
    try:
        row = _row(raw)
        id_ = _required_id(row, "SystemId")
        content = Client(
            name=_text(row, "Nm") or _text(row, "DisplayName") or _text(row, "LegalNm"),
            active=not _flag(row, "IsInactive"),
            quickbooks_id=_none_as_empty(_text(row, "QBCustomerId")),
            code=_text(row, "ClientId"),
        )
        if b"\\" in raw:  # the only way to write it
            refuse_nul(content)
    except Refused as refused:
        return refused.problem
    except UNREADABLE as error:
        return unreadable(error)
    return MappedRecord(id=id_, content=content)


def payments_from_bigtime(
    raws: Sequence[bytes], vocabulary: Vocabulary, currency: str
) -> tuple[MappedRecord | Problem, ...]:
    """The rows of one `/payment/history` answer, in the same order. Never raises on hostile text.

    A row is one application to one invoice and has no id of its own: it gets `PaymentSid:InvoiceSid:AppliedDate:n`,
    where n counts from 1 within equal beginnings, ordered by amount, method and reference, so that neither the order
    in which rows arrive nor a reread of the same rows changes an id. All rows of one beginning must be in one call.
    """
    read = [_read_payment(raw, vocabulary, currency) for raw in raws]
    places: dict[str, list[tuple[tuple[int, str, str, int], int]]] = {}
    for position, result in enumerate(read):
        if isinstance(result, Payment):
            order = (result.lines[0].amount_minor, result.method_name, result.reference, result.total_minor)
            places.setdefault(_beginning(result), []).append((order, position))
    ids: dict[int, str] = {}
    for beginning, members in places.items():
        for ordinal, (_, position) in enumerate(sorted(members), start=1):
            ids[position] = f"{beginning}:{ordinal}"
    return tuple(
        MappedRecord(id=ids[position], content=result) if isinstance(result, Payment) else result
        for position, result in enumerate(read)
    )


def identity_of(raw: bytes) -> str:
    """The row's id as far as it can be read, "" when it cannot; for naming what is set aside.

    A payment row is named by its PaymentSid alone.
    """
    try:
        row = _row(raw)
        return next((found for name in ("PaymentSid", "Sid", "SystemId") if (found := _id(row, name))), "")
    except (Refused, *UNREADABLE):
        return ""


def _beginning(payment: Payment) -> str:
    return f"{payment.payment_id}:{payment.lines[0].target_id}:{iso(payment.applied_on)}"


def _read_payment(raw: bytes, vocabulary: Vocabulary, currency: str) -> Payment | Problem:
    try:
        payment = _payment(_row(raw), vocabulary, currency)
        if b"\\" in raw:
            refuse_nul(payment)
    except Refused as refused:
        return refused.problem
    except UNREADABLE as error:
        return unreadable(error)
    return payment


def _payment(row: _Row, vocabulary: Vocabulary, currency: str) -> Payment:
    """A payment row. `BalanceDue` and `DueDate` describe the invoice as it is now and are left out.

    `TotalAmount` repeats over rows and is only shown, never summed: where it is missing, the row's own amount stands
    in. The applied amount may be negative (a reversal) but never missing.
    """
    payment_id = _required_id(row, "PaymentSid")
    applied = _money(row, "AppliedAmount", currency)
    if applied is None:
        raise refuse("AppliedAmount", "", "is missing: an amount that is not there is not taken for 0")
    total = _money(row, "TotalAmount", currency)
    method_name = _text(row, "PaymentMethod")
    applied_on = _date(row, "AppliedDate")
    return Payment(
        client_id=_id(row, "ClientSid"),
        payment_id=payment_id,
        currency=currency,
        total_minor=applied if total is None else total,
        lines=(PaymentLine(LineTarget.INVOICE, _id(row, "InvoiceSid"), applied),),
        paid_on=_date(row, "PaidDate"),
        applied_on=applied_on,
        method=vocabulary.method_of(method_name),
        method_name=method_name,
        reference=_text(row, "PaymentNumber"),
        invoice_number=_text(row, "InvoiceNumber"),
        has_time_of_day=_has_time_of_day(row, "AppliedDate" if applied_on else "PaidDate"),
    )


def _invoice(row: _Row, vocabulary: Vocabulary, currency: str, *, is_draft: bool) -> Content:
    posted_status = _text(row, "PostedStatus")
    return Invoice(
        client_id=_id(row, "ClientSid"),
        number=_text(row, "InvoiceNbr"),
        currency=currency,
        total_minor=_total(row, currency),
        balance_minor=_money(row, "TotalAmtDue", currency),
        tax_minor=_money(row, "SalesTaxAmt", currency) or 0,
        paid_minor=_money(row, "PaidAmt", currency),
        issued_on=_date(row, "InvoiceDt"),
        due_on=_date(row, "InvoiceDtDue"),
        marked_paid=_flag(row, "IsPaid"),
        posted=vocabulary.posted_of(posted_status),
        posted_status=posted_status,
        status=_text(row, "StatusTxt") or _text(row, "Status"),
        is_draft=is_draft,
        project_id=_id(row, "ProjectSid"),
        content_digest=_lines_digest(row),
    )


def _total(row: _Row, currency: str) -> int:
    """The invoice's total with tax.

    `TotalAmt` says so itself. Without it, `Subtotal` + tax; without that, `InvoiceAmt`, of which nobody has written
    down whether it holds the tax: it is taken only where it makes no difference.
    """
    total = _money(row, "TotalAmt", currency)
    if total is not None:
        return total
    tax = _money(row, "SalesTaxAmt", currency)
    subtotal, amount = _money(row, "Subtotal", currency), _money(row, "InvoiceAmt", currency)
    if subtotal is not None and (tax is not None or amount is not None):
        gross = amount if tax is None else subtotal + tax
        if amount in (None, subtotal, gross) and gross is not None:
            return gross
        raise refuse(
            "InvoiceAmt", amount, "is neither the subtotal nor the subtotal with tax, and there is no TotalAmt"
        )
    if amount is not None and tax in (None, 0):
        return amount
    raise refuse("TotalAmt", "", "is missing, and the other amounts do not say what the invoice comes to")


def _lines_digest(row: _Row) -> str:
    """The name of the lines' material fields; "" when the row has no lines, as in the lists."""
    lines = row.get("lines")
    if not isinstance(lines, list) or not lines:
        return ""
    material = []
    for line in lines:
        fields = {str(key).lower(): value for key, value in line.items()} if isinstance(line, dict) else {}
        if not fields.get("isdeleted"):
            material.append([_plain(fields.get(name)) for name in _MATERIAL_LINE_FIELDS])
    return hashlib.blake2b(_ENCODER.encode(material), digest_size=16).hexdigest()


def _plain(value: object) -> str:
    """A value in one spelling: 5, 5.0, "5.00" are equal, and so are null and ""."""
    text = "" if value is None else str(value)
    return text.rstrip("0").rstrip(".") if "." in text and text.lstrip("-").replace(".", "", 1).isdigit() else text


def _row(raw: bytes) -> _Row:
    """The row with lower-case keys; two spellings of one key must agree."""
    decoded = _DECODER.decode(raw)
    if not isinstance(decoded, dict):
        raise refuse("record", type(decoded).__name__, "is not an object: the row is set aside")
    row: dict[str, object] = dict(zip(_lower_names(tuple(decoded)), decoded.values(), strict=True))
    if len(row) == len(decoded):
        return row
    row = {}
    for key, value in decoded.items():
        lower = key.lower()
        if lower in row and row[lower] != value:
            raise refuse(lower, "", "is given twice with different values")
        row[lower] = value
    return row


@lru_cache(maxsize=64)  # all rows of a list have the same keys
def _lower_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


def _text(row: _Row, name: str) -> str:
    """Text, or a number or truth value as text; "" for none."""
    value = row.get(name.lower())
    if type(value) is str:  # nearly every time
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    raise refuse(name, type(value).__name__, "is neither text nor a number")


def _none_as_empty(text: str) -> str:
    whole = _WHOLE_NUMBER.fullmatch(text)
    canonical = whole[1] if whole else text
    return "" if canonical == "0" else canonical


def _id(row: _Row, name: str) -> str:
    """An id in one spelling, "" for none: missing, null, "", 0 and "0" all say so."""
    text = _text(row, name)
    if text.isdigit() and text.isascii() and text[0] != "0" and len(text) <= _MOST_PLAIN_DIGITS:  # nearly every time
        return text
    text = _none_as_empty(text)
    return checked_id(text, name) if text else ""


def _required_id(row: _Row, name: str) -> str:
    found = _id(row, name)
    if not found:
        raise refuse(name, "", "is missing: a row without an id cannot be followed")
    return found


def _money(row: _Row, name: str, currency: str) -> int | None:
    """An amount sent as a number or as text; None when missing, null or ""."""
    value = row.get(name.lower())
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise refuse(name, type(value).__name__, "is not an amount")
    if isinstance(value, str):
        minor = minor_from_text(value, currency, name)
        if isinstance(minor, Problem):
            raise Refused(minor)
        return minor
    return whole_minor(value if isinstance(value, Decimal) else Decimal(value), currency, name)


def _flag(row: _Row, name: str) -> bool:
    text = _text(row, name).casefold()
    if text not in {"", "0", "false", "no", "1", "true", "yes"}:
        raise refuse(name, text, "is neither true nor false")
    return text in {"1", "true", "yes"}


def _date(row: _Row, name: str) -> date | None:
    """The calendar date as written, never moved to another zone; None for none.

    A tick count (`/Date(ms)/`) is an instant: its date is that of its own offset, UTC when it gives none.
    """
    text = _text(row, name)
    if not text:
        return None
    try:
        found = _written_date(text)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise refuse(name, text, "is not a date that we know: expected YYYY-MM-DD, with or without a time")
    return None if found == _UNSET_DATE else found


def _has_time_of_day(row: _Row, name: str) -> bool:
    """Whether a date was written with another time than midnight, in whatever zone it was written."""
    written = _ISO_DATE.fullmatch(text := _text(row, name))
    if written:
        return bool(_NOT_MIDNIGHT.match(text[len(written[1]) :]))
    ticks = _TICKS_DATE.fullmatch(text)
    return ticks is not None and (int(ticks[1]) + _offset_of(ticks) // _MILLISECOND) % _MILLISECONDS_A_DAY != 0


@lru_cache(maxsize=4096)  # a list has few days and many rows
def _written_date(text: str) -> date | None:
    written = _ISO_DATE.fullmatch(text)
    if written:
        return date.fromisoformat(written[1])
    ticks = _TICKS_DATE.fullmatch(text)
    if ticks is None:
        return None
    return (_EPOCH + timedelta(milliseconds=int(ticks[1]))).astimezone(timezone(_offset_of(ticks))).date()


def _offset_of(ticks: re.Match[str]) -> timedelta:
    offset = timedelta(hours=int(ticks[3] or 0), minutes=int(ticks[4] or 0))
    return -offset if ticks[2] == "-" else offset
