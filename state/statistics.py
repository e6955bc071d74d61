"""What PostgreSQL's planner knows of the tables, kept near the truth while a first load fills them.

Its own daemon looks once a minute; a first load and the reconcile after it are over sooner, and plans made for
empty tables take a hundred times as long. SQLite plans well without.
"""

from sqlalchemy import Connection, Engine, text

from state.engine import write

_TABLES = ("record", "version", "link", "also_party", "party")
_FROM = 2_000  # records; below this any plan is fast


class Statistics:
    """Refreshes the statistics whenever the records of a company have doubled."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._due_from = _FROM if engine.dialect.name == "postgresql" else None

    def refresh(self, record_count: int) -> None:
        """Call after a commit, with the number of records of the company."""
        if self._due_from is None or record_count < self._due_from:
            return
        self._due_from = 2 * record_count
        with write(self._engine) as connection:
            if _known_count(connection) * 2 < record_count:
                for table in _TABLES:
                    connection.execute(text(f"ANALYZE {table}"))


def _known_count(connection: Connection) -> float:
    return float(connection.execute(text("SELECT reltuples FROM pg_class WHERE oid = 'record'::regclass")).scalar_one())
