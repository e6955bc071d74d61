"""Alerts: what was told, what waits to be sent, silences; and what people expect."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _create_alerts()
    _create_decisions()


def downgrade() -> None:
    """Drop the tables."""
    for table in ("expectation", "silence", "alert_event", "alert"):
        op.drop_table(table)


def _create_alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("changed_at", NUMBER, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_alert_company_id"),
        sa.PrimaryKeyConstraint("company_id", "incident", name="pk_alert"),
        sqlite_strict=True,
    )
    op.create_table(
        "alert_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=True),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("due_at", NUMBER, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", NUMBER, nullable=True),
        sa.Column("sent_at", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_alert_event_company_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_event"),
        sa.UniqueConstraint(
            "dedupe_key", "episode", "sequence", "channel", name="uq_alert_event_dedupe_key_episode_sequence_channel"
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_alert_event_state", "alert_event", ["state", "due_at"], unique=False)


def _create_decisions() -> None:
    op.create_table(
        "silence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
        sa.Column("ended_at", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_silence_company_id"),
        sa.PrimaryKeyConstraint("id", name="pk_silence"),
        sqlite_strict=True,
    )
    op.create_index("ix_silence_company_id", "silence", ["company_id"], unique=False)
    op.create_table(
        "expectation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("claim_minor", NUMBER, nullable=False),
        sa.Column("most_minor", NUMBER, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=True),
        sa.Column("ended_at", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_expectation_company_id"),
        sa.PrimaryKeyConstraint("id", name="pk_expectation"),
        sqlite_strict=True,
    )
    op.create_index("ix_expectation_company_id", "expectation", ["company_id"], unique=False)
