"""What a person sees of a run, a finding and an explanation: lines and grids, at most 100 columns wide."""

from collections.abc import Mapping, Sequence

from mappings.findings import Finding, TieOut, Verdict
from mappings.model import System
from mappings.money import Money
from mappings.records import SetAside, StoredFinding
from sync.cli.grids import Cell, Column, Grid, amount_text
from sync.explaining import Explanation, Step
from sync.reporting import Decision, RunCertificate, RunReport, format_moment

SEVERITY_STYLES: Mapping[str, str] = {"S1": "bold red", "S2": "yellow", "S3": "cyan", "S4": "dim"}
_SHORT_ID = 8
_SHORT_HASH = 19  # `sha256:` and 12 digits
_LONGEST_SHOWN_ID = 12
_VERDICT_SENTENCES = {
    Verdict.CLEAN: "clean: the reading is complete, and nothing is wrong",
    Verdict.FINDINGS: "findings: the reading is complete, and these need a person",
    Verdict.INCOMPLETE: "incomplete: not everything could be read, so nothing is said to be clean",
}


def short_id(stored: StoredFinding) -> str:
    """A finding's id, or the beginning of a long one, which commands accept in its place."""
    return stored.id if len(stored.id) <= _LONGEST_SHOWN_ID else stored.id[:_SHORT_ID]


def run_lines(report: RunReport) -> list[str]:
    """The verdict, what was read, and what was not."""
    lines = [f"{report.company}: {_VERDICT_SENTENCES[report.verdict]} (run {report.run[:_SHORT_ID]})"]
    lines += certificate_lines(report.certificate)
    return [*lines, ""]


def certificate_lines(certificate: RunCertificate) -> list[str]:
    """One line for each system, and one for each gap."""
    lines = [] if certificate.calls else ["  Nothing was read in this run."]
    for system in System:
        if system not in certificate.calls:
            continue
        read = certificate.read.get(system, {})
        what = ", ".join(f"{count} {_plural(kind, count)}" for kind, count in sorted(read.items()) if count)
        calls = certificate.calls[system]
        sent = f" in {calls.sent} {_plural('call', calls.sent)}"
        lines.append(f"  {_SYSTEM_NAMES[system]}: read {what or 'nothing new'}{sent}")
    return lines + [f"  ! {gap.code} {_system_name(gap.system)}: {gap.sentence}" for gap in certificate.gaps]


_SYSTEM_NAMES = {System.QUICKBOOKS: "QuickBooks", System.BIGTIME: "BigTime"}


def _system_name(name: str) -> str:
    return next((shown for system, shown in _SYSTEM_NAMES.items() if system == name), name)


def _plural(word: str, count: int) -> str:
    plain = word.replace("_", " ")
    if count == 1 or plain == "preferences":
        return plain
    return f"{plain[:-1]}ies" if plain.endswith("ry") else f"{plain}s"


def certificate_grid(certificate: RunCertificate) -> Grid:
    """How many records of each kind were read."""
    return Grid(
        title="",
        columns=(Column("system", "System"), Column("kind", "Kind"), Column("read", "Read", is_number=True)),
        rows=tuple(
            (str(system), kind, count)
            for system in System
            for kind, count in sorted(certificate.read.get(system, {}).items())
        ),
    )


def tie_out_grid(tie_outs: Sequence[TieOut]) -> Grid:
    """The tie-out of each currency."""
    return Grid(
        title="Tie-out of posted invoices",
        columns=(
            Column("currency", "Currency"),
            Column("invoices", "Invoices", is_number=True),
            Column("bigtime_balance", "BigTime", is_number=True),
            Column("quickbooks_balance", "QuickBooks", is_number=True),
            Column("difference", "Difference", is_number=True),
            Column("explained", "Explained", is_number=True),
            Column("residual", "Residual", is_number=True),
        ),
        rows=tuple(_tie_out_row(tie_out) for tie_out in tie_outs),
    )


def _tie_out_row(tie_out: TieOut) -> tuple[Cell, ...]:
    amounts = (
        tie_out.bigtime_minor,
        tie_out.quickbooks_minor,
        tie_out.difference_minor,
        tie_out.explained_minor,
        tie_out.residual_minor,
    )
    return (tie_out.currency, tie_out.invoice_count, *(Money(amount, tie_out.currency) for amount in amounts))


def unreadable_grid(records: Sequence[SetAside], *, title: str) -> Grid:
    """Records that could not be read, one a row."""
    return Grid(
        title=title,
        columns=(
            Column("system", "System"),
            Column("kind", "Kind"),
            Column("id", "Id"),
            Column("since", "Since"),
            Column("reason", "Why", is_wide=True),
        ),
        rows=tuple(
            (str(each.system), str(each.kind), each.record_id, f"{each.since:%Y-%m-%d %H:%M}", each.reason)
            for each in records
        ),
    )


def findings_grid(findings: Sequence[StoredFinding], *, title: str = "Findings") -> Grid:
    """Findings, one a row; files hold what a terminal has no room for."""
    return Grid(
        title=title,
        columns=(
            Column("id", "Id"),
            Column("severity", "Sev"),
            Column("code", "Code", is_extra=True),  # the id begins with it
            Column("slug", "What", is_wide=True),
            Column("client", "Client", is_wide=True),
            Column("invoice", "Invoice", is_wide=True),
            Column("claim", "Claim", is_number=True),
            Column("exposure", "At stake", is_number=True),
            Column("currency", "Cur"),
            Column("proof", "Proof", is_extra=True),
            Column("status", "Status", is_extra=True),
            Column("first_seen", "First seen", is_extra=True),
            Column("fingerprint", "Fingerprint", is_extra=True),
            Column("incident", "Incident", is_extra=True),
            Column("explanation", "Explanation", is_extra=True, is_wide=True),
        ),
        rows=tuple(_finding_row(stored) for stored in findings),
        styles=SEVERITY_STYLES,
    )


def _finding_row(stored: StoredFinding) -> tuple[Cell, ...]:
    finding = stored.finding
    return (
        short_id(stored),
        str(finding.severity),
        finding.code,
        finding.title,
        finding.client.name,
        finding.invoice.number if finding.invoice is not None else "",
        Money(finding.claim_minor, finding.currency),
        Money(finding.exposure_minor, finding.currency),
        finding.currency,
        str(finding.proof),
        stored.status,
        stored.first_seen,
        finding.fingerprint,
        finding.incident,
        finding.explanation,
    )


def finding_lines(stored: StoredFinding) -> list[str]:
    """One finding in full, as lines."""
    finding = stored.finding
    return [
        f"{finding.code} {finding.title} ({finding.severity}, {stored.status})",
        "",
        finding.explanation,
        "",
        f"Client:     {_reference(finding.client.name, finding.client.bigtime, finding.client.quickbooks)}",
        f"Invoice:    {_invoice_reference(finding)}",
        f"Claim:      {amount_text(finding.claim_minor, finding.currency)} of BigTime - QuickBooks",
        f"At stake:   {amount_text(finding.exposure_minor, finding.currency)}",
        f"Incident:   {finding.incident}{': ' + finding.cause if finding.cause else ''}",
        f"Proof:      {str(finding.proof).replace('_', ' ')}: {finding.reason}",
        f"First seen: {format_moment(stored.first_seen)}, last seen {format_moment(stored.last_seen)}",
        *([f"Assigned:   {stored.assigned_to}"] if stored.assigned_to else []),
        f"Id:         {stored.id}",
        "",
    ]


def _reference(name: str, bigtime: str, quickbooks: str) -> str:
    ids = [f"BigTime {bigtime}" if bigtime else "", f"QuickBooks {quickbooks}" if quickbooks else ""]
    known = ", ".join(part for part in ids if part)
    return f"{name} ({known})" if known else name or "-"


def _invoice_reference(finding: Finding) -> str:
    invoice = finding.invoice
    return "-" if invoice is None else _reference(invoice.number, invoice.bigtime, invoice.quickbooks)


def evidence_grid(finding: Finding) -> Grid:
    """The record versions that a finding rests on."""
    return Grid(
        title="Records",
        columns=(
            Column("system", "System"),
            Column("kind", "Kind"),
            Column("id", "Id", is_wide=True),
            Column("short", "Version"),
            Column("version", "Version", is_extra=True),
        ),
        rows=tuple(
            (str(proof.key.system), str(proof.key.kind), proof.key.id, proof.sha256[:_SHORT_HASH], proof.sha256)
            for proof in dict.fromkeys(finding.evidence)
        ),
    )


def history_grid(decisions: Sequence[Decision]) -> Grid:
    """What happened to a finding, and who decided it."""
    return Grid(
        title="History",
        columns=(
            Column("at", "When"),
            Column("event", "What"),
            Column("who", "Who"),
            Column("reason", "Reason", is_wide=True),
        ),
        rows=tuple((decision.at, decision.event, decision.who, decision.reason) for decision in decisions),
    )


def explanation_grids(explanation: Explanation) -> list[Grid]:
    """The waterfall, and before it what the credit ledger knows: one step a row."""
    parts = (
        (f"{explanation.subject}: occasions of credit", explanation.occasions),
        (f"{explanation.subject}: how it was settled in QuickBooks", explanation.settled),
        (f"{explanation.subject}: from BigTime to QuickBooks", explanation.steps),
    )
    return [_steps_grid(title, steps) for title, steps in parts if steps]


def _steps_grid(title: str, steps: Sequence[Step]) -> Grid:
    has_rest = any(step.current_minor is not None for step in steps)
    return Grid(
        title=title,
        columns=(
            Column("label", "Step", is_wide=True),
            Column("amount", "Amount", is_number=True),
            Column("current", "Left of it", is_number=True, is_extra=not has_rest),
            Column("currency", "Cur"),
            Column("records", "Records", is_wide=True),
        ),
        rows=tuple(
            (
                step.label,
                Money(step.amount_minor, step.currency),
                None if step.current_minor is None else Money(step.current_minor, step.currency),
                step.currency,
                ", ".join(dict.fromkeys(str(proof.key) for proof in step.records)),
            )
            for step in steps
        ),
    )
