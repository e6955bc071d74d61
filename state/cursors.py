"""Where each feed of a company was left off: small JSON texts, written with the rows that they stand for."""

from sqlalchemy import Connection, insert, select, update

from state.companies import Company
from state.tables import CURSOR


def load_cursor(connection: Connection, company: Company, feed: str) -> str | None:
    """The cursor's text; None when it was never set."""
    value: str | None = connection.execute(
        select(CURSOR.c.value).where(CURSOR.c.company_id == company.id, CURSOR.c.feed == feed)
    ).scalar()
    return value


def record_cursor(connection: Connection, company: Company, run_id: str, *, feed: str, value: str) -> None:
    """Set a cursor; an unchanged value writes nothing."""
    stored = load_cursor(connection, company, feed)
    if stored is None:
        connection.execute(insert(CURSOR).values(company_id=company.id, feed=feed, value=value, run_id=run_id))
    elif stored != value:
        connection.execute(
            update(CURSOR)
            .where(CURSOR.c.company_id == company.id, CURSOR.c.feed == feed)
            .values(value=value, run_id=run_id)
        )
