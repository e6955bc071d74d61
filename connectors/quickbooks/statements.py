"""The queries we send to QuickBooks, as text. Nothing from outside gets into one unchecked.

Source: fact sheet `quickbooks.md` §2: one entity per statement, no OR, `MAXRESULTS` at most 1000, times with an
offset, list entities show inactive rows only when asked.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from mappings.model import Kind
from mappings.quickbooks import ENTITY_NAMES

PAGE_SIZE = 1000
_ID = re.compile(r"[A-Za-z0-9._+-]{1,64}")
_WITH_INACTIVE = {Kind.CUSTOMER: "Active IN (true, false)"}
_TIME = "MetaData.LastUpdatedTime"


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where to go on reading a kind: records changed at `since` or later; None is the beginning.

    `position` is 0 except when one second holds more records than a page: then that second alone is read, and the
    page begins with its record number `position`.
    """

    since: datetime | None = None
    position: int = 0


def page_statement(kind: Kind, place: Place) -> str:
    """The page that begins at `place`, in order of change; inside one crowded second, in order of id."""
    conditions = [_WITH_INACTIVE[kind]] if kind in _WITH_INACTIVE else []
    order, start = f"{_TIME} ASC", 1
    if place.since is not None:
        conditions.append(f"{_TIME} >= '{time_literal(place.since)}'")
    if place.since is not None and place.position:
        conditions.append(f"{_TIME} < '{time_literal(place.since + timedelta(seconds=1))}'")
        order, start = "Id", place.position
    return _select("*", kind, conditions) + f" ORDERBY {order} STARTPOSITION {start} MAXRESULTS {PAGE_SIZE}"


def count_statement(kind: Kind) -> str:
    """How many records of a kind there are, inactive ones included."""
    return _select("COUNT(*)", kind, [_WITH_INACTIVE[kind]] if kind in _WITH_INACTIVE else [])


def ids_statement(kind: Kind, ids: Sequence[str]) -> str:
    """The records with these ids, as far as they are there.

    Raises: `ValueError` for an id that does not look like one.
    """
    if not ids or len(ids) > PAGE_SIZE or not all(_ID.fullmatch(id_) for id_ in ids):
        raise ValueError(f"expected 1 to {PAGE_SIZE} ids of letters and digits, got {len(ids)}")
    conditions = [f"Id IN ({', '.join(repr(id_) for id_ in ids)})"]
    if kind in _WITH_INACTIVE:
        conditions.append(_WITH_INACTIVE[kind])
    return _select("*", kind, conditions) + f" MAXRESULTS {PAGE_SIZE}"


def time_literal(moment: datetime) -> str:
    """A time as queries want it: whole seconds, with an offset."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _select(what: str, kind: Kind, conditions: Sequence[str]) -> str:
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {what} FROM {ENTITY_NAMES[kind]}{where}"  # noqa: S608 - only our own words and checked ids
