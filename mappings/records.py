"""Values that the store and the worker hand to each other: parties, groups, stored records and findings."""

from datetime import date, datetime
from enum import StrEnum

import msgspec

from mappings.findings import Finding, FindingStatus, Gap, Verdict
from mappings.model import Kind, RecordKey, System


class Party(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A customer or client by its id in its system."""

    system: System
    client_id: str


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be understood: kept with its raw text and the reason, out of every figure."""

    system: System
    kind: Kind
    record_id: str  # "" when even the id could not be read
    raw: bytes
    reason: str


class StoredRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The current state of a record in the store, without its content."""

    key: RecordKey
    client_id: str
    dated_on: date | None
    applied_on: date | None
    is_open: bool
    missing_since: datetime | None


class Group(msgspec.Struct, frozen=True):
    """Clients of both systems that can influence each other; groups partition a company's parties."""

    parties: tuple[Party, ...]


class ExpectationScope(StrEnum):
    """How much a person expects who says that a finding is as it should be."""

    RECORD = "record"  # this finding, as it is now
    CLIENT = "client"  # findings of this type about this client, up to this amount
    PATTERN = "pattern"  # findings of this type about anybody, up to this amount


class StoredFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with its life: when it was first and last seen, and what people decided.

    `assigned_to` is who is to look after it; "" when nobody was named.
    """

    id: str
    finding: Finding
    status: str
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None
    assigned_to: str = ""


class FindingLife(msgspec.Struct, frozen=True, kw_only=True):
    """What people call a finding, and what its status was since when, as known at some moment."""

    id: str
    status: FindingStatus
    since: datetime


class SetAside(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be read and is in no figure: why, and when a run first met it."""

    system: System
    kind: Kind
    record_id: str  # "" when not even that could be read
    reason: str
    since: datetime


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run as the store remembers it."""

    id: str
    kind: str
    started_at: datetime
    finished_at: datetime | None
    verdict: Verdict | None
    certificate: str


class PullOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one pull of one system did, complete or not.

    `read` counts the records that were read, by the name of their kind. `changed` are the records whose content
    is not what it was. `gaps` say what could not be read; without any, the store now holds what the system says.
    `sent` are the calls that were made, `metered` those that count against an allowance.
    """

    system: System
    read: dict[str, int]
    changed: tuple[RecordKey, ...] = ()
    gaps: tuple[Gap, ...] = ()
    sent: int = 0
    metered: int = 0
