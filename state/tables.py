"""The tables. Every change here needs a migration; a test compares the two on both databases.

Identifiers of companies' own rows are numbered per company: `company.id << 40` is the first, so that a range
of ids is a company, ids only grow, and two companies never wait for each other. Amounts are whole minor
units; moments are microseconds of UTC and days yyyymmdd numbers (`state.times`).

The tables that a whole page of records goes into name no foreign keys: the checks would cost a tenth of a
load, and one writer, `state.pages`, fills them all in one transaction.
"""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.schema import SchemaItem

from state.times import day_from_number, micros_from_utc, number_from_day, utc_from_micros

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Number = BigInteger().with_variant(Integer, "sqlite")


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as microseconds since 1970."""

    impl = BigInteger().with_variant(Integer, "sqlite")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Microseconds; None stays None."""
        return None if value is None else micros_from_utc(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """An aware datetime; None stays None."""
        return None if value is None else utc_from_micros(value)


class Day(TypeDecorator[date]):
    """A bookkeeping date, kept as the number yyyymmdd."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """The number; None stays None."""
        return None if value is None else number_from_day(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> date | None:  # noqa: ARG002
        """The date; None stays None."""
        return None if value is None else day_from_number(value)


def new_table(name: str, *items: SchemaItem, clustered: bool = False) -> Table:
    """A strict table; `clustered` ones live in their primary key's tree on SQLite."""
    return Table(name, METADATA, *items, sqlite_strict=True, sqlite_with_rowid=not clustered)


def _company() -> Column[int]:
    return Column("company_id", Integer, ForeignKey("company.id"), nullable=False)


COMPANY = new_table(
    "company",
    Column("id", Integer, primary_key=True),
    Column("alias", Text, nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
)

LEASE = new_table(
    "lease",
    Column("company_id", Integer, ForeignKey("company.id"), primary_key=True, autoincrement=False),
    Column("fence", Number, nullable=False),
    Column("owner", Text),
    Column("expires_at", Moment),
)

PARTY = new_table(
    "party",
    Column("id", Number, primary_key=True, autoincrement=False),
    _company(),
    Column("system", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    UniqueConstraint("company_id", "system", "client_id"),
)

# The clients that something has joined to another, as of the company's last reconcile: `group_id` is the first of them
# by number. A client who is not here stands for himself. Derived: `state.grouping` can do without.
PARTY_GROUP = new_table(
    "party_group",
    Column("party_id", Number, ForeignKey("party.id"), primary_key=True, autoincrement=False),
    Column("group_id", Number, nullable=False),
    Index("ix_party_group_group_id", "group_id"),
)

RECORD = new_table(
    "record",
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("shelf", Integer, nullable=False),  # company, system and kind: `state.shelves`
    Column("key", Text, nullable=False),  # the record's id in its system
    Column("sequence", Integer, nullable=False),  # of the newest version
    Column("party_id", Number),  # whom it belongs to; None: nobody
    Column("match_key", Text),
    Column("dated_on", Day),
    Column("applied_on", Day),
    Column("standing", Integer, nullable=False),  # CLOSED, OPEN or DELETED
    UniqueConstraint("shelf", "key"),
    Index("ix_record_party_id", "party_id"),
    Index(
        "ix_record_match_key",
        "shelf",
        "match_key",
        sqlite_where=text("match_key IS NOT NULL"),
        postgresql_where=text("match_key IS NOT NULL"),
    ),
)

CLOSED, OPEN, DELETED = 0, 1, 2  # a record's standing

# A record that a complete read did not show; two such reads make a deletion.
ABSENCE = new_table(
    "absence",
    Column("record_id", Number, ForeignKey("record.id"), primary_key=True, autoincrement=False),
    Column("since", Moment, nullable=False),
)

VERSION = new_table(
    "version",
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("record_id", Number, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("observed_at", Moment, nullable=False),
    Column("absent_before", Moment),
    Column("modified_at", Moment),
    Column("sha256", LargeBinary, nullable=False),  # of the raw record
    Column("content", LargeBinary),  # None: the record is gone
    UniqueConstraint("record_id", "sequence"),
)

# The raw records of consecutive versions, from version `id` on; packed together, alike records compress well.
RAW_PAGE = new_table(
    "raw_page",
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

# Further clients of a record, beside `record.party_id`: of entries that name several, and former ones.
ALSO_PARTY = new_table(
    "also_party",
    Column("record_id", Number, nullable=False),
    Column("party_id", Number, nullable=False),
    PrimaryKeyConstraint("record_id", "party_id"),
    Index("ix_also_party_party_id", "party_id"),
    clustered=True,
)

# Numbers and names that a record had before it got `record.match_key`.
FORMER_MATCH = new_table(
    "former_match",
    Column("record_id", Number, nullable=False),
    Column("match_key", Text, nullable=False),
    Column("shelf", Integer, nullable=False),
    PrimaryKeyConstraint("record_id", "match_key"),
    Index("ix_former_match_key", "shelf", "match_key"),
    clustered=True,
)

# The transactions that a record points at, or ever did.
LINK = new_table(
    "link",
    Column("record_id", Number, nullable=False),
    Column("target_shelf", Integer, nullable=False),
    Column("target_key", Text, nullable=False),
    PrimaryKeyConstraint("record_id", "target_shelf", "target_key"),
    Index("ix_link_target", "target_shelf", "target_key"),
    clustered=True,
)

CURSOR = new_table(
    "cursor",
    _company(),
    Column("feed", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    PrimaryKeyConstraint("company_id", "feed"),
)

QUARANTINE = new_table(
    "quarantine",
    Column("id", Integer, primary_key=True),
    _company(),
    Column("system", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("raw", LargeBinary, nullable=False),  # zstandard
    Column("reason", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("released_by_run_id", Text),  # the run in which the record was understood after all
    UniqueConstraint("company_id", "system", "kind", "sha256"),
)

RUN = new_table(
    "run",
    Column("id", Text, primary_key=True),
    _company(),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("verdict", Text),
    Column("certificate", Text, nullable=False),
    UniqueConstraint("company_id", "number"),
)

RECONCILE_MARK = new_table(
    "reconcile_mark",
    Column("company_id", Integer, ForeignKey("company.id"), primary_key=True, autoincrement=False),
    Column("version_id", Number, nullable=False),
    Column("context", Text, nullable=False),  # digest of what every book rests on
    Column("reconciled_at", Moment, nullable=False),
    Column("run_id", Text, nullable=False),
)

RECHECK = new_table(
    "recheck",
    Column("party_id", Number, ForeignKey("party.id"), primary_key=True, autoincrement=False),
    Column("recheck_at", Moment, nullable=False),
)

FINDING = new_table(
    "finding",
    Column("id", Number, primary_key=True, autoincrement=False),
    _company(),
    Column("party_id", Number, ForeignKey("party.id")),  # one client of its group; None: company-wide
    Column("name", Text, nullable=False),  # what people call it
    Column("fingerprint", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("exposure_minor", Number, nullable=False),
    Column("status", Text, nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment),  # None: still there when the company was last reconciled
    Column("resolved_at", Moment),
    Column("digest", LargeBinary, nullable=False),  # of the body
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("company_id", "fingerprint"),
    UniqueConstraint("company_id", "name"),
    Index(None, "party_id"),
)

FINDING_EVENT = new_table(
    "finding_event",
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("finding_id", Number, ForeignKey("finding.id"), nullable=False),
    Column("event", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("run_id", Text),  # None: a person did it
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary),  # the finding as it was said then; None: unchanged
    Index(None, "finding_id"),
)

TIE_LINE = new_table(
    "tie_line",
    _company(),
    Column("invoice_id", Text, nullable=False),  # BigTime's
    Column("party_id", Number, ForeignKey("party.id"), nullable=False),
    Column("currency", Text, nullable=False),
    Column("bigtime_minor", Number, nullable=False),
    Column("quickbooks_minor", Number, nullable=False),
    Column("claimed_minor", Number, nullable=False),
    Column("digest", LargeBinary, nullable=False),  # of the body
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("company_id", "invoice_id"),
    Index(None, "party_id"),
    # every cycle adds a company's lines up, and does not read their bodies for it
    Index("ix_tie_line_sums", "company_id", "currency", "bigtime_minor", "quickbooks_minor", "claimed_minor"),
    clustered=True,
)

OAUTH_TOKEN = new_table(
    "oauth_token",
    _company(),
    Column("provider", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("realm_lookup", LargeBinary, nullable=False),
    Column("realm", LargeBinary, nullable=False),
    Column("access", LargeBinary, nullable=False),
    Column("refresh", LargeBinary, nullable=False),
    Column("previous_refresh", LargeBinary),
    Column("access_expires_at", Moment, nullable=False),
    Column("refresh_expires_at", Moment),
    Column("hard_expires_at", Moment),
    Column("stored_at", Moment, nullable=False),
    Column("refresh_owner", Text),
    Column("refresh_until", Moment),
    PrimaryKeyConstraint("company_id", "provider"),
    Index(None, "realm_lookup"),
)

SECRET = new_table(
    "secret",
    _company(),
    Column("name", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("stored_at", Moment, nullable=False),
    PrimaryKeyConstraint("company_id", "name"),
)

CALL_METER = new_table(
    "call_meter",
    _company(),
    Column("system", Text, nullable=False),
    Column("month", Text, nullable=False),  # 2026-03, of UTC
    Column("sent", Number, nullable=False, server_default=text("0")),
    Column("metered", Number, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("company_id", "system", "month"),
)

AUDIT_ENTRY = new_table(
    "audit_entry",
    _company(),
    Column("sequence", Number, nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    PrimaryKeyConstraint("company_id", "sequence"),
)
