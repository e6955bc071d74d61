"""What one type of finding is: its name, urgency, meaning and remedy."""

import msgspec

from mappings.findings import Severity


class FindingType(msgspec.Struct, frozen=True, kw_only=True):
    """One type of finding. `severity` is what a rule gives it unless it says otherwise."""

    code: str
    slug: str
    severity: Severity
    meaning: str
    remedy: str


def finding_type(code: str, slug: str, severity: Severity, meaning: str, remedy: str) -> FindingType:
    """A type, in one line of a table."""
    return FindingType(code=code, slug=slug, severity=severity, meaning=meaning, remedy=remedy)
