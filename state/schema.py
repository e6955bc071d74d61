"""The version of the tables: brought up to date when a store is opened, refused when it is newer than we are."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from state.engine import read, write
from state.errors import StoreTooNew

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST_REVISION = "0004"  # a test holds this to the newest step
_UPGRADE_LOCK = 0x7469656F7574  # "tieout"


def upgrade(engine: Engine) -> None:
    """Bring the tables to this version; returns at once when they are.

    Two processes may start together: one upgrades, the other waits. The whole upgrade is one transaction on
    both databases, so a crash leaves the earlier version. Before it changes an existing SQLite file, a copy is
    written beside it.

    Raises: `StoreTooNew` when a later version of the program has upgraded the database.
    """
    with read(engine) as connection:
        stored = _stored_revision(connection)
    if stored == NEWEST_REVISION:
        return
    if stored is not None:
        _refuse_newer(stored)
        if engine.dialect.name == "sqlite":
            _back_up(engine)
    with write(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        run_steps(connection, _stored_revision(connection))


def run_steps(connection: Connection, stored: str | None) -> None:
    """Run the steps from the `stored` revision to the newest, in the connection's transaction."""
    from alembic import command  # noqa: PLC0415  (slow to import, and needed only when there is something to do)

    if stored is not None:
        _refuse_newer(stored)
    command.upgrade(_configuration(connection), "head")


def step_back(connection: Connection, revision: str) -> None:
    """Undo steps down to a revision ("base": all of them), in the connection's transaction."""
    from alembic import command  # noqa: PLC0415

    command.downgrade(_configuration(connection), revision)


def _configuration(connection: Connection | None) -> "Config":
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _refuse_newer(stored: str) -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    if stored not in {step.revision for step in ScriptDirectory.from_config(_configuration(None)).walk_revisions()}:
        raise StoreTooNew(
            f"the database is at revision {stored} and this version knows none later than {NEWEST_REVISION}: "
            "run the newer version, or restore the backup from before its first start"
        )


def _stored_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _back_up(engine: Engine) -> None:
    """Copy the file as it is to `….before-REVISION`, once."""
    path = Path(f"{engine.url.database}.before-{NEWEST_REVISION}")
    if path.exists():
        return
    connection = engine.raw_connection()  # outside the transaction that SQLAlchemy would begin
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(path),))
    finally:
        connection.close()
    path.chmod(0o600)
