"""The envelopes of QuickBooks' answers, opened so that each record stays the raw text that was sent.

Only what reading needs is looked at: the records' borders, ids and times. What a record says is for
`mappings.quickbooks`. Source: fact sheet `quickbooks.md` §2 and §3, recorded responses.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.errors import ContractBroken
from connectors.quickbooks.faults import RawText, damaged, fault_text, nested_fault, unexpected
from connectors.quickbooks.slicing import slice_records
from connectors.transport import Reply
from mappings.model import Kind
from mappings.quickbooks import ENTITY_NAMES

_UNKNOWN_FORM = "an answer does not have the form of the QuickBooks API: report this with the request id"


class _Count(msgspec.Struct, rename="camel"):
    total_count: int


class _Stamp(msgspec.Struct, gc=False):
    LastUpdatedTime: datetime | None = None


class RecordHead(msgspec.Struct, gc=False):
    """What says whether a record was met before. Every field may be missing."""

    Id: str | None = None
    SyncToken: str | None = None
    MetaData: _Stamp | None = None


class Batch(msgspec.Struct, frozen=True):
    """Raw records of one kind, and when the server began to answer."""

    records: tuple[bytes, ...]
    server_time: datetime


class Changes(msgspec.Struct, frozen=True):
    """What change data capture gave: raw records and stubs of deleted ones, by kind."""

    records: dict[Kind, tuple[bytes, ...]]
    server_time: datetime

    @property
    def total(self) -> int:
        """How many objects came, stubs included."""
        return sum(len(found) for found in self.records.values())


_Rows = list[msgspec.Raw] | None
_FIELDS: list[tuple[str, Any, Any]] = [(name, _Rows, None) for name in (*ENTITY_NAMES.values(), "CompanyInfo")]
# A query answer holds one of the entities, a change group at most one; the rest is not there.
_Group = msgspec.defstruct(
    "_Group", [*_FIELDS, ("Fault", RawText, msgspec.UNSET), ("fault", RawText, msgspec.UNSET)], gc=False
)


class _QueryAnswer(msgspec.Struct):
    QueryResponse: _Group  # type: ignore[valid-type]  # made above
    time: datetime
    Fault: RawText = msgspec.UNSET
    fault: RawText = msgspec.UNSET


class _ObjectAnswer(msgspec.Struct):
    time: datetime
    Preferences: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    CompanyInfo: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    Fault: RawText = msgspec.UNSET
    fault: RawText = msgspec.UNSET


class _CountAnswer(msgspec.Struct):
    QueryResponse: _Count
    time: datetime | None = None


class _ChangeSet(msgspec.Struct):
    QueryResponse: list[_Group] | None = None  # type: ignore[valid-type]  # made above
    Fault: RawText = msgspec.UNSET
    fault: RawText = msgspec.UNSET


class _ChangeAnswer(msgspec.Struct):
    CDCResponse: list[_ChangeSet]
    time: datetime
    Fault: RawText = msgspec.UNSET
    fault: RawText = msgspec.UNSET


_QUERY = msgspec.json.Decoder(_QueryAnswer)
_OBJECT = msgspec.json.Decoder(_ObjectAnswer)
_COUNT = msgspec.json.Decoder(_CountAnswer)
_CHANGES = msgspec.json.Decoder(_ChangeAnswer)
_HEAD = msgspec.json.Decoder(RecordHead)
_UNREADABLE = (ValueError, RecursionError)  # msgspec's decoding errors are ValueErrors


def read_rows(reply: Reply, entity: str, operation: str) -> Batch:
    """The records of a query's answer; none when the answer lists none.

    Raises: `Unavailable` for an answer that was cut off, `ContractBroken` for another form of answer; what a fault
    beside the rows stands for.
    """
    answer, text_of = _decode(_QUERY, reply, operation, level=3)
    for level in (answer, answer.QueryResponse):
        _refuse_faults(level, reply, operation)
    rows = getattr(answer.QueryResponse, entity) or []
    return Batch(tuple(map(text_of, rows)), _aware(answer.time, reply, operation))


def read_count(reply: Reply, operation: str) -> int:
    """The number in the answer to a `COUNT(*)`. Raises: as `read_rows`."""
    answer, _ = _decode(_COUNT, reply, operation)
    count: int = answer.QueryResponse.total_count
    if count < 0:
        raise unexpected(reply, operation, "a count is negative: report this with the request id")
    return count


def read_object(reply: Reply, entity: str, operation: str) -> Batch:
    """The one record of an answer to a read without an id (settings, company). Raises: as `read_rows`."""
    answer, _ = _decode(_OBJECT, reply, operation)
    _refuse_faults(answer, reply, operation)
    raw = getattr(answer, entity)
    return Batch(() if raw is msgspec.UNSET else (bytes(raw),), _aware(answer.time, reply, operation))


def read_server_time(reply: Reply, operation: str) -> Batch:
    """No record, and when the server began to answer a `COUNT(*)`. Raises: as `read_rows`."""
    answer, _ = _decode(_COUNT, reply, operation)
    if answer.time is None:
        raise unexpected(reply, operation, _UNKNOWN_FORM)
    return Batch((), _aware(answer.time, reply, operation))


def read_changes(reply: Reply, operation: str) -> Changes:
    """The changes by kind; entities that were not asked for by name are left out.

    Raises: as `read_rows`; and what a fault inside stands for, because a group that failed is not an empty one.
    """
    answer, text_of = _decode(_CHANGES, reply, operation, level=6)
    _refuse_faults(answer, reply, operation)
    found: dict[Kind, list[bytes]] = {}
    for change_set in answer.CDCResponse:
        _refuse_faults(change_set, reply, operation)
        for group in change_set.QueryResponse or []:
            _refuse_faults(group, reply, operation)
            for kind, entity in ENTITY_NAMES.items():
                rows = getattr(group, entity)
                if rows:
                    found.setdefault(kind, []).extend(map(text_of, rows))
    records = {kind: tuple(rows) for kind, rows in found.items()}
    return Changes(records, _aware(answer.time, reply, operation))


def head_of(raw: bytes) -> RecordHead:
    """Id, revision and time of a record as far as they can be read. Never raises on what it is given."""
    try:
        head = _HEAD.decode(raw)
    except _UNREADABLE:
        return RecordHead()
    if head.MetaData is not None and head.MetaData.LastUpdatedTime is not None:
        moment = head.MetaData.LastUpdatedTime
        return head if moment.tzinfo is not None else RecordHead(head.Id, head.SyncToken)
    return head


def time_of(raw: bytes) -> datetime | None:
    """When a record was last changed, in UTC; None when it does not say so with an offset."""
    stamp = head_of(raw).MetaData
    if stamp is None or stamp.LastUpdatedTime is None:
        return None
    try:
        return stamp.LastUpdatedTime.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        return None


def _decode(
    decoder: "msgspec.json.Decoder[Any]", reply: Reply, operation: str, *, level: int = 0
) -> tuple[Any, Callable[[msgspec.Raw], bytes]]:
    """The envelope, and how to get a record's text from its place in it.

    `level` is how many brackets stand around a record: with it, an envelope with an unreadable record is opened too.
    """
    try:
        return decoder.decode(reply.body), bytes
    except msgspec.ValidationError:
        raise unexpected(reply, operation, _UNKNOWN_FORM) from None
    except _UNREADABLE:
        sliced = slice_records(reply.body, level) if level else None
    if sliced is None:
        raise damaged(reply, operation)
    shallow, text_of = sliced
    try:
        return decoder.decode(shallow), text_of
    except msgspec.ValidationError:
        raise unexpected(reply, operation, _UNKNOWN_FORM) from None
    except _UNREADABLE:
        raise damaged(reply, operation) from None


def _refuse_faults(group: Any, reply: Reply, operation: str) -> None:
    fault = fault_text(group.Fault, group.fault)
    if fault is not None:
        raise nested_fault(fault, reply, operation)


def _aware(moment: datetime, reply: Reply, operation: str) -> datetime:
    if moment.tzinfo is None:
        raise _without_offset(reply, operation)
    return moment.astimezone(UTC)


def _without_offset(reply: Reply, operation: str) -> ContractBroken:
    return unexpected(reply, operation, "the answer's time has no offset from UTC: report this with the request id")
