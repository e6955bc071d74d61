"""What was run, when, and how it ended."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, func, insert, select, update

from mappings.findings import Verdict
from mappings.records import RunRecord
from state.companies import Company
from state.engine import read, write
from state.leases import lock_company
from state.tables import RUN

COMPARE = "compare"  # the kind of a run that reads nothing


class Runs:
    """The runs of one company."""

    def __init__(self, engine: Engine, company: Company) -> None:
        self._engine = engine
        self._company = company

    def start(self, kind: str, *, at: datetime) -> RunRecord:
        """Begin a run of a kind (`sync`, `reconcile`, …); its id names it in versions and findings for ever."""
        run_id = uuid4().hex
        with write(self._engine) as connection:
            lock_company(connection, self._company)
            numbers = select(func.coalesce(func.max(RUN.c.number), 0)).where(RUN.c.company_id == self._company.id)
            number = connection.execute(numbers).scalar_one() + 1
            connection.execute(
                insert(RUN).values(
                    id=run_id, company_id=self._company.id, number=number, kind=kind, started_at=at, certificate=""
                )
            )
        return RunRecord(id=run_id, kind=kind, started_at=at, finished_at=None, verdict=None, certificate="")

    def finish(self, run_id: str, *, at: datetime, verdict: Verdict | None, certificate: str) -> None:
        """End a run; `certificate` is the JSON text of what it read and what it could not."""
        with write(self._engine) as connection:
            connection.execute(
                update(RUN)
                .where(RUN.c.id == run_id, RUN.c.company_id == self._company.id)
                .values(finished_at=at, verdict=None if verdict is None else verdict.value, certificate=certificate)
            )

    def load(self, run_id: str) -> RunRecord | None:
        """The run of that id; None when there is none."""
        with read(self._engine) as connection:
            return _first(connection, self._company, RUN.c.id == run_id)

    def last(self, *, finished: bool = False, by: datetime | None = None) -> RunRecord | None:
        """The latest run, or the latest that has an end, which is not after `by`; None when there is none."""
        condition = RUN.c.finished_at.is_not(None) if finished else RUN.c.number > 0
        if by is not None:
            condition = RUN.c.finished_at <= by
        with read(self._engine) as connection:
            return _first(connection, self._company, condition)

    def recent(self, *, most: int, by: datetime | None = None) -> tuple[RunRecord, ...]:
        """The latest finished runs, the newest first; with `by`, of those that had ended by then."""
        condition = RUN.c.finished_at.is_not(None) if by is None else RUN.c.finished_at <= by
        query = _own(self._company).where(condition).order_by(RUN.c.number.desc()).limit(most)
        with read(self._engine) as connection:
            return tuple(_record(row) for row in connection.execute(query))

    def following(self, after: datetime, *, by: datetime, most: int) -> tuple[RunRecord, ...]:
        """The first runs that ended after a moment and had ended by another, the oldest first."""
        query = _own(self._company).where(RUN.c.finished_at > after, RUN.c.finished_at <= by)
        with read(self._engine) as connection:
            return tuple(_record(row) for row in connection.execute(query.order_by(RUN.c.number).limit(most)))


def _own(company: Company) -> Select[Any]:
    return select(RUN).where(RUN.c.company_id == company.id)


def _first(connection: Connection, company: Company, condition: ColumnElement[bool]) -> RunRecord | None:
    query = _own(company).where(condition).order_by(RUN.c.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _record(row)


def _record(row: Row[Any]) -> RunRecord:
    return RunRecord(
        id=row.id,
        kind=row.kind,
        started_at=row.started_at,
        finished_at=row.finished_at,
        verdict=None if row.verdict is None else Verdict(row.verdict),
        certificate=row.certificate,
    )
