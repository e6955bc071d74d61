"""The result of a run, and the JSON that says it. The only place that turns a run into `tieout.reconcile/1`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from mappings.findings import Evidence, Finding, Gap, TieOut, Verdict
from mappings.model import System
from mappings.money import format_amount
from mappings.records import SetAside, StoredFinding
from sync.checking import Check
from sync.exit_codes import ExitCode
from sync.explaining import Explanation, Step

RECONCILE_SCHEMA = "tieout.reconcile/1"
SYNC_SCHEMA = "tieout.sync/1"
FINDINGS_SCHEMA = "tieout.findings/1"
UNREADABLE_SCHEMA = "tieout.unreadable/1"
FINDING_SCHEMA = "tieout.finding/1"
CHECK_SCHEMA = "tieout.check/1"
REPORT_SCHEMA = "tieout.report/1"


class CallCount(msgspec.Struct, frozen=True, kw_only=True):
    """Calls sent to one system in one run; `metered` are those that count against a budget, None: no meter."""

    sent: int = 0
    metered: int | None = None


class RunCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """What a run read, and what it could not.

    `read` counts records by system and kind. An empty `gaps` on an incomplete run is a defect.
    """

    gaps: tuple[Gap, ...] = ()
    read: Mapping[str, Mapping[str, int]] = {}
    calls: Mapping[str, CallCount] = {}

    @property
    def complete(self) -> bool:
        """Whether everything that should be read was read."""
        return not self.gaps


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of one company found. `findings` are all that are not resolved, the most urgent first.

    `exit_code` is that of a command that ends with this run; it follows from the verdict unless a system asks
    for a person (4) or broke its contract (5); `problem` is then the sentence that a person needs.
    """

    company: str
    run: str
    verdict: Verdict
    certificate: RunCertificate
    tie_outs: tuple[TieOut, ...]
    findings: tuple[StoredFinding, ...]
    exit_code: ExitCode
    problem: str = ""


class PullReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one run read, when nothing was judged."""

    company: str
    run: str
    certificate: RunCertificate
    exit_code: ExitCode
    problem: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One event in a finding's life: a run saw or missed it (`who` is then the run), or a person decided."""

    at: datetime
    event: str
    who: str
    reason: str = ""


def exit_code_of(verdict: Verdict) -> ExitCode:
    """The exit code that a verdict alone leads to."""
    return {
        Verdict.CLEAN: ExitCode.CLEAN,
        Verdict.FINDINGS: ExitCode.FINDINGS,
        Verdict.INCOMPLETE: ExitCode.INCOMPLETE,
    }[verdict]


def reconcile_document(report: RunReport) -> dict[str, Any]:
    """The run as the JSON document `tieout.reconcile/1`; money is a decimal string with the currency's digits."""
    return {
        "schema": RECONCILE_SCHEMA,
        "company": report.company,
        "run": report.run,
        "verdict": str(report.verdict),
        "certificate": certificate_document(report.certificate),
        "tie_out": [tie_out_document(tie_out) for tie_out in report.tie_outs],
        "findings": [finding_document(stored) for stored in report.findings],
    }


def pull_document(report: PullReport) -> dict[str, Any]:
    """A pull as the JSON document `tieout.sync/1`."""
    return {
        "schema": SYNC_SCHEMA,
        "company": report.company,
        "run": report.run,
        "certificate": certificate_document(report.certificate),
    }


def check_document(company: str, checks: Iterable[Check]) -> dict[str, Any]:
    """What `tieout check` found, as the JSON document `tieout.check/1`."""
    return {
        "schema": CHECK_SCHEMA,
        "company": company,
        "checks": [{"part": check.name, "works": check.works, "detail": check.detail} for check in checks],
    }


def explanation_document(
    explanation: Explanation, *, as_of: datetime, parameters: Mapping[str, str], gaps: Sequence[str] = ()
) -> dict[str, Any]:
    """An explanation as the JSON document `tieout.report/1`: one row for each step.

    The rows of section `credit` are a client's occasions of credit, those of `tie_out` the waterfall; `settled` are the
    steps from what an invoice is for to what is open on it.
    """
    return {
        "schema": REPORT_SCHEMA,
        "report": "explain",
        "company": explanation.company,
        "as_of": exact_moment(as_of),
        "parameters": dict(parameters),
        "rows": [
            *(_step_document(step, section="credit") for step in explanation.occasions),
            *(_step_document(step, section="tie_out") for step in explanation.steps),
        ],
        "totals": [],
        "settled": [_step_document(step, section="quickbooks") for step in explanation.settled],
        "answer": list(explanation.answer),
        "complete": not gaps,
        "gaps": list(gaps),
    }


def _step_document(step: Step, *, section: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "label": step.label,
        "amount": format_amount(step.amount_minor, step.currency),
        "currency": step.currency,
        "records": [record_document(evidence) for evidence in step.records],
        "section": section,
    }
    if step.origin:
        document["origin"] = step.origin
    if step.current_minor is not None:
        document["current"] = format_amount(step.current_minor, step.currency)
    return document


def unreadable_document(company: str, records: Iterable[SetAside]) -> dict[str, Any]:
    """Records that could not be read, as the JSON document `tieout.unreadable/1`."""
    return {
        "schema": UNREADABLE_SCHEMA,
        "company": company,
        "records": [
            {
                "system": str(each.system),
                "kind": str(each.kind),
                "id": each.record_id,
                "since": format_moment(each.since),
                "reason": each.reason,
                "advice": advice_for(each),
            }
            for each in records
        ],
    }


def advice_for(record: SetAside) -> str:
    """What a person can do about a record that cannot be read."""
    system = "QuickBooks" if record.system is System.QUICKBOOKS else "BigTime"
    name = f"{str(record.kind).replace('_', ' ')} {record.record_id}".strip()
    return (
        f"Open {name} in {system}, correct what the reason names, and save it: the next run reads it. When it looks "
        "right there, report the reason: nothing of it is in any figure until then."
    )


def findings_document(company: str, findings: Iterable[StoredFinding]) -> dict[str, Any]:
    """Findings as the JSON document `tieout.findings/1`."""
    return {
        "schema": FINDINGS_SCHEMA,
        "company": company,
        "findings": [finding_document(stored) for stored in findings],
    }


def finding_page_document(company: str, stored: StoredFinding, decisions: Iterable[Decision]) -> dict[str, Any]:
    """One finding with its history, as the JSON document `tieout.finding/1`."""
    return {
        "schema": FINDING_SCHEMA,
        "company": company,
        "finding": {**finding_document(stored), "reason": stored.finding.reason},
        "history": [
            {"at": format_moment(decision.at), "event": decision.event, "who": decision.who, "reason": decision.reason}
            for decision in decisions
        ],
    }


def certificate_document(certificate: RunCertificate) -> dict[str, Any]:
    """What was read, for both systems, whether or not they were reached."""
    calls: dict[str, dict[str, int]] = {}
    for system in System:
        count = certificate.calls.get(system, CallCount())
        calls[system] = {"sent": count.sent}
        if count.metered is not None:
            calls[system]["metered"] = count.metered
    return {
        "complete": certificate.complete,
        "gaps": [{"code": gap.code, "system": gap.system, "sentence": gap.sentence} for gap in certificate.gaps],
        "read": {str(system): dict(certificate.read.get(system, {})) for system in System},
        "calls": calls,
    }


def tie_out_document(tie_out: TieOut) -> dict[str, Any]:
    """One currency's tie-out."""
    currency = tie_out.currency
    return {
        "currency": currency,
        "invoices": tie_out.invoice_count,
        "bigtime_balance": format_amount(tie_out.bigtime_minor, currency),
        "quickbooks_balance": format_amount(tie_out.quickbooks_minor, currency),
        "difference": format_amount(tie_out.difference_minor, currency),
        "explained": format_amount(tie_out.explained_minor, currency),
        "residual": format_amount(tie_out.residual_minor, currency),
    }


def finding_document(stored: StoredFinding) -> dict[str, Any]:
    """One finding with its claim, evidence and life."""
    finding = stored.finding
    return {
        "id": stored.id,
        "fingerprint": finding.fingerprint,
        "code": finding.code,
        "slug": finding.slug,
        "severity": str(finding.severity),
        "proof": str(finding.proof),
        "claim": format_amount(finding.claim_minor, finding.currency),
        "exposure": format_amount(finding.exposure_minor, finding.currency),
        "currency": finding.currency,
        "client": msgspec.to_builtins(finding.client),
        "invoice": None if finding.invoice is None else msgspec.to_builtins(finding.invoice),
        "records": [record_document(evidence) for evidence in _distinct(finding)],
        "explanation": finding.explanation,
        "status": stored.status,
        "first_seen": format_moment(stored.first_seen),
        "incident": finding.incident,
        "assigned_to": stored.assigned_to,
        "cause": finding.cause,
        "reason": finding.reason,
        "claims": [
            {"invoice": claim.invoice_id, "amount": format_amount(claim.amount_minor, finding.currency)}
            for claim in finding.claims
        ],
    }


def record_document(evidence: Evidence) -> dict[str, str]:
    """One record version that a statement rests on."""
    key = evidence.key
    return {"system": str(key.system), "kind": str(key.kind), "id": key.id, "version": evidence.sha256}


def _distinct(finding: Finding) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(finding.evidence))


def format_moment(moment: datetime) -> str:
    """An aware moment in UTC to the second: 2026-11-05T09:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact_moment(moment: datetime) -> str:
    """A moment in UTC that reads back as itself: with microseconds when there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
