"""What an answer of QuickBooks means, decided by us from status, headers and body.

The library loses the HTTP status, raises a validation error for a throttle and stumbles over a missing code, so it
never sees a fault. Every answer is either good or exactly one of our errors; nothing of the body is quoted.
Source: fact sheet `quickbooks.md` §2.1 and §5, `libraries.md` B9.
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import msgspec

from connectors.errors import (
    AccessExpired,
    AccessRevoked,
    BudgetSpent,
    Conflict,
    ConnectorError,
    ContractBroken,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
)
from connectors.transport import Reply
from mappings.model import System

_SCAN_BYTES = 64 * 1024
_LONGEST_FAULT_BYTES = 256 * 1024
_XML_CODE = re.compile(rb"""<Error[^>]{0,500}\bcode\s*=\s*["']([0-9]{1,8})["']""", re.IGNORECASE)
_XML_TYPE = re.compile(rb"""<Fault[^>]{0,500}\btype\s*=\s*["']([A-Za-z]{1,40})["']""", re.IGNORECASE)
_HIDDEN_CODE = re.compile(r"errorCode=([0-9]{1,8})")
_MONTHLY_CAP = re.compile(
    rb"core\s?plus|monthly|per month|app partner|usage (limit|cap)|quota|call allowance|builder", re.IGNORECASE
)

_RECONNECT = "connect again with `tieout connect quickbooks`"
_WRONG_REALM = (
    "QuickBooks does not let this app into this company: check that `realm_id` and `environment` (production or "
    f"sandbox) are those the app was connected to, else {_RECONNECT}"
)
_INACTIVE = (
    "the QuickBooks company is not active (subscription ended or trial over): renew it at Intuit, and if it still "
    f"fails {_RECONNECT}"
)
_SENTENCES: dict[type[ConnectorError], str] = {
    Unavailable: "QuickBooks cannot answer now; the next run reads from where this one stopped",
    Throttled: "QuickBooks asks for fewer calls; the next run reads from where this one stopped",
    AccessExpired: "the access token is not accepted",
    AccessRevoked: f"the connection to QuickBooks was ended or its user lost access: {_RECONNECT}",
    Conflict: "the record was changed in the meantime: it has to be read again",
    Rejected: "QuickBooks refuses the request as we wrote it: report this with the request id",
    NotFound: "there is no such record or address in QuickBooks: check `realm_id` and `base_url`",
    ContractBroken: "the answer is not what the QuickBooks API promises: check `base_url`, and report it if right",
    BudgetSpent: "the monthly allowance of metered calls is used up: nothing can be read before the month is over or "
    "the plan is raised at Intuit",
}

# What the vendor's codes mean for the caller. Codes that are not here go by range, then by type, then by status.
_BY_CODE: dict[int, tuple[type[ConnectorError], str | None]] = {
    120: (AccessRevoked, None),
    610: (NotFound, None),
    3001: (Throttled, None),
    3100: (AccessRevoked, _WRONG_REALM),
    3200: (AccessExpired, None),
    5010: (Conflict, None),
    6190: (AccessRevoked, _INACTIVE),
    10000: (Unavailable, None),
}
_BY_TYPE: dict[str, type[ConnectorError]] = {
    "authentication": AccessExpired,
    "authenticationfault": AccessExpired,
    "authorization": AccessRevoked,
    "authorizationfault": AccessRevoked,
    "authorizatonfault": AccessRevoked,  # spelt like this in Intuit's schema
    "service": Unavailable,
    "servicefault": Unavailable,
    "systemfault": Unavailable,
    "validationfault": Rejected,
}


RawText = msgspec.Raw | msgspec.UnsetType


class _ErrorItem(msgspec.Struct):
    code: object = None
    message: object = None
    Message: object = None


class _Fault(msgspec.Struct):
    type: object = None
    Error: list[_ErrorItem] | _ErrorItem | None = None
    error: list[_ErrorItem] | _ErrorItem | None = None


class _Envelope(msgspec.Struct):
    Fault: RawText = msgspec.UNSET
    fault: RawText = msgspec.UNSET


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_FAULT = msgspec.json.Decoder(_Fault)
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


class _Told(msgspec.Struct, frozen=True):
    """What a fault says: codes in order, and its type; both may be missing."""

    codes: tuple[int, ...] = ()
    type: str = ""


def fault_in(reply: Reply, operation: str) -> ConnectorError | None:
    """The error that this answer is, or None for a good one: status 200 and a JSON object without a fault.

    A good answer may still turn out to be cut off; `damaged` is the error for that. One that is too long to be a
    fault is not searched: whoever reads it takes it apart anyway and looks for a fault inside (`wire`).
    """
    told = _told(reply)
    if reply.status == 200 and told is None:
        return None if reply.body.lstrip()[:1] == b"{" else _error(Unavailable, reply, operation, told)
    if _is_monthly_cap(reply, told):
        return _error(BudgetSpent, reply, operation, told)
    kind, sentence = _kind(reply.status, told)
    return _error(kind, reply, operation, told, sentence)


def nested_fault(raw: msgspec.Raw, reply: Reply, operation: str) -> ConnectorError:
    """The error that a fault inside an otherwise good answer is, as change data capture sends them by entity."""
    told = _read_fault(raw)
    kind, sentence = _kind(reply.status, told)
    return _error(kind, reply, operation, told, sentence)


def damaged(reply: Reply, operation: str) -> ConnectorError:
    """The error for an answer that began well and cannot be read to its end."""
    return Unavailable(
        System.QUICKBOOKS,
        operation,
        "the answer was cut off or damaged; the next run reads from where this one stopped",
        http_status=reply.status,
        request_id=request_id_of(reply.headers),
    )


def unexpected(reply: Reply, operation: str, what: str) -> ContractBroken:
    """The error for a readable answer that is not what the API promises; `what` is our sentence, without quotes."""
    return ContractBroken(
        System.QUICKBOOKS, operation, what, http_status=reply.status, request_id=request_id_of(reply.headers)
    )


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """`intuit_tid`, when it looks like one; it ends up in logs."""
    found = re.fullmatch(r"[A-Za-z0-9._:-]{1,80}", headers.get("intuit_tid", ""))
    return found.group() if found else None


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """The wait in seconds that the answer asks for; None when it asks for none or cannot be read.

    A date is measured against the answer's own `Date`, so that the two clocks need not agree.
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,7}", text):
        return float(text)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return max(wait.total_seconds(), 0.0)


def _told(reply: Reply) -> _Told | None:
    """The fault in the body, if there is one, in whichever of its spellings."""
    start = reply.body.lstrip()[:1]
    if start == b"<":
        head = reply.body[:_SCAN_BYTES]
        codes = tuple(int(code) for code in _XML_CODE.findall(head))
        kind = _XML_TYPE.search(head)
        return _Told(codes, kind.group(1).decode().casefold() if kind else "") if codes or kind else None
    if start != b"{" or _is_long(reply) or (b'"Fault"' not in reply.body and b'"fault"' not in reply.body):
        return None
    try:
        envelope = _ENVELOPE.decode(reply.body)
    except _UNREADABLE:
        return None
    raw = fault_text(envelope.Fault, envelope.fault)
    return _read_fault(raw) if raw is not None else None


def _is_long(reply: Reply) -> bool:
    return reply.status == 200 and len(reply.body) > _LONGEST_FAULT_BYTES


def fault_text(upper: RawText, lower: RawText) -> msgspec.Raw | None:
    """The fault under either spelling of its key; None when there is none, or a null."""
    for raw in (upper, lower):
        if isinstance(raw, msgspec.Raw) and bytes(raw) != b"null":
            return raw
    return None


def _read_fault(raw: msgspec.Raw) -> _Told:
    """The codes and type of a fault; a fault in a form we do not know is a fault without codes."""
    try:
        fault = _FAULT.decode(raw)
    except _UNREADABLE:
        return _Told()
    listed = fault.Error or fault.error or []
    items = listed if isinstance(listed, list) else [listed]
    codes = tuple(code for item in items if (code := _code(item)) is not None)
    return _Told(codes, fault.type.casefold() if isinstance(fault.type, str) else "")


def _code(item: _ErrorItem) -> int | None:
    text = str(item.code).strip() if isinstance(item.code, str | int) else ""
    if not re.fullmatch(r"[0-9]{1,8}", text):
        hidden = _HIDDEN_CODE.search(str(item.Message or item.message or "")[:500])
        text = hidden.group(1) if hidden else ""
    return int(text) if text else None


def _is_monthly_cap(reply: Reply, told: _Told | None) -> bool:
    """The free tier's block is a 429 whose body is not documented: known by its words, and by lacking 3001."""
    if reply.status != 429 or (told is not None and 3001 in told.codes):
        return False
    return _MONTHLY_CAP.search(reply.body[:_SCAN_BYTES]) is not None


def _kind(status: int, told: _Told | None) -> tuple[type[ConnectorError], str | None]:
    if status == 429:
        return Throttled, None
    for code in told.codes if told is not None else ():
        if code in _BY_CODE:
            return _BY_CODE[code]
        if 500 <= code <= 9999:  # unsupported, validation and business rules: the request will not get better
            return Rejected, None
    if told is not None and told.type in _BY_TYPE:
        return _BY_TYPE[told.type], None
    return _kind_by_status(status, has_fault=told is not None), None


def _kind_by_status(status: int, *, has_fault: bool) -> type[ConnectorError]:
    if status == 401:
        return AccessExpired
    if status == 403 and has_fault:
        return AccessRevoked
    if status in {403, 408, 425} or (
        status >= 500 and status != 501
    ):  # 403 without a fault is a gateway's, not QuickBooks'
        return Unavailable
    if status == 404:
        return NotFound
    if status == 501:  # somebody between us and QuickBooks does not do this at all; asking again is no use
        return Rejected
    if status in {409, 412}:
        return Conflict
    return Rejected if 400 <= status < 500 else ContractBroken


def _error(
    kind: type[ConnectorError], reply: Reply, operation: str, told: _Told | None, sentence: str | None = None
) -> ConnectorError:
    return kind(
        System.QUICKBOOKS,
        operation,
        sentence or _SENTENCES[kind],
        http_status=reply.status,
        code=str(told.codes[0]) if told is not None and told.codes else None,
        request_id=request_id_of(reply.headers),
        retry_after_seconds=retry_after_of(reply.headers),
    )
