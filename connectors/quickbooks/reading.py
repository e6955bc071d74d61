"""Reads one QuickBooks company: pages by keyset, changes, counts, single records. Decides nothing about them.

Records travel as the raw text that QuickBooks sent. Pages follow the time of the last change, never a position in a
moving list, so that an edit during the reading moves a record to the end instead of past the reader.
Source: fact sheet `quickbooks.md` §2-3; DESIGN §6.
"""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import msgspec

from connectors.errors import ContractBroken, NotFound, Rejected
from connectors.metering import CallMeter
from connectors.quickbooks.client import QuickBooksClient
from connectors.quickbooks.slicing import find_id
from connectors.quickbooks.statements import (
    PAGE_SIZE,
    Place,
    count_statement,
    ids_statement,
    page_statement,
)
from connectors.quickbooks.wire import (
    Batch,
    Changes,
    head_of,
    read_changes,
    read_count,
    read_object,
    read_rows,
    read_server_time,
    time_of,
)
from mappings.model import Kind, System
from mappings.quickbooks import ENTITY_NAMES

_IDS_PER_QUERY = 200
_ACCOUNTS_STATEMENT = (
    "SELECT * FROM Account WHERE AccountType = 'Accounts Receivable' AND Active IN (true, false) MAXRESULTS 1000"
)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one kind in order of change. `next_place` is where to go on; None after the last page.

    `server_time` is when QuickBooks began to answer: what is changed later may be missing here.
    """

    kind: Kind
    records: tuple[bytes, ...]
    server_time: datetime
    next_place: Place | None


class CompanyName(msgspec.Struct, frozen=True):
    """How QuickBooks calls the company, for `tieout check`."""

    name: str
    country: str


class _CompanyRow(msgspec.Struct):
    CompanyName: str | None = None
    Country: str | None = None


_COMPANY = msgspec.json.Decoder(_CompanyRow)


class QuickBooksReader:
    """All reads of one company. Every method raises only `connectors.errors`; each call is counted in `meter`."""

    def __init__(self, client: QuickBooksClient) -> None:
        self._client = client

    @property
    def meter(self) -> CallMeter:
        """The calls made so far."""
        return self._client.meter

    def iterate_pages(self, kind: Kind, place: Place, *, careful: bool = False) -> Generator[Page, None, None]:
        """The pages from `place` to the end, each record version once; the next page is fetched meanwhile.

        A short page is taken for the last one. `careful` goes on until a page brings
        nothing that was not seen, for a server that sends short pages in the middle; it costs one call more.
        Close the iterator to stop early: the page under way is then waited for and dropped.

        Raises: `ContractBroken` when a page does not lead forward.
        """
        walk = _Walk(kind, place, careful=careful)
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="quickbooks-page") as ahead:
            batch = self._fetch_batch(kind, place)
            while True:
                page = walk.advance(batch)
                if page.next_place is None:
                    yield page
                    return
                coming = ahead.submit(self._fetch_batch, kind, page.next_place)
                yield page
                batch = coming.result()

    def fetch_page(self, kind: Kind, place: Place) -> Page:
        """One page that begins at `place`; records of the second `place.since` may have been on the page before."""
        return _Walk(kind, place).advance(self._fetch_batch(kind, place))

    def fetch_ids(self, kind: Kind) -> frozenset[str]:
        """The ids of all records of a kind that are there now. Costs a full reading: there is no projection."""
        found: set[str] = set()
        for page in self.iterate_pages(kind, Place(), careful=True):
            found.update(id_ for raw in page.records if (id_ := head_of(raw).Id or find_id(raw)))
        return frozenset(found)

    def fetch_count(self, kind: Kind) -> int:
        """How many records of a kind there are now."""
        operation = f"{kind} count"
        return self._client.fetch_query(
            count_statement(kind), lambda reply: read_count(reply, operation), operation=operation
        )

    def fetch_by_ids(self, kind: Kind, ids: Sequence[str]) -> tuple[bytes, ...]:
        """Those of the records that are there. Raises `ValueError` for an id that is none."""
        found: list[bytes] = []
        for start in range(0, len(ids), _IDS_PER_QUERY):
            found.extend(self._fetch_rows(ids_statement(kind, ids[start : start + _IDS_PER_QUERY]), kind).records)
        return tuple(found)

    def fetch_changes(self, kinds: Sequence[Kind], since: datetime) -> Changes:
        """All changes since then, with stubs for what was deleted. Exactly one call.

        QuickBooks cuts the answer at 1,000 objects without saying so, and deletes go first: look at `total`.
        Source: fact sheet `quickbooks.md` §3.
        """
        operation = "changes"
        changes = self._client.fetch_changes(
            [ENTITY_NAMES[kind] for kind in kinds],
            since,
            lambda reply: read_changes(reply, operation),
            operation=operation,
        )
        wanted = {kind: rows for kind, rows in changes.records.items() if kind in kinds}
        return Changes(wanted, changes.server_time)

    def fetch_preferences(self) -> Batch:
        """The company's settings: one raw record, or none where QuickBooks refuses to show them in either way.

        The server's time is there in any case.
        """
        operation = "preferences"
        try:
            return self._fetch_rows("SELECT * FROM Preferences", Kind.PREFERENCES)
        except (Rejected, NotFound, ContractBroken):
            pass
        try:
            return self._client.fetch_object(
                "preferences", lambda reply: read_object(reply, "Preferences", operation), operation=operation
            )
        except (Rejected, NotFound, ContractBroken):
            return self._client.fetch_query(
                count_statement(Kind.INVOICE), lambda reply: read_server_time(reply, operation), operation=operation
            )

    def fetch_receivable_accounts(self) -> Batch:
        """The accounts-receivable accounts, inactive ones included: old entries stand on them."""
        return self._fetch_rows(_ACCOUNTS_STATEMENT, Kind.ACCOUNT)

    def fetch_company_name(self) -> CompanyName:
        """Which company this is, for a person to recognise. Raises: `ContractBroken` when it has no name."""
        operation = "company"
        batch = self._fetch_company(operation)
        try:
            row = _COMPANY.decode(batch.records[0]) if batch.records else _CompanyRow()
        except (ValueError, RecursionError):
            row = _CompanyRow()
        if not row.CompanyName:
            raise ContractBroken(System.QUICKBOOKS, operation, "QuickBooks does not say which company this is")
        return CompanyName(row.CompanyName, row.Country or "")

    def _fetch_company(self, operation: str) -> Batch:
        try:
            return self._client.fetch_query(
                "SELECT * FROM CompanyInfo",
                lambda reply: read_rows(reply, "CompanyInfo", operation),
                operation=operation,
            )
        except (Rejected, NotFound):
            return self._client.fetch_object(
                f"companyinfo/{self._client.realm_id}",
                lambda reply: read_object(reply, "CompanyInfo", operation),
                operation=operation,
            )

    def _fetch_batch(self, kind: Kind, place: Place) -> Batch:
        return self._fetch_rows(page_statement(kind, place), kind)

    def _fetch_rows(self, statement: str, kind: Kind) -> Batch:
        operation = f"{kind} page"
        return self._client.fetch_query(
            statement, lambda reply: read_rows(reply, ENTITY_NAMES[kind], operation), operation=operation
        )


class _Walk:
    """Where a keyset reading stands, and the guard that it gets forward."""

    def __init__(self, kind: Kind, place: Place, *, careful: bool = False) -> None:
        self._kind = kind
        self._place = place
        self._careful = careful
        self._met: frozenset[bytes] = frozenset()  # records of the second at which the last page ended

    def advance(self, batch: Batch) -> Page:
        """The page that a batch of rows is, without what the page before has shown, and the place after it."""
        place = self._place
        rows = batch.records
        fresh = self._without_met(rows) if self._met else rows
        following = self._next_in_second(place, rows) if place.position else self._next_by_time(place, rows, fresh)
        self._met = self._last_second(rows) if following is not None and not following.position else frozenset()
        if following == place:
            raise self._stuck()
        self._place = following if following is not None else place
        return Page(kind=self._kind, records=fresh, server_time=batch.server_time, next_place=following)

    def _without_met(self, rows: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """The rows that the page before has not shown; those that it has shown stand first, so few are compared."""
        fresh: list[bytes] = []
        left = len(self._met)
        for place, raw in enumerate(rows):
            if left == 0:
                fresh += rows[place:]
                break
            if raw in self._met:
                left -= 1
            else:
                fresh.append(raw)
        return tuple(fresh)

    def _next_in_second(self, place: Place, rows: tuple[bytes, ...]) -> Place | None:
        assert place.since is not None
        if len(rows) < PAGE_SIZE:
            return Place(place.since + timedelta(seconds=1))
        return Place(place.since, place.position + len(rows))

    def _next_by_time(self, place: Place, rows: tuple[bytes, ...], fresh: tuple[bytes, ...]) -> Place | None:
        is_short = len(rows) < PAGE_SIZE
        if not rows or (is_short and not self._careful) or (is_short and not fresh):
            return None
        first, last = self._first_time(rows), self._first_time(rows[::-1])
        if last < first or (place.since is not None and first < place.since):
            raise self._stuck()
        if first == last and not is_short:
            return Place(last, 1)
        if last == place.since:  # a short page of nothing but this second
            return Place(last + timedelta(seconds=1))
        return Place(last)

    def _first_time(self, rows: Sequence[bytes]) -> datetime:
        """The time of the first record that says one; a record that does not is for the mapping to refuse."""
        for raw in rows:
            moment = time_of(raw)
            if moment is not None:
                return moment
        raise self._stuck()

    def _last_second(self, rows: tuple[bytes, ...]) -> frozenset[bytes]:
        last = self._first_time(rows[::-1]) if rows else None
        met: set[bytes] = set()
        for raw in reversed(rows):
            moment = time_of(raw)
            if moment is not None and moment != last:
                break
            met.add(raw)
        return frozenset(met)

    def _stuck(self) -> ContractBroken:
        return ContractBroken(
            System.QUICKBOOKS,
            f"{self._kind} page",
            "the pages do not come in order of change, so reading on could go in circles: report this",
        )
