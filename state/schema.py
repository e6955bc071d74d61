"""The version of the tables: brought up to date when a store is opened, refused when it is newer than we are."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from state.engine import read, write
from state.errors import StoreTooNew

NEWEST_REVISION = "0001"  # a test holds this to the newest step
_UPGRADE_LOCK = 0x7469656F7574  # "tieout"


def upgrade(engine: Engine) -> None:
    """Bring the tables to this version; returns at once when they are.

    Two processes may start together: one upgrades, the other waits. The whole upgrade is one transaction on
    both databases, so a crash leaves the earlier version.

    Raises: `StoreTooNew` when a later version of the program has upgraded the database.
    """
    with read(engine) as connection:
        if _stored_revision(connection) == NEWEST_REVISION:
            return
    with write(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        _run_steps(connection, _stored_revision(connection))


def _stored_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _run_steps(connection: Connection, stored: str | None) -> None:
    from alembic import command  # noqa: PLC0415  (imported only when there is something to upgrade: it is slow)
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if stored is not None and stored not in known:
        raise StoreTooNew(
            f"the database is at revision {stored} and this version knows none later than {NEWEST_REVISION}: "
            "run the newer version, or restore the backup from before its first start"
        )
    command.upgrade(config, "head")
