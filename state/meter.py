"""How many calls went out in a month: sent, and of those the ones that the system counts against its budget.

The budget of QuickBooks is the application's, over all companies. Source: facts/quickbooks.md, Builder tier.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Engine, func, select, update

from mappings.model import System
from state.bulk import insert_or_ignore
from state.companies import Company
from state.engine import read, write
from state.tables import CALL_METER


class CallMeter:
    """The calls made for one company; needs no lease."""

    def __init__(self, engine: Engine, company: Company) -> None:
        self._engine = engine
        self._company = company

    def add(self, system: System, *, sent: int, metered: int, at: datetime) -> None:
        """Count calls into the month of `at` in UTC; two processes may count at once."""
        row = {"company_id": self._company.id, "system": system.value, "month": month_of(at)}
        counts = {"sent": CALL_METER.c.sent + sent, "metered": CALL_METER.c.metered + metered}
        own = (CALL_METER.c[column] == value for column, value in row.items())
        with write(self._engine) as connection:
            insert_or_ignore(connection, CALL_METER, row)
            connection.execute(update(CALL_METER).where(*own).values(**counts))

    def load_month(self, system: System, *, at: datetime) -> tuple[int, int]:
        """(sent, metered) of this company in the month of `at`."""
        return _sums(self._engine, system, at, company=self._company)


def load_month_of_all(engine: Engine, system: System, *, at: datetime) -> tuple[int, int]:
    """(sent, metered) of all companies in the month of `at`: what the application's budget is held against."""
    return _sums(engine, system, at, company=None)


def load_months(engine: Engine, company: Company, system: System) -> Mapping[str, tuple[int, int]]:
    """(sent, metered) by month, oldest first."""
    query = (
        select(CALL_METER.c.month, CALL_METER.c.sent, CALL_METER.c.metered)
        .where(CALL_METER.c.company_id == company.id, CALL_METER.c.system == system.value)
        .order_by(CALL_METER.c.month)
    )
    with read(engine) as connection:
        return {month: (sent, metered) for month, sent, metered in connection.execute(query)}


def month_of(moment: datetime) -> str:
    """The month of a moment in UTC, as 2026-03."""
    return moment.astimezone(UTC).strftime("%Y-%m")


def _sums(engine: Engine, system: System, at: datetime, *, company: Company | None) -> tuple[int, int]:
    query = select(func.coalesce(func.sum(CALL_METER.c.sent), 0), func.coalesce(func.sum(CALL_METER.c.metered), 0))
    query = query.where(CALL_METER.c.system == system.value, CALL_METER.c.month == month_of(at))
    if company is not None:
        query = query.where(CALL_METER.c.company_id == company.id)
    with read(engine) as connection:
        sent, metered = connection.execute(query).one()
    return int(sent), int(metered)
