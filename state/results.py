"""One transaction of a reconcile: results in the place of earlier ones, and the watermark that goes with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from mappings.alerts import AlertChange, AlertSituation
from mappings.findings import BookResult, Finding
from mappings.records import Group
from state.alerts import Plan, review_alerts
from state.companies import Company
from state.finding_results import FindingResults
from state.grouping import Grouping, record_groups
from state.marks import Mark, load_mark, record_mark
from state.parties import load_numbers
from state.rechecks import RecheckResults
from state.tie_lines import TieLineResults

_MOST_TOGETHER = 1_000  # clients whose earlier results are looked up by name; beyond that, reading all costs less


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The groups that were loaded to be reconciled, and what the store held then."""

    seen: Mark
    grouping: Grouping


class ReconcileUnit:
    """One transaction of a reconcile; see `sync.ports.ReconcileUnit` for what each method promises.

    Replace each group once; those that were `loaded` are looked up together. Writes are gathered and sent at the end.
    """

    def __init__(
        self, connection: Connection, company: Company, loaded: Loaded | None, *, run_id: str, now: datetime
    ) -> None:
        self._connection = connection
        self._company = company
        self._loaded = loaded
        self._run_id = run_id
        self._now = now
        self._is_complete = False
        self._plan: Plan | None = None
        mark = load_mark(connection, company)
        before = now if mark is None or mark.reconciled_at is None else mark.reconciled_at
        self._numbers = {} if loaded is None else loaded.grouping.numbers
        expected = set(self._numbers.values())
        together = expected if len(expected) <= _MOST_TOGETHER else None
        self._findings = FindingResults(connection, company, together, run_id=run_id, now=now, seen_before=before)
        self._tie_lines = TieLineResults(connection, company, together)
        self._rechecks = RecheckResults(connection, company, together)

    def set_complete(self, complete: bool) -> None:
        """Whether the run that these results rest on read everything. Until told, it did not."""
        self._is_complete = complete

    def replace(self, group: Group, result: BookResult) -> None:
        """Put the result in the place of the earlier one for these parties.

        A finding that an incomplete run does not find stays, and its group is looked at again by the next run.
        """
        parties = sorted(self._numbers_of(group))
        kept = self._findings.replace(parties, result.findings, may_resolve=self._is_complete)
        moments = [moment for moment in (result.recheck_at, self._now if kept else None) if moment is not None]
        self._tie_lines.replace(parties, result.tie_lines)
        self._rechecks.replace(parties, min(moments, default=None))

    def replace_gates(self, findings: Sequence[Finding]) -> None:
        """Put the company-wide findings of group G in place of the earlier ones."""
        self._findings.replace_gates(findings)

    def plan_alerts(self, plan: Plan) -> None:
        """Have `plan` decide what is to be told of the findings, when all of them have been replaced."""
        self._plan = plan

    def finish(self) -> None:
        """Write everything, and move the watermark to what was seen when the groups were loaded."""
        self._findings.finish()
        self._tie_lines.finish()
        self._rechecks.finish()
        if self._loaded is not None:
            seen = self._loaded.seen
            mark = Mark(version_id=seen.version_id, context=seen.context, reconciled_at=self._now)
            record_groups(self._connection, self._company, self._loaded.grouping)
            record_mark(self._connection, self._company, mark, run_id=self._run_id)
        if self._plan is not None:
            plan = self._plan

            def plan_now(situation: AlertSituation) -> Sequence[AlertChange]:
                # the run that is going on is not in the list of finished ones yet
                complete_at = self._now if self._is_complete else situation.complete_at
                return plan(msgspec.structs.replace(situation, complete_at=complete_at))

            review_alerts(self._connection, self._company, plan_now, at=self._now)

    def _numbers_of(self, group: Group) -> list[int]:
        if not all(party in self._numbers for party in group.parties):
            self._numbers = self._numbers | load_numbers(self._connection, self._company, group.parties)
        return [self._numbers[party] for party in group.parties]
