"""What people expect: findings that are as they should be, once, for a client, or of a whole type.

An expectation covers what was seen when it was said: a finding that shows more money, or is more urgent, is opened
again. It ends at its date, or when the finding that it was said about is reopened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, insert, or_, select, update

from mappings.findings import Finding
from mappings.records import ExpectationScope
from state.alert_tables import EXPECTATION
from state.companies import Company
from state.texts import storable

_LONGEST_TEXT = 500
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One expectation. `expires_at` None: until somebody takes it back."""

    id: int
    scope: ExpectationScope
    fingerprint: str
    code: str
    client: str
    severity: str
    currency: str
    claim_minor: int
    most_minor: int
    author: str
    reason: str
    expires_at: datetime | None

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is what was expected, and nothing more."""
        if (self.code, self.currency) != (finding.code, finding.currency):
            return False
        if min(finding.exposure_minor, _LARGEST) > self.most_minor or finding.severity.value < self.severity:
            return False
        match self.scope:
            case ExpectationScope.RECORD:
                return (self.fingerprint, self.claim_minor) == (finding.fingerprint, _bounded(finding.claim_minor))
            case ExpectationScope.CLIENT:
                return self.client == client_text(finding)
            case ExpectationScope.PATTERN:
                return True


def client_text(finding: Finding) -> str:
    """What names a finding's client, in one text; by ids where there are any, because names change."""
    client = finding.client
    if client.bigtime or client.quickbooks:
        return f"bigtime {client.bigtime}, quickbooks {client.quickbooks}"
    return f"named {client.name}"


def load_expectations(connection: Connection, company: Company, *, now: datetime) -> tuple[Expectation, ...]:
    """Those in force, oldest first."""
    in_force = or_(EXPECTATION.c.expires_at.is_(None), EXPECTATION.c.expires_at > now)
    query = select(EXPECTATION).where(
        EXPECTATION.c.company_id == company.id, EXPECTATION.c.ended_at.is_(None), in_force
    )
    return tuple(_expectation(row) for row in connection.execute(query.order_by(EXPECTATION.c.id)))


def covering(expectations: Sequence[Expectation], finding: Finding) -> Expectation | None:
    """The first that covers the finding."""
    return next((each for each in expectations if each.covers(finding)), None)


def record_expectation(
    connection: Connection,
    company: Company,
    finding: Finding,
    *,
    scope: ExpectationScope,
    author: str,
    reason: str,
    at: datetime,
    until: datetime | None,
) -> Expectation:
    """Expect the finding as it is now; an earlier expectation that was said about it ends."""
    end_expectations(connection, company, finding.fingerprint, at=at)
    values = {
        "company_id": company.id,
        "scope": scope.value,
        "fingerprint": finding.fingerprint,
        "code": finding.code,
        "client": storable(client_text(finding), _LONGEST_TEXT),
        "severity": finding.severity.value,
        "currency": finding.currency,
        "claim_minor": _bounded(finding.claim_minor),
        "most_minor": _bounded(finding.exposure_minor),
        "author": storable(author, _LONGEST_TEXT),
        "reason": storable(reason, _LONGEST_TEXT),
        "created_at": at,
        "expires_at": until,
    }
    number = connection.execute(insert(EXPECTATION).values(values).returning(EXPECTATION.c.id)).scalar_one()
    return _expectation(connection.execute(select(EXPECTATION).where(EXPECTATION.c.id == number)).one())


def end_expectations(connection: Connection, company: Company, fingerprint: str, *, at: datetime) -> int:
    """End what was said about this finding; answers how many expectations that were."""
    own = (EXPECTATION.c.company_id == company.id, EXPECTATION.c.fingerprint == fingerprint)
    ended = connection.execute(update(EXPECTATION).where(*own, EXPECTATION.c.ended_at.is_(None)).values(ended_at=at))
    return ended.rowcount


def end_expired(connection: Connection, company: Company, *, now: datetime) -> bool:
    """Close those whose date has come; True when there were any, so that their findings are looked at again."""
    own = (EXPECTATION.c.company_id == company.id, EXPECTATION.c.ended_at.is_(None), EXPECTATION.c.expires_at <= now)
    return connection.execute(update(EXPECTATION).where(*own).values(ended_at=now)).rowcount > 0


def _bounded(minor: int) -> int:
    return max(-_LARGEST, min(minor, _LARGEST))


def _expectation(row: Row[tuple[object, ...]]) -> Expectation:
    return Expectation(
        id=row.id,
        scope=ExpectationScope(row.scope),
        fingerprint=row.fingerprint,
        code=row.code,
        client=row.client,
        severity=row.severity,
        currency=row.currency,
        claim_minor=row.claim_minor,
        most_minor=row.most_minor,
        author=row.author,
        reason=row.reason,
        expires_at=row.expires_at,
    )
