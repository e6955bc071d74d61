"""Many rows at once, at the driver's own speed; for tables that a whole page of records goes into.

Rows are tuples with every column of the table in its order, in the database's own types (`state.times`):
SQLAlchemy's conversions would cost more than the rest of a load. Measured by tests/benchmarks.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from msgspec import json
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

_WALK = "".join(
    f"SET LOCAL {setting};"
    for setting in (
        "enable_hashjoin = off",
        "enable_mergejoin = off",
        "enable_seqscan = off",
        "max_parallel_workers_per_gather = 0",
    )
)
Row = tuple[Any, ...]
Item = TypeVar("Item")

_COPY_FROM = 50  # below this many rows, starting a COPY costs more than it saves
_CHUNK = 5_000  # SQLite takes 32,766 parameters in a statement, PostgreSQL 65,535


def chunks(items: Sequence[Item] | Iterator[Item], size: int = _CHUNK) -> Iterator[list[Item]]:
    """The items in their order, in lists that fit into one statement's parameters."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def walk_by_indexes(connection: Connection) -> None:
    """Have the rest of the transaction look up few rows among many by indexes, as SQLite does by itself."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_WALK)


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert the rows. One that is there already is an error, and the transaction is over."""
    if connection.dialect.name == "postgresql" and len(rows) >= _COPY_FROM:
        _copy_rows(connection, table, rows)
    elif rows:
        connection.exec_driver_sql(_insert_text(table, connection.dialect.name, conflict=""), list(rows))


def insert_missing_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert those of the rows whose key is not there yet."""
    if rows:
        text = _insert_text(table, connection.dialect.name, conflict=" ON CONFLICT DO NOTHING")
        connection.exec_driver_sql(text, list(rows))


def select_in(
    connection: Connection, query: str, parameters: Row, keys: Sequence[str] | Sequence[int], end: str = ""
) -> Sequence[Row]:
    """The rows of `query`, which has a `{}` for each parameter and ends in the column that must be one of `keys`.

    One parameter carries all keys, so that a page of any length is the same statement. `end` comes after them.
    """
    if connection.dialect.name == "postgresql":
        text = "= ANY(%s)"
        listed: Row = (list(keys),)
    else:
        text = "IN (SELECT value FROM json_each(?))"
        listed = (json.encode(keys).decode(),)
    sql = placed(connection, query, len(parameters)) + text + end
    rows: Sequence[Row] = connection.exec_driver_sql(sql, (*parameters, *listed)).fetchall()
    return rows


def placed(connection: Connection, query: str, parameters: int) -> str:
    """The query with the driver's own mark in the place of each `{}`."""
    return query.format(*[_mark(connection.dialect.name)] * parameters)


def insert_or_ignore(connection: Connection, table: Table, values: dict[str, Any]) -> None:
    """Insert one row unless its key is there already."""
    if connection.dialect.name == "postgresql":
        connection.execute(postgresql.insert(table).values(values).on_conflict_do_nothing())
    else:
        connection.execute(sqlite.insert(table).values(values).on_conflict_do_nothing())


def replace_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Overwrite whole rows by their `id`, which is the first column."""
    if rows:
        rotated = [(*row[1:], row[0]) for row in rows]
        connection.exec_driver_sql(_update_text(table, connection.dialect.name), rotated)


@lru_cache(maxsize=64)
def _insert_text(table: Table, dialect: str, *, conflict: str) -> str:
    marks = ", ".join([_mark(dialect)] * len(table.columns))
    return f"INSERT INTO {table.name} ({_columns(table)}) VALUES ({marks}){conflict}"  # noqa: S608 (our own names)


@lru_cache(maxsize=64)
def _update_text(table: Table, dialect: str) -> str:
    mark = _mark(dialect)
    changes = ", ".join(f"{column.name} = {mark}" for column in list(table.columns)[1:])
    return f"UPDATE {table.name} SET {changes} WHERE id = {mark}"  # noqa: S608 (our own names)


def _mark(dialect: str) -> str:
    return "?" if dialect == "sqlite" else "%s"


def _columns(table: Table) -> str:
    return ", ".join(column.name for column in table.columns)


def _copy_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({_columns(table)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
