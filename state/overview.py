"""How one company stands, in a few numbers: for the daemon's schedule, for health checks and for metrics.

Reads only, and no more than a screenful of rows; nothing here needs a lease or a key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, func, select

from mappings.findings import FindingStatus, Verdict
from state.alert_tables import ALERT_EVENT
from state.companies import Company
from state.engine import read
from state.tables import FINDING, OAUTH_TOKEN, RUN

_COMPLETE = RUN.c.verdict.in_([Verdict.CLEAN.value, Verdict.FINDINGS.value])


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTimes:
    """When runs of some kinds were last begun, and when the last one that read everything ended; None: never.

    `is_unfinished`: the one that was begun last has no end; it is going on, or it broke off.
    """

    begun_at: datetime | None = None
    complete_at: datetime | None = None
    is_unfinished: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEnd:
    """When a provider's refresh token ends: `rolling_at` moves with each refresh, `hard_at` does not."""

    provider: str
    rolling_at: datetime | None
    hard_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a person or a monitor wants to know at a glance. `findings` counts what is not resolved, by
    (severity, status); `verdict` is that of the last run that gave one, "" when there was none.
    """

    verdict: str
    judged: RunTimes
    findings: Mapping[tuple[str, str], int]
    token_ends: tuple[TokenEnd, ...]


class Overview:
    """The numbers of one company."""

    def __init__(self, engine: Engine, company: Company) -> None:
        self._engine = engine
        self._company = company

    def load_run_times(self, kinds: Sequence[str]) -> RunTimes:
        """The times of the runs of these kinds."""
        with read(self._engine) as connection:
            return _run_times(connection, self._own(), RUN.c.kind.in_(kinds))

    def load_first_begun(self) -> datetime | None:
        """When the first run of all began; None: there was none."""
        with read(self._engine) as connection:
            query = select(RUN.c.started_at).where(self._own()).order_by(RUN.c.number).limit(1)
            return connection.execute(query).scalar()

    def load_certificates(self, kinds: Sequence[str], *, most: int) -> tuple[str, ...]:
        """The certificates of the newest finished runs of these kinds, the newest first, as JSON texts."""
        query = (
            select(RUN.c.certificate)
            .where(self._own(), RUN.c.kind.in_(kinds), RUN.c.finished_at.is_not(None))
            .order_by(RUN.c.number.desc())
            .limit(most)
        )
        with read(self._engine) as connection:
            return tuple(connection.execute(query).scalars())

    def load_standing(self, kinds: Sequence[str]) -> Standing:
        """How the company stands now; only runs of these kinds have looked at the systems."""
        judged = RUN.c.verdict.is_not(None) & RUN.c.kind.in_(kinds)
        verdict = select(RUN.c.verdict).where(self._own(), judged).order_by(RUN.c.number.desc()).limit(1)
        counts = (
            select(FINDING.c.severity, FINDING.c.status, func.count())
            .where(FINDING.c.company_id == self._company.id, FINDING.c.status != FindingStatus.RESOLVED.value)
            .group_by(FINDING.c.severity, FINDING.c.status)
        )
        with read(self._engine) as connection:
            return Standing(
                verdict=connection.execute(verdict).scalar() or "",
                judged=_run_times(connection, self._own(), judged),
                findings={(severity, status): count for severity, status, count in connection.execute(counts)},
                token_ends=_token_ends(connection, self._company),
            )

    def load_token_ends(self) -> tuple[TokenEnd, ...]:
        """When the company's refresh tokens end."""
        with read(self._engine) as connection:
            return _token_ends(connection, self._company)

    def _own(self) -> ColumnElement[bool]:
        return RUN.c.company_id == self._company.id


def load_outbox_depth(engine: Engine) -> Mapping[str, int]:
    """How many messages of all companies are in each state of delivery."""
    query = select(ALERT_EVENT.c.state, func.count().label("number")).group_by(ALERT_EVENT.c.state)
    with read(engine) as connection:
        return {row.state: row.number for row in connection.execute(query)}


def _run_times(connection: Connection, *wanted: ColumnElement[bool]) -> RunTimes:
    newest = RUN.c.number.desc()
    begun = select(RUN.c.started_at, RUN.c.finished_at).where(*wanted).order_by(newest).limit(1)
    complete = select(RUN.c.finished_at).where(*wanted, _COMPLETE).order_by(newest).limit(1)
    last = connection.execute(begun).one_or_none()
    return RunTimes(
        begun_at=None if last is None else last.started_at,
        complete_at=connection.execute(complete).scalar(),
        is_unfinished=last is not None and last.finished_at is None,
    )


def _token_ends(connection: Connection, company: Company) -> tuple[TokenEnd, ...]:
    query = (
        select(OAUTH_TOKEN.c.provider, OAUTH_TOKEN.c.refresh_expires_at, OAUTH_TOKEN.c.hard_expires_at)
        .where(OAUTH_TOKEN.c.company_id == company.id)
        .order_by(OAUTH_TOKEN.c.provider)
    )
    rows = connection.execute(query).all()
    return tuple(TokenEnd(provider=provider, rolling_at=rolling, hard_at=hard) for provider, rolling, hard in rows)
