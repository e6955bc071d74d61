"""What an observation means for what is stored already: a new version, nothing, or too late. Pure.

Pages overlap and arrive in any order; the stored state must not depend on it. Source: facts/reliability.md
F04, F05.
"""

from collections.abc import Iterable
from typing import NamedTuple

from mappings.model import Content, Kind, Observation, System, decode_content, encode_content
from state.times import micros_from_utc


class Stored(NamedTuple):
    """A stored record as far as it decides about an arrival; moments are microseconds, days yyyymmdd numbers."""

    id: int
    key: str
    sequence: int
    party_id: int | None
    match_key: str | None
    dated_on: int | None
    applied_on: int | None
    content: bytes | None  # None: the record is deleted
    modified_at: int | None
    observed_at: int
    missing_since: int | None


def revision_number(content: Content | None) -> int | None:
    """The content's revision where the system counts them; None where there is none. Source: QuickBooks SyncToken."""
    text: str = getattr(content, "revision", "")
    return int(text) if text.isdigit() and text.isascii() and len(text) <= 18 else None


def is_outdated(observation: Observation, stored: Stored) -> bool:
    """Whether the stored record is already newer than the observation, whose content differs.

    The system's own count of revisions decides, then its modification time, then when we looked. A deletion
    has no revision, and at an equal modification time it is the last word.
    """
    if observation.content is not None and stored.content is not None:
        revision, stored_revision = (
            revision_number(observation.content),
            revision_number(decode_content(stored.content)),
        )
        if revision is not None and stored_revision is not None and revision != stored_revision:
            return revision < stored_revision
    if observation.modified_at is not None and stored.modified_at is not None:
        modified_at = micros_from_utc(observation.modified_at)
        if modified_at != stored.modified_at:
            return modified_at < stored.modified_at
        if (observation.content is None) is not (stored.content is None):
            return observation.content is not None
    return micros_from_utc(observation.observed_at) < stored.observed_at


def newest_by_key(observations: Iterable[Observation]) -> dict[tuple[System, Kind], dict[str, Observation]]:
    """The newest observation of each record, by kind and then by id; of equally new ones the later in the page."""
    pages: dict[tuple[System, Kind], dict[str, Observation]] = {}
    for observation in observations:
        key = observation.key
        page = pages.setdefault((key.system, key.kind), {})
        earlier = page.get(key.id)
        if earlier is None or not _is_older(observation, earlier):
            page[key.id] = observation
    return pages


def _is_older(observation: Observation, other: Observation) -> bool:
    as_stored = Stored(
        id=0,
        key="",
        sequence=0,
        party_id=None,
        match_key=None,
        dated_on=None,
        applied_on=None,
        content=None if other.content is None else encode_content(other.content),
        modified_at=None if other.modified_at is None else micros_from_utc(other.modified_at),
        observed_at=micros_from_utc(other.observed_at),
        missing_since=None,
    )
    return is_outdated(observation, as_stored)
