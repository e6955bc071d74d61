"""One database behind one URL: SQLite or PostgreSQL, with the same promises.

A write transaction is exclusive from its first statement on SQLite (`BEGIN IMMEDIATE`) and durable when it
returns; a read transaction sees one moment of the database and never waits for a writer. Nothing here knows
what is stored.
"""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from state.errors import (
    InvalidStoreUrl,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreNotWritable,
    StoreRefused,
    StoreUnreachable,
)

_PRAGMAS = (
    "PRAGMA page_size = 8192",  # before the first table; a page of records touches many leaves
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit that was acknowledged survives a power cut
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 10000",
    "PRAGMA cache_size = -32768",  # KiB
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA temp_store = MEMORY",
)

_POSTGRES_OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "timezone=UTC",
        "lock_timeout=10000",
        "statement_timeout=600000",
        "idle_in_transaction_session_timeout=600000",
    )
)

_READ = "tieout_read"
_SQLITE_FULL = 13
_SQLITE_LOCKED = frozenset({5, 6})
_SQLITE_NOT_WRITABLE = frozenset({3, 8, 14, 23})
_SQLITE_DAMAGED = frozenset({11, 26})


def open_engine(address: str) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://…`; connects once to prove that it works.

    A new SQLite file is created readable by its owner only.

    Raises: `InvalidStoreUrl`, `StoreUnreachable`, `StoreNotWritable`, each with one sentence for a person.
    """
    url = _parse(address)
    engine = _sqlite_engine(url) if url.get_backend_name() == "sqlite" else _postgres_engine(url)
    try:
        with read(engine) as connection:
            connection.exec_driver_sql("SELECT 1")
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """A write transaction: commits at the end of the block, keeps nothing when the block raises.

    Raises: a `StoreError` in place of every error of the database.
    """
    with _translated(engine.url), engine.begin() as connection:
        yield connection


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """A read transaction that sees the database as it was at its first statement.

    Raises: a `StoreError` in place of every error of the database.
    """
    options = {_READ: True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}  # type: ignore[dict-item]
    with _translated(engine.url), engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


def give_back_pages(engine: Engine) -> None:
    """Have SQLite let go of the pages that idle connections keep at hand; another server keeps them itself.

    They are read again when they are wanted. Source: sqlite.org/pragma.html#pragma_shrink_memory.
    Raises: a `StoreError` in place of every error of the database.
    """
    if not isinstance(engine.pool, QueuePool) or engine.dialect.name != "sqlite":
        return
    with _translated(engine.url), ExitStack() as idle:
        for _ in range(engine.pool.checkedin()):
            connection = idle.enter_context(closing(engine.raw_connection()))
            connection.cursor().execute("PRAGMA shrink_memory")


def _parse(address: str) -> URL:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise InvalidStoreUrl(
            "the database URL cannot be read: write sqlite:///tieout.db or postgresql://user@host/name"
        ) from None
    if url.get_backend_name() == "sqlite":
        if url.database in (None, "", ":memory:") or str(url.database).startswith("file:"):
            raise InvalidStoreUrl(
                "the database URL names no file: write sqlite:///tieout.db or sqlite:////full/path.db"
            )
        return url.set(drivername="sqlite+pysqlite")
    if url.get_backend_name() in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise InvalidStoreUrl(f"{url.get_backend_name()} is not supported: use sqlite:///… or postgresql://…")


def _sqlite_engine(url: URL) -> Engine:
    path = Path(str(url.database))
    try:
        path.touch(mode=stat.S_IRUSR | stat.S_IWUSR, exist_ok=True)
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    except OSError as error:
        raise StoreNotWritable(
            f"the database file {path} cannot be created or written ({error.strerror}): check the folder and its owner"
        ) from None
    engine = create_engine(url, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get(_READ, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _postgres_engine(url: URL) -> Engine:
    return create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 10, "application_name": "tieout", "options": _POSTGRES_OPTIONS},
    )


@contextmanager
def _translated(url: URL) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise _classify(error, url) from None
    except SQLAlchemyError as error:
        raise StoreUnreachable(f"{_shown(url)} cannot be used ({type(error).__name__}): run again") from None


def _shown(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return f"the database file {url.database}"
    return f"the database {url.database} on {url.host or 'this machine'}"


def _classify(error: DBAPIError, url: URL) -> StoreError:
    """The store's error for a driver's. The driver's own words are left out: they can hold values of rows."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return _classify_sqlite(code & 0xFF, error, url)
    state = getattr(error.orig, "sqlstate", None)
    if state in ("40001", "40P01", "55P03", "57014"):
        return StoreBusy(f"{_shown(url)} was busy with another transaction (SQLSTATE {state}): run again")
    if state in ("53100", "53200"):
        return StoreFull(f"{_shown(url)} has no room left (SQLSTATE {state}): make room and run again")
    if state in ("28000", "28P01", "3D000"):
        return StoreUnreachable(
            f"{_shown(url)} refuses this user or has no such database (SQLSTATE {state}): check the URL"
        )
    if state in ("42501", "25006"):
        return StoreNotWritable(f"{_shown(url)} does not let this user write (SQLSTATE {state}): grant the rights")
    if state is None and not isinstance(error, OperationalError | InterfaceError):
        return _refused(error, url)
    if state is None or state[:2] in ("08", "57", "53", "58", "XX"):
        return StoreUnreachable(f"{_shown(url)} does not answer (SQLSTATE {state}): start it and run again")
    return _refused(error, url)


def _classify_sqlite(code: int, error: DBAPIError, url: URL) -> StoreError:
    if code in _SQLITE_LOCKED:
        return StoreBusy(f"{_shown(url)} is locked by another process: run again when it is done")
    if code == _SQLITE_FULL:
        return StoreFull(f"{_shown(url)} cannot grow, the disk is full: make room and run again")
    if code in _SQLITE_NOT_WRITABLE:
        return StoreNotWritable(f"{_shown(url)} cannot be written: check its owner and rights")
    if code in _SQLITE_DAMAGED:
        return StoreDamaged(f"{_shown(url)} is not a sound SQLite database: restore a backup")
    if code == 10:  # SQLITE_IOERR
        return StoreUnreachable(f"{_shown(url)} cannot be read or written (input/output error): check the disk")
    return _refused(error, url)


def _refused(error: DBAPIError, url: URL) -> StoreRefused:
    name = getattr(error.orig, "sqlite_errorname", None) or f"SQLSTATE {getattr(error.orig, 'sqlstate', None)}"
    statement = " ".join((error.statement or "").split()[:3])
    return StoreRefused(f"{_shown(url)} refused a statement ({name}, {statement} …): report this as a fault")
