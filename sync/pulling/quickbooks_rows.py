"""From raw QuickBooks records to observations for the store; what cannot be understood is set aside, with a reason."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from connectors.errors import ContractBroken
from connectors.quickbooks.slicing import find_id
from mappings.model import (
    Client,
    Content,
    CreditMemo,
    Entry,
    Invoice,
    Kind,
    LineTarget,
    Observation,
    Payment,
    RecordKey,
    RefundReceipt,
    System,
    raw_hash,
)
from mappings.problems import Problem
from mappings.quickbooks import MappedRecord, identity_of
from mappings.records import Quarantined

# A page with this many unreadable records, and this share of them, means that the API has changed, not a record.
_MANY_BAD = 20
_BAD_PERCENT = 5


class Mapper(Protocol):
    """How a raw record becomes a content."""

    def __call__(self, kind: Kind, raw: bytes, *, home_currency: str) -> MappedRecord | Problem:
        """The mapped record, or what is wrong with it."""
        ...


class Sifted(msgspec.Struct, frozen=True):
    """The records of one answer: those understood, and those set aside with a name for each."""

    observations: tuple[Observation, ...]
    quarantined: tuple[Quarantined, ...]
    names: tuple[str, ...]


def sift(
    kind: Kind,
    rows: Sequence[bytes],
    mapper: Mapper,
    *,
    home_currency: str,
    observed_at: datetime,
    absent_before: datetime | None,
) -> Sifted:
    """Map the records of one answer.

    Raises: `ContractBroken` when so many cannot be understood that it must be the API that has changed.
    """
    bound = min(absent_before, observed_at) if absent_before is not None else None
    good: list[Observation] = []
    bad: list[Quarantined] = []
    for raw in rows:
        mapped = mapper(kind, raw, home_currency=home_currency)
        if isinstance(mapped, Problem):
            bad.append(
                Quarantined(
                    system=System.QUICKBOOKS,
                    kind=kind,
                    record_id=identity_of(raw) or find_id(raw),
                    raw=raw,
                    reason=str(mapped),
                )
            )
            continue
        good.append(
            Observation(
                key=RecordKey(System.QUICKBOOKS, kind, mapped.id),
                raw=raw,
                content=mapped.content,
                observed_at=observed_at,
                absent_before=bound,
                modified_at=mapped.modified_at,
            )
        )
    if len(bad) >= _MANY_BAD and len(bad) * 100 > len(rows) * _BAD_PERCENT:
        raise ContractBroken(
            System.QUICKBOOKS,
            f"{kind} page",
            f"{len(bad)} of {len(rows)} records cannot be understood, the first because {bad[0].reason}; "
            "nothing of this page was stored: the API may have changed, look for a newer version of Tieout",
        )
    names = tuple(record.record_id or f"?{raw_hash(record.raw)[7:19]}" for record in bad)
    return Sifted(tuple(good), tuple(bad), names)


def named_customers(observations: Iterable[Observation]) -> frozenset[str]:
    """The ids of the customers that these records name, parents of customers included."""
    return frozenset(
        client_id
        for seen in observations
        if seen.content is not None
        for client_id in _customers_of(seen.content)
        if client_id
    )


def used_credit_memos(contents: Iterable[Content | None]) -> frozenset[str]:
    """The ids of the credit memos that these payments use."""
    return frozenset(
        line.target_id
        for content in contents
        if isinstance(content, Payment)
        for line in content.lines
        if line.target is LineTarget.CREDIT_MEMO
    )


def _customers_of(content: Content) -> tuple[str, ...]:
    match content:
        case Invoice() | Payment() | CreditMemo() | RefundReceipt():
            return (content.client_id,)
        case Entry():
            return tuple(line.client_id for line in content.lines)
        case Client():
            return (content.parent_id,)
    return ()


Progress = Callable[[str, int], None]
