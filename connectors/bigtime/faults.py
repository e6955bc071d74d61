"""What an answer of BigTime means, as one of our errors.

BigTime documents status codes but no error body, so the status decides and a body is only looked at for its first
character. Nothing here quotes a body: error pages repeat what was asked for, and that names clients.
Source: facts/bigtime.md §1.4 and §1.5.
"""

from datetime import UTC
from email.utils import parsedate_to_datetime

import msgspec

from connectors.errors import (
    AccessExpired,
    AccessRevoked,
    ConnectorError,
    ContractBroken,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
)
from connectors.transport import Reply
from mappings.model import System

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def classify(reply: Reply, operation: str) -> ConnectorError | None:
    """The error that an answer stands for; None when it may be read.

    503 means "too many calls" here, as 429 does elsewhere, and 405 means "not allowed to", not "wrong method".
    """
    status = reply.status
    if status in {200, 204}:
        return _unreadable_success(reply, operation)
    if status in {429, 503}:
        return Throttled(
            System.BIGTIME,
            operation,
            "BigTime asks for fewer calls: the next run reads from where this one stopped; "
            "lower calls_per_minute if this returns",
            http_status=status,
            retry_after_seconds=retry_after_seconds(reply),
        )
    if status >= 500 or status == 408:
        return Unavailable(
            System.BIGTIME,
            operation,
            "BigTime could not answer: the next run reads from where this one stopped",
            http_status=status,
            retry_after_seconds=retry_after_seconds(reply),
        )
    return _refusal(status, operation)


def _refusal(status: int, operation: str) -> ConnectorError:
    if status == 401:
        return AccessExpired(
            System.BIGTIME, operation, "the session or API token is not accepted: log in again", http_status=status
        )
    if status in {403, 405}:
        return AccessRevoked(
            System.BIGTIME,
            operation,
            "the staff member of this API token lacks the right to read it: give him financial administrator "
            "rights in BigTime, or connect with the token of somebody who has them",
            http_status=status,
        )
    if status == 404:
        return NotFound(
            System.BIGTIME,
            operation,
            "there is nothing at this address: check base_url, and the rights of the API token's staff member",
            http_status=status,
        )
    if 400 <= status < 500:
        return Rejected(
            System.BIGTIME,
            operation,
            "BigTime refuses the request: check history_start and the firm in the configuration",
            http_status=status,
        )
    return ContractBroken(
        System.BIGTIME,
        operation,
        "BigTime answers in a way that its documentation does not know: check base_url, redirects are not followed",
        http_status=status,
    )


def _unreadable_success(reply: Reply, operation: str) -> ConnectorError | None:
    text = strip_mark(reply.body)
    if reply.status == 204:
        return None if not text else _not_data(reply, operation, "an answer without content has content")
    if not text:
        return Unavailable(
            System.BIGTIME, operation, "the answer is empty: the next run reads it again", http_status=reply.status
        )
    if text.startswith(b"<"):
        return _not_data(reply, operation, "a page or XML came instead of JSON")
    return None


def _not_data(reply: Reply, operation: str, what: str) -> ContractBroken:
    return ContractBroken(
        System.BIGTIME,
        operation,
        f"{what}: check base_url, and whether BigTime is under maintenance",
        http_status=reply.status,
    )


def strip_mark(body: bytes) -> bytes:
    """The text without a byte order mark and surrounding white space."""
    return body.removeprefix(_BYTE_ORDER_MARK).strip()


def retry_after_seconds(reply: Reply) -> float | None:
    """The wait that the answer asks for; None when it names none that can be understood.

    A date is taken relative to the answer's own `Date`, so that our clock does not matter.
    """
    text = (reply.headers.get("Retry-After") or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
        sent = parsedate_to_datetime(reply.headers.get("Date") or "")
    except (ValueError, TypeError):
        return None
    aware = [moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC) for moment in (until, sent)]
    return max((aware[0] - aware[1]).total_seconds(), 0.0)


def parse_rows(body: bytes, operation: str) -> tuple[bytes, ...]:
    """The raw text of each element of a bare JSON array.

    Raises: `Unavailable` when the text is no whole JSON, as after a cut connection; `ContractBroken` when it is JSON
    but not an array.
    """
    text = strip_mark(body)
    if not text:
        return ()
    try:
        return tuple(bytes(row) for row in _ROWS.decode(text))
    except msgspec.ValidationError:
        pass
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _cut_off(operation) from None
    raise ContractBroken(
        System.BIGTIME, operation, "a list was promised and something else came: the API has changed, nothing was read"
    )


def parse_object(body: bytes, operation: str) -> bytes:
    """The raw text of one JSON object. Raises: as `parse_rows`."""
    text = strip_mark(body)
    try:
        _OBJECT.decode(text)
    except msgspec.ValidationError:
        pass
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _cut_off(operation) from None
    else:
        return text
    raise ContractBroken(
        System.BIGTIME, operation, "a record was promised and something else came: the API has changed"
    )


def _cut_off(operation: str) -> Unavailable:
    return Unavailable(System.BIGTIME, operation, "the answer was cut off or damaged: the next run reads it again")


_ROWS: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
