"""Up to which version, and under which company-wide facts, the stored results of a company are true."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from state.companies import Company
from state.tables import RECONCILE_MARK


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A reconcile's watermark: the newest version it knew, and a digest of what every book rests on."""

    version_id: int
    context: str
    reconciled_at: datetime | None = None


def load_mark(connection: Connection, company: Company) -> Mark | None:
    """The mark of the last reconcile; None when there was none."""
    row = connection.execute(select(RECONCILE_MARK).where(RECONCILE_MARK.c.company_id == company.id)).one_or_none()
    if row is None:
        return None
    return Mark(version_id=row.version_id, context=row.context, reconciled_at=row.reconciled_at)


def record_mark(connection: Connection, company: Company, mark: Mark, *, run_id: str) -> None:
    """Put the mark in the place of the earlier one."""
    connection.execute(delete(RECONCILE_MARK).where(RECONCILE_MARK.c.company_id == company.id))
    connection.execute(
        insert(RECONCILE_MARK).values(
            company_id=company.id,
            version_id=mark.version_id,
            context=mark.context,
            reconciled_at=mark.reconciled_at,
            run_id=run_id,
        )
    )
