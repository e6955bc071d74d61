"""The way into the store: open it by its URL, take a company by its alias, and everything else from there."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self
from uuid import uuid4

from sqlalchemy import Engine

from mappings.model import System
from state.alerts import AlertDesk
from state.audit import AuditLog
from state.books import BookReader, BookStore
from state.companies import Company, load_aliases, load_company, record_company
from state.engine import give_back_pages, open_engine
from state.errors import UnknownCompany
from state.findings import FindingDesk
from state.keyring import KeyRing
from state.leases import Lease, acquire, release, renew
from state.meter import CallMeter, load_month_of_all
from state.outbox import Outbox
from state.overview import Overview, load_outbox_depth
from state.quarantine import Quarantine
from state.rekeying import count_by_key
from state.runs import Runs
from state.schema import upgrade
from state.times import Clock
from state.tokens import TokenStore
from state.versions import RecordReader, RecordStore

_LEASE_LASTING = timedelta(minutes=5)


class HeldLease:
    """A lease while its `with` block lasts; every transaction under it prolongs it, too."""

    def __init__(self, engine: Engine, lease: Lease, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self.lease = lease

    def renew(self) -> None:
        """Prolong the lease: call it now and then while nothing is being written. Raises: `LeaseLost`."""
        renew(self._engine, self.lease, now=self._clock.now())

    def release(self) -> None:
        """Give the company back before the block ends: what still goes on in it cannot write any more."""
        release(self._engine, self.lease)


class CompanyStore:
    """One company's part of the store. Reading needs no lease; `records` and `books` of a lease can write."""

    def __init__(self, engine: Engine, company: Company, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self.company = company
        self.runs = Runs(engine, company)
        self.meter = CallMeter(engine, company)
        self.audit = AuditLog(engine, company)
        self.findings = FindingDesk(engine, company)
        self.alerts = AlertDesk(engine, company)
        self.overview = Overview(engine, company)
        self.quarantine = Quarantine(engine, company)

    @contextmanager
    def hold(self, *, owner: str = "", lasting: timedelta = _LEASE_LASTING) -> Iterator[HeldLease]:
        """Hold the company for the block. Raises: `CompanyBusy` when another worker does."""
        name = owner or uuid4().hex
        lease = acquire(self._engine, self.company, owner=name, lasting=lasting, now=self._clock.now())
        try:
            yield HeldLease(self._engine, lease, self._clock)
        finally:
            release(self._engine, lease)

    def records(self, held: HeldLease) -> RecordStore:
        """The records, for the holder of the lease."""
        return RecordStore(self._engine, held.lease, self._clock)

    def books(self, held: HeldLease) -> BookStore:
        """Books and results, for the holder of the lease."""
        return BookStore(self._engine, held.lease, self._clock)

    def record_reader(self) -> RecordReader:
        """The records, for reading."""
        return RecordReader(self._engine, self.company)

    def book_reader(self) -> BookReader:
        """Books and results, for reading: reports, explanations, the list of findings."""
        return BookReader(self._engine, self.company)

    def tokens(self, keyring: KeyRing) -> TokenStore:
        """The company's secrets."""
        return TokenStore(self._engine, self.company, keyring)


class Store:
    """An open database. Close it, or use it as a context manager."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._giving_back = threading.Lock()
        self.outbox = Outbox(engine)

    @classmethod
    def open(cls, url: str, clock: Clock) -> Self:
        """Open the database and bring its tables up to date.

        Raises: `InvalidStoreUrl`, `StoreUnreachable`, `StoreNotWritable`, `StoreTooNew`, each with one sentence.
        Side effects: makes the SQLite file, readable by its owner only, when there is none.
        """
        engine = open_engine(url)
        try:
            upgrade(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def give_back_pages(self) -> None:
        """Let go of the memory that only makes the next look at the database faster.

        One thread at a time: it takes all idle connections, and two that wait for each other's would wait for long.
        """
        if self._giving_back.acquire(blocking=False):
            try:
                give_back_pages(self._engine)
            finally:
                self._giving_back.release()

    def company(self, alias: str) -> CompanyStore:
        """The company of that alias, made when it is new."""
        return CompanyStore(self._engine, record_company(self._engine, alias, at=self._clock.now()), self._clock)

    def known_company(self, alias: str) -> CompanyStore:
        """The company of that alias. Raises: `UnknownCompany` when there is none."""
        company = load_company(self._engine, alias)
        if company is None:
            raise UnknownCompany(f"no company {alias!r} is stored: run `tieout sync --company {alias}` first")
        return CompanyStore(self._engine, company, self._clock)

    def load_aliases(self) -> tuple[str, ...]:
        """The aliases of all companies, sorted."""
        return load_aliases(self._engine)

    def load_month_of_all(self, system: System, *, at: datetime) -> tuple[int, int]:
        """(sent, metered) calls of all companies in the month of `at`."""
        return load_month_of_all(self._engine, system, at=at)

    def count_secrets_by_key(self) -> Mapping[str, int]:
        """How many stored secrets of all companies each encryption key has written, by the key's id."""
        return count_by_key(self._engine)

    def load_outbox_depth(self) -> Mapping[str, int]:
        """How many messages of all companies are in each state of delivery."""
        return load_outbox_depth(self._engine)
