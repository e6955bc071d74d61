"""What the worker needs from the outside, said by the worker. `state` and `connectors` have it; tests fake it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol

from mappings.alerts import AlertChange, AlertSituation
from mappings.findings import BookResult, Finding, TieLine, TieOut
from mappings.model import Book, Content, History, Kind, Observation, RecordKey, System
from mappings.records import Group, Quarantined, StoredFinding, StoredRecord


class Clock(Protocol):
    """The only source of time. `sleep_seconds` is how anything in the worker waits."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...

    def monotonic_seconds(self) -> float:
        """Seconds that never jump back; only differences mean anything."""
        ...

    def sleep_seconds(self, seconds: float) -> None:
        """Returns when that many seconds of this clock have passed."""
        ...


class PullUnit(Protocol):
    """One transaction of a pull: rows, cursor and fence together, or nothing.

    Every method is only valid inside the `with` block that made it. Leaving the block commits; an exception
    rolls back. No network call happens inside.
    """

    def record(self, observations: Sequence[Observation]) -> tuple[RecordKey, ...]:
        """Store what was read; answer the keys whose content changed (new, edited, deleted, revived).

        An unchanged content writes nothing. An older revision than the stored one is ignored. A deletion of a
        record that was never seen is stored, too: it is evidence. Changes are ignored for keys twice in one
        call except the newest.
        """
        ...

    def quarantine(self, records: Sequence[Quarantined]) -> None:
        """Keep records that could not be understood; the same raw text twice is kept once."""
        ...

    def save_cursor(self, feed: str, value: str) -> None:
        """Set a cursor (JSON text, at most a few KB). An unchanged value writes nothing."""
        ...

    def mark_missing(self, keys: Iterable[RecordKey], since: datetime) -> None:
        """Remember that a complete read did not show these records. A later `record` of one clears it."""
        ...


class RecordStore(Protocol):
    """The versions, cursors and quarantine of one company, held under a lease."""

    def pull_unit(self, run_id: str) -> AbstractContextManager[PullUnit]:
        """A transaction. Raises `state.leases.LeaseLost` when another worker has taken the company."""
        ...

    def release_others(self, run_id: str, system: System, still: Mapping[Kind, Collection[str]]) -> None:
        """Let go of what is set aside of these kinds, but for what `still` names: it was read or has gone.

        A record is named by its id, or by "?" and the first 12 hexadecimal digits of its raw text's SHA-256.
        """
        ...

    def load_cursor(self, feed: str) -> str | None:
        """The cursor's JSON text, or None when it was never set."""
        ...

    def load_ids(self, system: System, kind: Kind) -> frozenset[str]:
        """Ids of all records of a kind that are not deleted."""
        ...

    def load_records(
        self,
        system: System,
        kind: Kind,
        *,
        first: date | None = None,
        last: date | None = None,
        only_open: bool = False,
    ) -> tuple[StoredRecord, ...]:
        """Current records that are not deleted, of which `dated_on` or `applied_on` lies in [first, last]."""
        ...

    def load_missing(self, system: System, kind: Kind) -> tuple[RecordKey, ...]:
        """Records that are not deleted and that `mark_missing` has marked since they were last seen; sorted by id."""
        ...

    def load_contents(self, keys: Iterable[RecordKey]) -> dict[RecordKey, Content]:
        """The current contents of those of the records that are there and not deleted."""
        ...

    def load_history(self, key: RecordKey) -> History | None:
        """All versions of one record; None when it was never seen."""
        ...


class BookStore(Protocol):
    """Books to reconcile, and where the results go."""

    def load_changed_groups(self, now: datetime) -> tuple[Group, ...]:
        """The groups touched by versions newer than the last `reconcile_unit`, or due for a recheck."""
        ...

    def load_all_groups(self) -> tuple[Group, ...]:
        """Every group of the company, in a stable order."""
        ...

    def iterate_books(self, groups: Sequence[Group], as_of: datetime | None = None) -> Iterator[Book]:
        """The groups' books, one at a time, as known at `as_of` (None: now)."""
        ...

    def reconcile_unit(self, run_id: str) -> AbstractContextManager["ReconcileUnit"]:
        """A transaction that replaces results and moves the watermark to what `load_…_groups` saw."""
        ...

    def load_findings(self, *, statuses: Sequence[str] = ()) -> tuple[StoredFinding, ...]:
        """Findings by severity, exposure and fingerprint; all that are not resolved when none is named."""
        ...

    def load_tie_outs(self) -> tuple[TieOut, ...]:
        """The tie-out per currency over all stored tie lines."""
        ...

    def load_tie_lines(self) -> tuple[TieLine, ...]:
        """The tie-out of each posted invoice that has a twin."""
        ...


class ReconcileUnit(Protocol):
    """One transaction of a reconcile."""

    def replace(self, group: Group, result: BookResult) -> None:
        """Put the result in the place of the earlier one for these parties.

        New fingerprints open; known ones keep their first_seen, status and decisions; a resolved one that is
        found again is reopened. Findings of these parties that are no longer found are resolved only when
        the unit was told that the run is complete.
        """
        ...

    def set_complete(self, complete: bool) -> None:
        """Whether the run that these results rest on read everything. Until told, it did not."""
        ...

    def replace_gates(self, findings: Sequence[Finding]) -> None:
        """Put the company-wide findings of group G in place of the earlier ones."""
        ...

    def plan_alerts(self, plan: Callable[[AlertSituation], Sequence[AlertChange]]) -> None:
        """Let `plan` decide, once everything is replaced, what people are to be told; kept in this transaction."""
        ...
