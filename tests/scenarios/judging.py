"""Hold what was found against what a scenario expects at a checkpoint."""

from collections.abc import Iterable
from decimal import Decimal

from connectors.sandbox.scenario import Checkpoint, Expectation
from mappings.findings import Finding
from mappings.money import format_amount


def _shown(finding: Finding) -> str:
    name = finding.invoice.number if finding.invoice else finding.client.name
    claim, exposure = (
        format_amount(minor, finding.currency) for minor in (finding.claim_minor, finding.exposure_minor)
    )
    return f"{finding.code} {name} claim {claim} exposure {exposure} {finding.severity} {finding.proof}"


def _meets(finding: Finding, wanted: Expectation) -> bool:
    names = {finding.client.name.casefold().replace(" ", "-")}
    if finding.invoice:
        names.add(finding.invoice.number.casefold())
    claim = Decimal(format_amount(finding.claim_minor, finding.currency))
    exposure = Decimal(format_amount(finding.exposure_minor, finding.currency))
    return (
        finding.code == wanted.code
        and any(subject.casefold() in names for subject in wanted.subjects)
        and wanted.claim in (None, claim)
        and wanted.exposure in (None, exposure)
        and wanted.proof in (None, finding.proof)
        and wanted.severity in (None, finding.severity)
    )


def complaints(checkpoint: Checkpoint, findings: Iterable[Finding]) -> list[str]:
    """What is missing and what should not be there, in words; empty when the checkpoint is met.

    Findings of S4 are only compared where the scenario names them, unless it expects nothing at all. A checkpoint
    that says nothing of findings is met by any.
    """
    left = list(findings)
    wrong = []
    for wanted in checkpoint.expectations:
        met = next((finding for finding in left if _meets(finding, wanted)), None)
        if met is None:
            wrong.append(f"line {wanted.line}: not found: {wanted.code} {' '.join(wanted.subjects)}")
        else:
            left.remove(met)
    says_something = checkpoint.expectations or checkpoint.expects_none or checkpoint.expects_nothing
    if says_something:
        limit = () if checkpoint.expects_nothing else ("S4",)
        wrong += [f"not expected: {_shown(finding)}" for finding in left if finding.severity not in limit]
    return wrong
