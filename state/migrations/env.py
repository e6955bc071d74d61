"""Runs the steps on the connection that `state.schema` hands over, inside its transaction."""

from alembic import context

import state.alert_tables  # noqa: F401 - its tables belong to the metadata, too
from state.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,  # Alembic's default for SQLite is False, and a crash would leave half a step
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
