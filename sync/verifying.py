"""Does a finding follow from the stored raw records? Checked from the evidence up, not from what was concluded."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from mappings.findings import Evidence, Finding
from mappings.model import raw_hash
from state.errors import StoreDamaged


class Verification(msgspec.Struct, frozen=True):
    """Whether something stored holds what it promises, and what was seen while it was looked at, line by line."""

    holds: bool
    lines: tuple[str, ...]


def verify_evidence(finding: Finding, load_raw: Callable[[Evidence], bytes | None]) -> Iterator[tuple[bool, str]]:
    """For each record version of the evidence: whether its raw text is stored and is the one that was named."""
    for evidence in dict.fromkeys(finding.evidence):
        try:
            raw = load_raw(evidence)
        except StoreDamaged as damaged:
            yield False, f"{evidence.key}: {damaged}"
            continue
        if raw is None:
            yield False, f"{evidence.key}: the raw record is not stored"
        elif raw_hash(raw) != evidence.sha256:
            yield False, f"{evidence.key}: the raw record is not the one that was seen, its hash is another"
        else:
            yield True, f"{evidence.key}: the raw record is the one that was seen ({len(raw)} bytes)"


def verify_claim(finding: Finding, derived: Iterable[Finding]) -> tuple[bool, str]:
    """Whether the rules, applied anew to the stored records, still say the same with the same amounts."""
    found = next((again for again in derived if again.fingerprint == finding.fingerprint), None)
    if found is None:
        return False, "the rules do not find it in the stored records any more"
    if (found.claims, found.exposure_minor, found.currency) != (
        finding.claims,
        finding.exposure_minor,
        finding.currency,
    ):
        return False, "the rules find it with other amounts"
    return True, "the rules find it anew in the stored records, with the same amounts"
