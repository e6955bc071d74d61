"""QuickBooks Online on loopback: the OAuth endpoints and the Accounting API over a ledger.

What is not modelled is refused with 501 and listed in `unmodelled` of the server; it is never guessed.
Source: facts/quickbooks.md §1 to §3, §5, §7.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import count
from types import MappingProxyType

from connectors.sandbox.clock import Clock
from connectors.sandbox.exchange import JSON, Reply, Request, unmodelled
from connectors.sandbox.faults import FaultTable
from connectors.sandbox.http_server import RunningServer
from connectors.sandbox.quickbooks_changes import answer_changes
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.quickbooks_limits import Limits
from connectors.sandbox.quickbooks_query import QueryRefused, QueryUnmodelled, parse_query
from connectors.sandbox.quickbooks_replies import (
    fault,
    group,
    no_access,
    one,
    page,
    too_many,
    wrong_company,
)
from connectors.sandbox.quickbooks_rows import Entity
from connectors.sandbox.quickbooks_selection import select
from connectors.sandbox.quickbooks_tokens import CLIENT_ID, CLIENT_SECRET, DISCOVERY_PATH, TokenService
from connectors.sandbox.quickbooks_writes import Writes

_QUERY_PARAMETERS = frozenset({"query", "minorversion", "requestid"})
_READ_PARAMETERS = frozenset({"minorversion", "requestid"})
_SINGLE = {"preferences": Entity.PREFERENCES, "companyinfo": Entity.COMPANY_INFO}


class QuickBooksServer(RunningServer):
    """A served company. `tokens` hands out and ends access, `limits` counts what is metered."""

    def __init__(
        self,
        ledger: QuickBooksLedger,
        faults: FaultTable,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clients: Mapping[str, str],
        pace: Clock | None = None,
    ) -> None:
        self.ledger = ledger
        clock = ledger.books.clock
        self.tokens = TokenService(clock, ledger.realm_id, clients=clients, switches=ledger.switches)
        self.limits = Limits(pace or clock, ledger.switches)
        self._api = _AccountingApi(ledger, self.tokens, self.limits)
        self._replies = count(1)
        super().__init__(self._api.handle, faults, host=host, port=port, finish=self._mark)
        self.tokens.origin = self.url

    @property
    def discovery_url(self) -> str:
        """Where the OAuth discovery document is."""
        return self.url + DISCOVERY_PATH

    def _mark(self, reply: Reply) -> Reply:
        """Every reply carries the id that Intuit's support asks for."""
        tid = f"1-sim-{next(self._replies):08d}"
        return reply.with_headers(MappingProxyType({"intuit_tid": tid, "Cache-Control": "no-cache, no-store"}))


def serve(
    ledger: QuickBooksLedger,
    faults: FaultTable | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    clients: Mapping[str, str] | None = None,
    pace: Clock | None = None,
) -> QuickBooksServer:
    """Serve a ledger until the server is stopped; `port` 0 takes a free one.

    `clients` are the apps that may connect (id to secret); `pace` is the clock of the throttles when it is not
    that of the ledger.
    """
    known = {CLIENT_ID: CLIENT_SECRET} if clients is None else clients
    return QuickBooksServer(ledger, faults or FaultTable(), host=host, port=port, clients=known, pace=pace)


class _AccountingApi:
    """Finds the answer to a request. Every answer is made under the ledger's lock: it shows one moment."""

    def __init__(self, ledger: QuickBooksLedger, tokens: TokenService, limits: Limits) -> None:
        self._ledger = ledger
        self._tokens = tokens
        self._limits = limits
        self._writes = Writes(ledger)

    def handle(self, request: Request) -> Reply:
        """The reply to any request to the server."""
        reply = self._tokens.handle(request)
        if reply is not None:
            return reply
        parts = request.path.strip("/").split("/")
        if parts[:2] != ["v3", "company"] or len(parts) < 4:
            return unmodelled(f"{request.method} {request.path}")
        with self._ledger.lock:
            now = self._ledger.books.clock.now()
            return self._refusal(request, parts[2], now) or self._answer(request, parts[3:], now)

    def _refusal(self, request: Request, realm_id: str, now: datetime) -> Reply | None:
        """Why a request is not let in, or None."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        opened = self._tokens.realm_of(token) if kind == "Bearer" else None
        if opened is None:
            return no_access()
        if opened != realm_id:
            return wrong_company(realm_id, now)
        if not self._limits.admits():
            return too_many(self._ledger.switches, now)
        return None

    def _answer(self, request: Request, parts: list[str], now: datetime) -> Reply:
        """Reads are metered and may be blocked for the month; writes are neither."""
        is_query = parts == ["query"]
        if request.method == "POST" and not is_query:
            return self._writes.answer(request, parts, now)
        if request.method not in ("GET", "POST"):
            return unmodelled(f"{request.method} {request.path}")
        if self._limits.is_spent():
            return too_many(self._ledger.switches, now)
        if is_query:
            reply = self._query(request, now)
        elif parts == ["cdc"]:
            reply = answer_changes(self._ledger, request, now)
        else:
            reply = self._read(request, parts, now)
        self._limits.meter(reply)
        return reply

    def _query(self, request: Request, now: datetime) -> Reply:
        unknown = set(request.params) - _QUERY_PARAMETERS
        if unknown:
            return unmodelled(f"query with parameter {', '.join(sorted(unknown))}")
        kind = request.headers.get("content-type", "").partition(";")[0]
        if request.method == "POST" and kind not in ("application/text", "text/plain"):
            return unmodelled(f"a query sent as {kind or 'nothing'}")
        try:
            statement = request.params["query"] if request.method == "GET" else request.body.decode()
            query = parse_query(statement)
            selected = select(self._ledger.books, query, self._ledger.switches)
        except QueryUnmodelled as refusal:
            return unmodelled(f"a query for {refusal}")
        except QueryRefused as refusal:
            return fault("4001", str(refusal), now)
        except (KeyError, UnicodeDecodeError):
            return fault("4001", "QueryParserError: there is no statement in UTF-8", now)
        if query.counts:
            return page(JSON.encode({"totalCount": selected.total}), now)
        texts = [self._ledger.renderer.text(row) for row in selected.rows]
        entity = selected.entity.value
        total = selected.total if entity in self._ledger.switches.total_count_for else None
        return page(group(entity, texts, start=query.start, total=total), now)

    def _read(self, request: Request, parts: list[str], now: datetime) -> Reply:
        """One object by id; the preferences also without one, the company by its realm."""
        unknown = set(request.params) - _READ_PARAMETERS
        by_name = {entity.value.lower(): entity for entity in Entity}
        entity = by_name.get(parts[0].lower())
        if entity is None or unknown or len(parts) > 2 or (len(parts) == 1 and entity is not Entity.PREFERENCES):
            return unmodelled(f"{request.method} {request.path} {' '.join(sorted(unknown))}".rstrip())
        rows = self._ledger.books.shelves[entity].rows
        row = rows.get("1" if entity in _SINGLE.values() else parts[1])
        if row is None:
            return fault(
                "610", f"Object Not Found : Something you're trying to use has been made inactive ({parts[1]})", now
            )
        return one(entity.value, self._ledger.renderer.text(row), now)
