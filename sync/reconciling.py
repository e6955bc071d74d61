"""Reconcile: load the books that changed, ask the rules, store what they say. One transaction, no network."""

import logging
from collections.abc import Callable, Sequence

import msgspec

from mappings.alerts import AlertChange, AlertSituation
from mappings.findings import Finding, Gap, TieOut, Verdict
from mappings.model import History, RecordKey
from mappings.records import StoredFinding
from sync.ports import BookStore
from sync.rules.evaluate import evaluate_book
from sync.rules.gates import changed_preferences, findings_from_gaps, inferred_deletions, unknown_words
from sync.rules.moment import Moment
from sync.tie_out import decide_verdict

_LOG = logging.getLogger(__name__)
_UNSETTLED = ("open", "acknowledged")

AlertPlan = Callable[[AlertSituation], Sequence[AlertChange]]


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What a run knows about its own reading, beside the records.

    `gaps` say what could not be read; `words` are BigTime words nobody has configured, as (field, word, record);
    `missing` are BigTime records that one complete read did not show.
    """

    gaps: tuple[Gap, ...] = ()
    words: tuple[tuple[str, str, RecordKey], ...] = ()
    missing: tuple[RecordKey, ...] = ()
    preferences: History | None = None

    @property
    def complete(self) -> bool:
        """Whether everything was read."""
        return not self.gaps


class ReconcileOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict of a reconcile, the tie-out over the whole company, and every finding that is not resolved."""

    verdict: Verdict
    tie_outs: tuple[TieOut, ...]
    findings: tuple[StoredFinding, ...]
    group_count: int


def reconcile_company(
    books: BookStore,
    *,
    run_id: str,
    company: str,
    moment: Moment,
    certificate: Certificate,
    full: bool = False,
    progress: Callable[[int, int], None] | None = None,
    alerts: AlertPlan | None = None,
) -> ReconcileOutcome:
    """Bring the stored findings and the tie-out up to date and say how the company stands.

    Incremental and full are the same code over fewer or all groups, and leave the same state. An incomplete run
    opens findings but resolves none. `progress` is called with (groups done, groups in all).
    `alerts` decides what people are to be told of the findings, in the transaction that changes them.

    Side effects: one write transaction on the company's findings.
    """
    groups = books.load_all_groups() if full else books.load_changed_groups(moment.now)
    with books.reconcile_unit(run_id) as unit:
        unit.set_complete(certificate.complete)
        for done, (group, book) in enumerate(zip(groups, books.iterate_books(groups), strict=True), start=1):
            unit.replace(group, evaluate_book(book, moment))
            if progress is not None:
                progress(done, len(groups))
        unit.replace_gates(_gates(company, moment, certificate))
        if alerts is not None:
            unit.plan_alerts(alerts)
    findings = books.load_findings()
    outcome = ReconcileOutcome(
        verdict=decide_verdict(
            complete=certificate.complete, gaps=certificate.gaps, open_findings=_unsettled(findings)
        ),
        tie_outs=books.load_tie_outs(),
        findings=findings,
        group_count=len(groups),
    )
    _LOG.info(
        "reconciled",
        extra={"action": "reconciled", "company": company, "groups": len(groups), "verdict": outcome.verdict.value},
    )
    return outcome


def _gates(company: str, moment: Moment, certificate: Certificate) -> tuple[Finding, ...]:
    return (
        *findings_from_gaps(company, certificate.gaps),
        *unknown_words(company, certificate.words),
        *changed_preferences(company, certificate.preferences, moment),
        *inferred_deletions(company, certificate.missing),
    )


def _unsettled(findings: Sequence[StoredFinding]) -> tuple[Finding, ...]:
    """The findings that nobody has settled; what a person expects does not spoil the verdict."""
    return tuple(stored.finding for stored in findings if stored.status in _UNSETTLED)
