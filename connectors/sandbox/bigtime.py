"""BigTime's REST API over a simulated ledger, as real HTTP on loopback.

Only calls that a reader may make are modelled; everything else, and every call that writes, is refused with 501
and listed by the running server, so that a test can assert that the list is empty.
Source: facts/bigtime.md §1 and §2; what is not known there is a switch of `BigTimeSwitches`.
"""

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape
from types import MappingProxyType

import msgspec

from connectors.sandbox.bigtime_ledger import BigTimeInvoice, BigTimeLedger, PaymentRow
from connectors.sandbox.bigtime_rows import (
    Row,
    client_row,
    day_on_wire,
    invoice_detail,
    invoice_row,
    payment_row,
    project_row,
)
from connectors.sandbox.bigtime_switches import FilteredBy, InvoiceFilteredBy
from connectors.sandbox.exchange import Reply, Request, json_reply, unmodelled
from connectors.sandbox.faults import FaultTable
from connectors.sandbox.http_server import RunningServer

PREFIX = "/bigtimedata/api/v2"
API_TOKEN = "sandbox-bigtime-token"  # noqa: S105 - opens nothing but this simulator
USER_ID = "controller@example.com"
PASSWORD = "sandbox-password"  # noqa: S105 - opens nothing but this simulator
PAYMENT_REPORT_ID = "4711"
_MINUTE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staffer:
    """Somebody whom the API lets in, and what he may see; an API key acts as the staffer it was made for.

    Without `may_read_money` invoices and payments are answered with 405, as BigTime answers missing rights. With
    `visible_clients` the lists silently have fewer rows. None: all clients.
    Source: facts/bigtime.md §1.2 and §1.4.
    """

    staff_id: int = 21
    user_id: str = USER_ID
    password: str = PASSWORD
    api_token: str = API_TOKEN
    may_read_money: bool = True
    visible_clients: frozenset[str] | None = None

    def sees(self, client_id: str) -> bool:
        """Whether records of this client are in this staffer's lists."""
        return self.visible_clients is None or client_id in self.visible_clients


class _Refused(Exception):  # noqa: N818 - a reply that ends the handling, not an error of ours
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class BigTimeApi:
    """The API of one firm. Call it with a request; it is safe to share between threads."""

    def __init__(self, ledger: BigTimeLedger, staffers: Iterable[Staffer] = ()) -> None:
        self.ledger = ledger
        self.staffers = tuple(staffers) or (Staffer(),)
        self._lock = threading.Lock()
        self._recent: deque[datetime] = deque()
        self._sessions: dict[str, tuple[Staffer, datetime]] = {}
        self._reports: dict[str, tuple[date, date]] = {}

    def __call__(self, request: Request) -> Reply:
        """The reply to one request."""
        with self._lock:
            try:
                reply = self._handle(request)
            except _Refused as refused:
                reply = refused.reply
        return _as_xml(reply) if _wants_xml(request) and not reply.unmodelled else reply

    def expire_sessions(self) -> None:
        """End every session now, as BigTime may at any time."""
        self._sessions.clear()

    # Who, and how often

    def _handle(self, request: Request) -> Reply:
        path = request.path.lower().rstrip("/")
        if not path.startswith(PREFIX + "/"):
            return unmodelled(f"{request.method} {request.path}: BigTime answers below {PREFIX} only")
        self._count_call()
        parts = path.removeprefix(PREFIX).strip("/").split("/")
        if (request.method, parts) == ("POST", ["session"]):
            return self._log_in(request)
        staffer = self._authenticate(request)
        handler = self._route(request.method, parts)
        return unmodelled(f"{request.method} {request.path}") if handler is None else handler(request, staffer)

    def _count_call(self) -> None:
        now, switches = self.ledger.clock.now(), self.ledger.switches
        while self._recent and now - self._recent[0] >= _MINUTE:
            self._recent.popleft()
        if len(self._recent) >= switches.calls_per_minute:
            wait = max(1, int((self._recent[0] + _MINUTE - now).total_seconds() + 0.999))
            headers = {"Retry-After": str(wait)} if switches.sends_retry_after else {}
            raise _Refused(self._error_page(503, "Service Unavailable", headers))
        self._recent.append(now)

    def _log_in(self, request: Request) -> Reply:
        try:
            decoded = msgspec.json.decode(request.body, type=dict[str, object])
        except msgspec.DecodeError:
            raise _refused(400, "The body is not a JSON object.") from None
        asked = {key.lower(): value for key, value in decoded.items()}
        for staffer in self.staffers:
            if (staffer.user_id, staffer.password) == (asked.get("userid"), asked.get("pwd")):
                break
        else:
            raise _refused(401, "The user id or password is wrong.")
        if asked.get("firm", self.ledger.firm) != self.ledger.firm:
            raise _refused(401, "The user does not belong to this firm.")
        now = self.ledger.clock.now()
        token = hashlib.sha256(f"{staffer.user_id} {now.isoformat()} {len(self._sessions)}".encode()).hexdigest()[:36]
        self._sessions[token] = (staffer, now)
        return json_reply({"firm": self.ledger.firm, "staffsid": staffer.staff_id, "userid": 999, "token": token})

    def _authenticate(self, request: Request) -> Staffer:
        """The staffer behind the request. Source: facts/bigtime.md §1.2, both ways."""
        if request.headers.get("x-auth-realm", "") != self.ledger.firm:
            raise _refused(401, "The realm is missing or is not a firm of this user.")
        api_token = request.headers.get("x-auth-apitoken", "")
        for staffer in self.staffers:
            if api_token and staffer.api_token == api_token:
                return staffer
        token = request.headers.get("x-auth-token", "")
        if token in self._sessions:
            staffer, since = self._sessions[token]
            if self.ledger.clock.now() - since < timedelta(hours=self.ledger.switches.session_hours):
                return staffer
            del self._sessions[token]
        raise _refused(401, "The session has expired or the key is not known.")

    # What is asked

    def _route(self, method: str, parts: Sequence[str]) -> "Callable[[Request, Staffer], Reply] | None":
        plain: dict[tuple[str, ...], Callable[[Request, Staffer], Reply]] = {
            ("GET", "invoice", "history"): self._invoice_history,
            ("GET", "invoice", "drafts"): self._invoice_drafts,
            ("GET", "payment", "history"): self._payment_history,
            ("GET", "client"): self._clients,
            ("GET", "project"): self._projects,
            ("GET", "picklist", "fieldvalues", "invoiceposttypes"): self._post_types,
        }
        with_id: dict[tuple[str, ...], Callable[[Request, Staffer, str], Reply]] = {
            ("GET", "invoice", "detail"): self._invoice_detail,
            ("GET", "client", "detail"): self._client_detail,
            ("GET", "project", "detail"): self._project_detail,
            ("GET", "report", "data"): self._report,
            ("POST", "report", "data"): self._report,
        }
        handler = plain.get((method, *parts))
        if handler is not None or len(parts) < 2:
            return handler
        named = with_id.get((method, *parts[:-1]))
        return None if named is None else lambda request, staffer: named(request, staffer, parts[-1])

    def _invoice_history(self, request: Request, staffer: Staffer) -> Reply:
        window = _window(request.params, "startDt", "endDt")
        switches = self.ledger.switches
        found = [
            invoice
            for invoice in self._visible_invoices(staffer)
            if (switches.drafts_in_history or invoice.sent_on is not None)
            and _within(_invoice_date(invoice, switches.invoices_filtered_by), window)
        ]
        return self._list(invoice_row(self.ledger, invoice) for invoice in found)

    def _invoice_drafts(self, request: Request, staffer: Staffer) -> Reply:
        bounded = any(name.lower() in ("startdt", "enddt") for name in request.params)
        window = _window(request.params, "startDt", "endDt") if bounded else (date.min, date.max)
        found = [
            invoice
            for invoice in self._visible_invoices(staffer)
            if invoice.sent_on is None and _within(invoice.issued_on, window)
        ]
        return self._list(invoice_row(self.ledger, invoice) for invoice in found)

    def _invoice_detail(self, request: Request, staffer: Staffer, sid: str) -> Reply:
        del request
        for invoice in self._visible_invoices(staffer):
            if invoice.id == sid:
                return json_reply(invoice_detail(self.ledger, invoice))
        raise _refused(404, "There is no such invoice.")

    def _payment_history(self, request: Request, staffer: Staffer) -> Reply:
        window = _window(request.params, "startDate", "endDate")
        return self._list(payment_row(self.ledger, row) for row in self._visible_rows(staffer, window))

    def _clients(self, request: Request, staffer: Staffer) -> Reply:
        everybody = _flag(request.params, "ShowInactive")
        shown = self.ledger.switches.quickbooks_id_in_client_list
        return self._list(
            client_row(self.ledger, client, linked=shown)
            for client in self.ledger.clients.values()
            if staffer.sees(client.id) and (client.active or everybody)
        )

    def _client_detail(self, request: Request, staffer: Staffer, client_id: str) -> Reply:
        client = self.ledger.clients.get(client_id)
        if client is None or not staffer.sees(client_id):
            raise _refused(404, "There is no such client.")
        detailed = _param(request.params, "View").lower() == "detailed"
        return json_reply(client_row(self.ledger, client, linked=detailed))

    def _projects(self, request: Request, staffer: Staffer) -> Reply:
        everything = _flag(request.params, "ShowInactive")
        return self._list(
            project_row(self.ledger, client, linked=False)
            for client in self.ledger.clients.values()
            if staffer.sees(client.id) and (client.active or everything)
        )

    def _project_detail(self, request: Request, staffer: Staffer, project_id: str) -> Reply:
        detailed = _param(request.params, "View").lower() == "detailed"
        for client in self.ledger.clients.values():
            if client.project_id == project_id and staffer.sees(client.id):
                return json_reply(project_row(self.ledger, client, linked=detailed))
        raise _refused(404, "There is no such project.")

    def _post_types(self, request: Request, staffer: Staffer) -> Reply:
        del request, staffer
        words = (self.ledger.switches.not_posted_word or "Not Posted", self.ledger.switches.posted_word)
        return self._list({"Id": str(index), "Name": word} for index, word in enumerate(words))

    def _report(self, request: Request, staffer: Staffer, report_id: str) -> Reply:
        """The firm-made payments report: POST brings it up to date, GET reads what the last POST asked for."""
        if report_id != PAYMENT_REPORT_ID:
            raise _refused(404, "There is no such report.")
        if request.method == "POST":
            asked = msgspec.json.decode(request.body or b"{}", type=dict[str, str])
            self._reports[report_id] = _window(asked, "DT_BEGIN", "DT_END")
        window = self._reports.get(report_id, (date.min, date.max))
        style = self.ledger.switches.payment_timestamp
        rows = [
            [row.payment_id, self.ledger.invoices[row.invoice_id].number, day_on_wire(row.paid_on, style), row.method]
            for row in self._visible_rows(staffer, window)
        ]
        names = ("pypaymentsid", "ivinvoicenbr", "pypaiddt", "pypaymenttype")
        return json_reply({"Data": rows, "FieldList": [{"FieldNm": name} for name in names]})

    # Leaves

    def _visible_invoices(self, staffer: Staffer) -> list[BigTimeInvoice]:
        if not staffer.may_read_money:
            raise _refused(405, "You do not have permission to do this.")
        return [invoice for invoice in self.ledger.invoices.values() if staffer.sees(invoice.client_id)]

    def _visible_rows(self, staffer: Staffer, window: tuple[date, date]) -> list[PaymentRow]:
        seen = {invoice.id for invoice in self._visible_invoices(staffer)}
        by_applied = self.ledger.switches.payments_filtered_by is FilteredBy.APPLIED
        return [
            row
            for row in self.ledger.rows
            if row.invoice_id in seen and _within(row.applied_on if by_applied else row.paid_on, window)
        ]

    def _list(self, rows: Iterable[Row]) -> Reply:
        listed = list(rows)
        return json_reply(listed[: self.ledger.switches.row_cap])

    def _error_page(self, status: int, title: str, headers: Mapping[str, str]) -> Reply:
        named = MappingProxyType(dict(headers))
        if not self.ledger.switches.errors_are_html:
            return Reply(status=status, body=msgspec.json.encode({"Message": title}), headers=named)
        page = (
            f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h2>{status} - {title}</h2></body></html>"
        )
        return Reply(status=status, body=page.encode(), content_type="text/html", headers=named)


def _refused(status: int, sentence: str) -> _Refused:
    """The shape of BigTime's JSON errors is not known; this is the usual one of its platform."""
    return _Refused(json_reply({"Message": sentence}, status=status))


def _param(params: Mapping[str, str], name: str) -> str:
    return next((value for key, value in params.items() if key.lower() == name.lower()), "")


def _flag(params: Mapping[str, str], name: str) -> bool:
    return _param(params, name).lower() == "true"


def _window(params: Mapping[str, str], first: str, last: str) -> tuple[date, date]:
    """The two dates of a window. Both are required: without one of them the reply is 400."""
    try:
        return date.fromisoformat(_param(params, first)), date.fromisoformat(_param(params, last))
    except ValueError:
        raise _refused(400, f"{first} and {last} are required, as YYYY-MM-DD.") from None


def _within(day: date, window: tuple[date, date]) -> bool:
    return window[0] <= day <= window[1]


def _invoice_date(invoice: BigTimeInvoice, filtered_by: InvoiceFilteredBy) -> date:
    by_sent = filtered_by is InvoiceFilteredBy.SENT and invoice.sent_on is not None
    return invoice.sent_on if by_sent and invoice.sent_on else invoice.issued_on


def _wants_xml(request: Request) -> bool:
    """JSON or XML is chosen by the headers; a client that names neither gets XML. Source: facts/bigtime.md §1.3."""
    named = request.headers.get("content-type", "") + request.headers.get("accept", "")
    return "json" not in named.lower()


def _as_xml(reply: Reply) -> Reply:
    if reply.content_type != "application/json" or not reply.body:
        return reply
    body = f'<?xml version="1.0"?><Reply>{escape(reply.body.decode())}</Reply>'.encode()
    return Reply(status=reply.status, body=body, content_type="application/xml", headers=reply.headers)


def serve(
    ledger: BigTimeLedger,
    faults: FaultTable | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    staffers: Iterable[Staffer] = (),
) -> RunningServer:
    """Serve the ledger on a free port of loopback; leave the `with` block or call `stop` to end it.

    The base URL of the API is `running.url + "/BigtimeData/api/v2"`. Without `staffers` there is one who may see
    everything, with `API_TOKEN`, `USER_ID` and `PASSWORD` of this module.
    """
    return RunningServer(BigTimeApi(ledger, staffers), faults or FaultTable(), host=host, port=port)
