"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = (
    "finding_event",
    "tie_line",
    "recheck",
    "finding",
    "secret",
    "run",
    "reconcile_mark",
    "quarantine",
    "party",
    "oauth_token",
    "lease",
    "cursor",
    "call_meter",
    "audit_entry",
    "absence",
    "version",
    "record",
    "raw_page",
    "link",
    "former_match",
    "company",
    "also_party",
)
# What was seen, said and done is never changed, not even by mistake.
_KEPT = ("version", "raw_page", "finding_event", "audit_entry")


def upgrade() -> None:
    """Create everything."""
    _create_companies()
    _create_records()
    _create_record_edges()
    _create_findings()
    _create_results()
    _create_secrets()
    _create_logs()
    for table in _KEPT:
        _keep(table)


def downgrade() -> None:
    """Drop everything."""
    for table in _KEPT:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP TRIGGER {table}_is_kept ON {table}")
    for table in _TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")


def _keep(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_is_kept BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_is_kept_from_{change.lower()} BEFORE {change} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{table} is only ever added to'); END"
        )


def _create_companies() -> None:
    op.create_table(
        "company",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_company"),
        sa.UniqueConstraint("alias", name="uq_company_alias"),
        sqlite_strict=True,
    )
    op.create_table(
        "lease",
        sa.Column("company_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fence", NUMBER, nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("expires_at", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_lease_company_id"),
        sa.PrimaryKeyConstraint("company_id", name="pk_lease"),
        sqlite_strict=True,
    )
    op.create_table(
        "cursor",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_cursor_company_id"),
        sa.PrimaryKeyConstraint("company_id", "feed", name="pk_cursor"),
        sqlite_strict=True,
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("started_at", NUMBER, nullable=False),
        sa.Column("finished_at", NUMBER, nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_run_company_id"),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sa.UniqueConstraint("company_id", "number", name="uq_run_company_id_number"),
        sqlite_strict=True,
    )


def _create_records() -> None:
    op.create_table(
        "party",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_party_company_id"),
        sa.PrimaryKeyConstraint("id", name="pk_party"),
        sa.UniqueConstraint("company_id", "system", "client_id", name="uq_party_company_id_system_client_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "record",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("shelf", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("party_id", NUMBER, nullable=True),
        sa.Column("match_key", sa.Text(), nullable=True),
        sa.Column("dated_on", sa.Integer(), nullable=True),
        sa.Column("applied_on", sa.Integer(), nullable=True),
        sa.Column("standing", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_record"),
        sa.UniqueConstraint("shelf", "key", name="uq_record_shelf_key"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_record_match_key",
        "record",
        ["shelf", "match_key"],
        unique=False,
        sqlite_where=sa.text("match_key IS NOT NULL"),
        postgresql_where=sa.text("match_key IS NOT NULL"),
    )
    op.create_index("ix_record_party_id", "record", ["party_id"], unique=False)
    op.create_table(
        "absence",
        sa.Column("record_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("since", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name="fk_absence_record_id"),
        sa.PrimaryKeyConstraint("record_id", name="pk_absence"),
        sqlite_strict=True,
    )
    op.create_table(
        "version",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("record_id", NUMBER, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("observed_at", NUMBER, nullable=False),
        sa.Column("absent_before", NUMBER, nullable=True),
        sa.Column("modified_at", NUMBER, nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_version"),
        sa.UniqueConstraint("record_id", "sequence", name="uq_version_record_id_sequence"),
        sqlite_strict=True,
    )


def _create_record_edges() -> None:
    op.create_table(
        "raw_page",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_raw_page"),
        sqlite_strict=True,
    )
    op.create_table(
        "also_party",
        sa.Column("record_id", NUMBER, nullable=False),
        sa.Column("party_id", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("record_id", "party_id", name="pk_also_party"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_also_party_party_id", "also_party", ["party_id"], unique=False)
    op.create_table(
        "former_match",
        sa.Column("record_id", NUMBER, nullable=False),
        sa.Column("match_key", sa.Text(), nullable=False),
        sa.Column("shelf", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", "match_key", name="pk_former_match"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_former_match_key", "former_match", ["shelf", "match_key"], unique=False)
    op.create_table(
        "link",
        sa.Column("record_id", NUMBER, nullable=False),
        sa.Column("target_shelf", sa.Integer(), nullable=False),
        sa.Column("target_key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", "target_shelf", "target_key", name="pk_link"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_link_target", "link", ["target_shelf", "target_key"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("released_by_run_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_quarantine_company_id"),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
        sa.UniqueConstraint(
            "company_id", "system", "kind", "sha256", name="uq_quarantine_company_id_system_kind_sha256"
        ),
        sqlite_strict=True,
    )


def _create_findings() -> None:
    op.create_table(
        "finding",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("party_id", NUMBER, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("exposure_minor", NUMBER, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("first_seen", NUMBER, nullable=False),
        sa.Column("last_seen", NUMBER, nullable=True),
        sa.Column("resolved_at", NUMBER, nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_finding_company_id"),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name="fk_finding_party_id"),
        sa.PrimaryKeyConstraint("id", name="pk_finding"),
        sa.UniqueConstraint("company_id", "fingerprint", name="uq_finding_company_id_fingerprint"),
        sa.UniqueConstraint("company_id", "name", name="uq_finding_company_id_name"),
        sqlite_strict=True,
    )
    op.create_index("ix_finding_party_id", "finding", ["party_id"], unique=False)
    op.create_table(
        "finding_event",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("finding_id", NUMBER, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["finding_id"], ["finding.id"], name="fk_finding_event_finding_id"),
        sa.PrimaryKeyConstraint("id", name="pk_finding_event"),
        sqlite_strict=True,
    )
    op.create_index("ix_finding_event_finding_id", "finding_event", ["finding_id"], unique=False)


def _create_results() -> None:
    op.create_table(
        "reconcile_mark",
        sa.Column("company_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version_id", NUMBER, nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("reconciled_at", NUMBER, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_reconcile_mark_company_id"),
        sa.PrimaryKeyConstraint("company_id", name="pk_reconcile_mark"),
        sqlite_strict=True,
    )
    op.create_table(
        "recheck",
        sa.Column("party_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("recheck_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name="fk_recheck_party_id"),
        sa.PrimaryKeyConstraint("party_id", name="pk_recheck"),
        sqlite_strict=True,
    )
    op.create_table(
        "tie_line",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("invoice_id", sa.Text(), nullable=False),
        sa.Column("party_id", NUMBER, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("bigtime_minor", NUMBER, nullable=False),
        sa.Column("quickbooks_minor", NUMBER, nullable=False),
        sa.Column("claimed_minor", NUMBER, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_tie_line_company_id"),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name="fk_tie_line_party_id"),
        sa.PrimaryKeyConstraint("company_id", "invoice_id", name="pk_tie_line"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tie_line_party_id", "tie_line", ["party_id"], unique=False)


def _create_secrets() -> None:
    op.create_table(
        "oauth_token",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("realm_lookup", sa.LargeBinary(), nullable=False),
        sa.Column("realm", sa.LargeBinary(), nullable=False),
        sa.Column("access", sa.LargeBinary(), nullable=False),
        sa.Column("refresh", sa.LargeBinary(), nullable=False),
        sa.Column("previous_refresh", sa.LargeBinary(), nullable=True),
        sa.Column("access_expires_at", NUMBER, nullable=False),
        sa.Column("refresh_expires_at", NUMBER, nullable=True),
        sa.Column("hard_expires_at", NUMBER, nullable=True),
        sa.Column("stored_at", NUMBER, nullable=False),
        sa.Column("refresh_owner", sa.Text(), nullable=True),
        sa.Column("refresh_until", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_oauth_token_company_id"),
        sa.PrimaryKeyConstraint("company_id", "provider", name="pk_oauth_token"),
        sqlite_strict=True,
    )
    op.create_index("ix_oauth_token_realm_lookup", "oauth_token", ["realm_lookup"], unique=False)
    op.create_table(
        "secret",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_secret_company_id"),
        sa.PrimaryKeyConstraint("company_id", "name", name="pk_secret"),
        sqlite_strict=True,
    )


def _create_logs() -> None:
    op.create_table(
        "call_meter",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("sent", NUMBER, server_default=sa.text("0"), nullable=False),
        sa.Column("metered", NUMBER, server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_call_meter_company_id"),
        sa.PrimaryKeyConstraint("company_id", "system", "month", name="pk_call_meter"),
        sqlite_strict=True,
    )
    op.create_table(
        "audit_entry",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("sequence", NUMBER, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_audit_entry_company_id"),
        sa.PrimaryKeyConstraint("company_id", "sequence", name="pk_audit_entry"),
        sqlite_strict=True,
    )
