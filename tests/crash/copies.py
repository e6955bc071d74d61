"""Databases to crash: empty ones, and copies of them, on SQLite and on PostgreSQL."""

import shutil
from itertools import count
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, create_engine, text
from sqlalchemy.engine import make_url


class Copies(Protocol):
    """Where databases come from. They are addressed by URL and used by one process at a time."""

    def new(self) -> str:
        """A database with the tables in it and nothing else."""
        ...

    def copy_of(self, url: str) -> str:
        """A copy of one that nobody has open."""
        ...

    def drop(self, url: str) -> None:
        """Remove one."""
        ...


class SqliteCopies:
    """Files in a folder."""

    def __init__(self, folder: Path, template: Path) -> None:
        self._folder = folder
        self._template = f"sqlite:///{template}"
        self._numbers = count(1)

    def new(self) -> str:
        """A copy of the template."""
        return self.copy_of(self._template)

    def copy_of(self, url: str) -> str:
        """A copied file; whoever had the original open has closed it, so it is whole without its log."""
        path = self._folder / f"store-{next(self._numbers)}.db"
        shutil.copy(url.removeprefix("sqlite:///"), path)
        return f"sqlite:///{path}"

    def drop(self, url: str) -> None:
        """Remove the file, and the log that a killed process leaves beside it."""
        for path in self._folder.glob(Path(url).name + "*"):
            path.unlink()


class PostgresCopies:
    """Databases of one server. Use it in a `with` block: none is left at its end."""

    def __init__(self, server: URL, template: str) -> None:
        self._server = server
        self._template = template
        self._engine = create_engine(server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        self._numbers = count(1)
        self._made: set[str] = set()

    def new(self) -> str:
        """A copy of the template."""
        return self._copy(self._template)

    def copy_of(self, url: str) -> str:
        """A copy that the server makes."""
        return self._copy(_name(url))

    def drop(self, url: str) -> None:
        """Drop the database, with whatever is still connected to it."""
        self._run(f"DROP DATABASE {_name(url)} WITH (FORCE)")
        self._made.remove(_name(url))

    def __enter__(self) -> "PostgresCopies":
        return self

    def __exit__(self, *_: object) -> None:
        for name in sorted(self._made):
            self._run(f"DROP DATABASE {name} WITH (FORCE)")
        self._engine.dispose()

    def _copy(self, original: str) -> str:
        name = f"{self._template}_crash_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {original}")
        self._made.add(name)
        return self._server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)

    def _run(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(statement))


def _name(url: str) -> str:
    return str(make_url(url).database)
