"""One worker per company at a time: a lease with an expiry, and a fence that outdated holders run into.

A worker that was asleep past its expiry may find that another has taken the company; its next transaction
then fails on the fence instead of writing over the other's work. Source: facts/reliability.md C3, R5.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select, update

from state.companies import Company
from state.engine import write
from state.errors import CompanyBusy, LeaseLost
from state.tables import LEASE


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right of one worker to write one company's records and results."""

    company: Company
    owner: str
    fence: int
    lasting: timedelta


def acquire(engine: Engine, company: Company, *, owner: str, lasting: timedelta, now: datetime) -> Lease:
    """Take the company; an expired lease of another worker is taken over.

    Raises: `CompanyBusy` when somebody holds it.
    """
    with write(engine) as connection:
        row = connection.execute(select(LEASE).where(LEASE.c.company_id == company.id).with_for_update()).one()
        if row.owner is not None and row.expires_at > now:
            raise CompanyBusy(f"{company.alias} is held by {row.owner} until {row.expires_at:%H:%M:%S} UTC: try later")
        connection.execute(
            update(LEASE)
            .where(LEASE.c.company_id == company.id)
            .values(owner=owner, fence=row.fence + 1, expires_at=now + lasting)
        )
    return Lease(company=company, owner=owner, fence=row.fence + 1, lasting=lasting)


def hold(connection: Connection, lease: Lease, *, now: datetime) -> None:
    """Prove inside a transaction that the lease still stands, and prolong it.

    Nobody can take the company before the transaction ends.

    Raises: `LeaseLost` when somebody has.
    """
    held = connection.execute(
        update(LEASE)
        .where(LEASE.c.company_id == lease.company.id, LEASE.c.fence == lease.fence, LEASE.c.owner == lease.owner)
        .values(expires_at=now + lease.lasting)
    )
    if held.rowcount != 1:
        raise LeaseLost(f"another worker has taken {lease.company.alias}: this run ends and keeps nothing uncommitted")


def renew(engine: Engine, lease: Lease, *, now: datetime) -> None:
    """Prolong the lease between transactions. Raises: `LeaseLost`."""
    with write(engine) as connection:
        hold(connection, lease, now=now)


def release(engine: Engine, lease: Lease) -> None:
    """Give the company back; nothing happens when somebody else has it already."""
    with write(engine) as connection:
        connection.execute(
            update(LEASE)
            .where(LEASE.c.company_id == lease.company.id, LEASE.c.fence == lease.fence)
            .values(owner=None, expires_at=None)
        )


def lock_company(connection: Connection, company: Company) -> None:
    """Wait for the company's running transaction, and keep others out until this one ends; needs no lease."""
    connection.execute(select(LEASE.c.fence).where(LEASE.c.company_id == company.id).with_for_update()).one()
