"""Companies by their alias; the number that stands for one in every other table."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, func, insert, select

from state.engine import read, write
from state.tables import COMPANY, LEASE

_ID_BITS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """One company in one store."""

    id: int
    alias: str

    @property
    def first_id(self) -> int:
        """The lowest identifier of this company's rows."""
        return self.id << _ID_BITS

    @property
    def last_id(self) -> int:
        """The highest identifier that this company's rows can have."""
        return ((self.id + 1) << _ID_BITS) - 1


def load_company(engine: Engine, alias: str) -> Company | None:
    """The company of that alias; None when there is none yet."""
    with read(engine) as connection:
        found = connection.execute(select(COMPANY.c.id).where(COMPANY.c.alias == alias)).scalar()
    return None if found is None else Company(id=found, alias=alias)


def load_aliases(engine: Engine) -> tuple[str, ...]:
    """The aliases of all companies, sorted."""
    with read(engine) as connection:
        return tuple(sorted(connection.execute(select(COMPANY.c.alias)).scalars()))


def record_company(engine: Engine, alias: str, *, at: datetime) -> Company:
    """The company of that alias, made when there was none."""
    known = load_company(engine, alias)
    if known is not None:
        return known
    with write(engine) as connection:
        found = connection.execute(select(COMPANY.c.id).where(COMPANY.c.alias == alias)).scalar()
        if found is None:
            row = connection.execute(insert(COMPANY).values(alias=alias, created_at=at).returning(COMPANY.c.id))
            found = row.scalar_one()
            connection.execute(insert(LEASE).values(company_id=found, fence=0))
        return Company(id=found, alias=alias)


def last_id(connection: Connection, column: ColumnElement[int], company: Company) -> int:
    """The highest identifier in use in one of the company's numbered tables; ids grow from there."""
    highest = connection.execute(
        select(func.max(column)).where(column >= company.first_id, column <= company.last_id)
    ).scalar()
    return company.first_id if highest is None else highest
