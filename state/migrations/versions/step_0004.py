"""Which clients are joined, kept from one reconcile to the next: only what changed can join more of them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table, and have the next reconcile of each company look at everything, which fills it."""
    op.create_table(
        "party_group",
        sa.Column("party_id", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("group_id", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name="fk_party_group_party_id"),
        sa.PrimaryKeyConstraint("party_id", name="pk_party_group"),
        sqlite_strict=True,
    )
    op.create_index("ix_party_group_group_id", "party_group", ["group_id"], unique=False)
    op.execute("UPDATE reconcile_mark SET context = ''")


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("party_group")
