"""The first tables."""

from alembic import op

from state.tables import METADATA

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    METADATA.create_all(op.get_bind())
