"""The tables of alerts and decisions: what was told, what waits to be sent, what is silenced or expected."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, PrimaryKeyConstraint, Text, UniqueConstraint

from state.tables import Moment, Number, new_table

ALERT = new_table(
    "alert",
    Column("company_id", Integer, ForeignKey("company.id"), nullable=False),
    Column("incident", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("company_id", "incident"),
)

# The outbox: one row for each message to each channel, written with what it tells of.
ALERT_EVENT = new_table(
    "alert_event",
    Column("id", Integer, primary_key=True),
    Column("company_id", Integer, ForeignKey("company.id")),  # None: about all companies
    Column("dedupe_key", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("message", Text, nullable=False),  # "" until somebody takes it to send it
    Column("lease_owner", Text),
    Column("lease_until", Moment),
    Column("sent_at", Moment),
    UniqueConstraint("dedupe_key", "episode", "sequence", "channel"),
    Index("ix_alert_event_state", "state", "due_at"),
)

SILENCE = new_table(
    "silence",
    Column("id", Integer, primary_key=True),
    Column("company_id", Integer, ForeignKey("company.id"), nullable=False),
    Column("scope", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Index("ix_silence_company_id", "company_id"),
)

# What people have said is as it should be; `most_minor` is the largest amount that this covers.
EXPECTATION = new_table(
    "expectation",
    Column("id", Integer, primary_key=True),
    Column("company_id", Integer, ForeignKey("company.id"), nullable=False),
    Column("scope", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),  # of the finding that it was said about
    Column("code", Text, nullable=False),
    Column("client", Text, nullable=False),  # of that finding; `state.expectations`
    Column("severity", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("claim_minor", Number, nullable=False),
    Column("most_minor", Number, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),  # None: until somebody takes it back
    Column("ended_at", Moment),
    Index("ix_expectation_company_id", "company_id"),
)
