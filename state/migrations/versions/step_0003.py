"""The sums of the tie-out without its bodies: every cycle adds up all lines of a company."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NAME = "ix_tie_line_sums"


def upgrade() -> None:
    """Create the index."""
    amounts = ["bigtime_minor", "quickbooks_minor", "claimed_minor"]
    op.create_index(_NAME, "tie_line", ["company_id", "currency", *amounts], unique=False)


def downgrade() -> None:
    """Drop the index."""
    op.drop_index(_NAME, table_name="tie_line")
