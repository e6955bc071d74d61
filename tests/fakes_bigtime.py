"""A BigTime firm for the tests of its pull: the simulator's API without a socket, and the truth to compare with."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from connectors.bigtime.client import ApiToken, BigTimeClient, Limits
from connectors.bigtime.reading import BigTimeReader
from connectors.sandbox.bigtime import API_TOKEN, PREFIX, BigTimeApi, Staffer
from connectors.sandbox.bigtime_ledger import BigTimeLedger
from connectors.sandbox.bigtime_switches import BigTimeSwitches
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.exchange import Reply as SimulatorReply
from connectors.sandbox.exchange import Request
from connectors.transport import Reply
from mappings.bigtime import client_from_bigtime, invoice_from_bigtime, payments_from_bigtime
from mappings.model import Content, Kind, RecordKey, System
from mappings.quickbooks import MappedRecord
from mappings.records import PullOutcome
from mappings.vocabulary import Vocabulary
from sync.pulling.bigtime import pull_bigtime
from tests.fakes import MemoryRecordStore

START = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


class DirectTransport:
    """A transport that hands each request to the simulator in this process and keeps a list of them.

    `before` is called with each request, and may raise in its place.
    """

    def __init__(
        self, api: Callable[[Request], SimulatorReply], before: Callable[[Request], None] | None = None
    ) -> None:
        self.api = api
        self.before = before
        self.requests: list[Request] = []

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        deadline_seconds: float,
        max_bytes: int,
        operation: str = "request",
        writes: bool = False,
    ) -> Reply:
        assert not writes
        request = Request(
            method=method,
            path=url.removeprefix("http://firm"),
            params=dict(params or {}),
            headers={name.lower(): value for name, value in headers.items()},
            body=body.encode() if isinstance(body, str) else body or b"",
        )
        self.requests.append(request)
        if self.before is not None:
            self.before(request)
        answer = self.api(request)
        return Reply(answer.status, dict(answer.headers), answer.body)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The part of the settings that a pull needs."""

    history_start: date = date(2024, 1, 1)
    reread_hours: int = 24


@dataclass(kw_only=True)
class Firm:
    """A firm, its API, a store, and runs of the worker against it."""

    switches: BigTimeSwitches = field(default_factory=BigTimeSwitches)
    settings: Settings = field(default_factory=Settings)
    staffers: tuple[Staffer, ...] = ()
    runs: int = 0

    def __post_init__(self) -> None:
        self.clock = SimulatedClock(START)
        self.ledger = BigTimeLedger(self.clock, switches=self.switches)
        self.api = BigTimeApi(self.ledger, self.staffers)
        self.transport = DirectTransport(self.api)
        self.store = MemoryRecordStore()
        self.client = BigTimeClient(
            self.transport,  # type: ignore[arg-type]
            ApiToken(lambda: API_TOKEN),
            base_url="http://firm" + PREFIX,
            firm=self.ledger.firm,
            clock=self.clock,
            limits=Limits(calls_per_minute=25),
        )
        self.reader = BigTimeReader(self.client)

    def pull(self, *, minutes: float = 15, **options: bool) -> PullOutcome:
        """Let some time pass and run the worker once."""
        self.clock.advance(minutes=minutes)
        self.runs += 1
        return pull_bigtime(
            self.reader,
            self.store,
            run_id=f"run-{self.runs}",
            clock=self.clock,
            settings=self.settings,
            vocabulary=Vocabulary(),
            currency="USD",
            **options,  # type: ignore[arg-type]
        )

    def calls(self) -> list[str]:
        """The calls since the last time this was asked, as `path first..last`."""
        made = [
            request.path.removeprefix(PREFIX) + " " + "..".join(request.params.values())
            for request in self.transport.requests
        ]
        self.transport.requests.clear()
        return made

    def truth(self) -> dict[RecordKey, Content | None]:
        """What BigTime says now, read directly and whole."""
        api = BigTimeApi(self.ledger)
        reader = BigTimeReader(
            BigTimeClient(
                DirectTransport(api),  # type: ignore[arg-type]
                ApiToken(lambda: API_TOKEN),
                base_url="http://firm" + PREFIX,
                firm=self.ledger.firm,
                clock=SimulatedClock(self.clock.now()),
            )
        )
        first, last, words = date(1990, 1, 1), date(2100, 1, 1), Vocabulary()
        whole, api.ledger.switches = api.ledger.switches, _uncapped(api.ledger.switches)
        try:
            drafts = [invoice_from_bigtime(raw, words, "USD", is_draft=True) for raw in reader.fetch_drafts()]
            sent = [
                invoice_from_bigtime(raw, words, "USD", is_draft=False) for raw in reader.fetch_invoices(first, last)
            ]
            payments = payments_from_bigtime(reader.fetch_payments(first, last), words, "USD")
            clients = [client_from_bigtime(reader.fetch_client_detail(id_)) for id_ in self.ledger.clients]
        finally:
            api.ledger.switches = whole
        found: dict[RecordKey, Content | None] = {}
        for kind, records in (
            (Kind.INVOICE, [*sent, *drafts]),
            (Kind.PAYMENT, payments),
            (Kind.CLIENT, clients),
        ):
            for record in records:
                assert isinstance(record, MappedRecord), record
                found[RecordKey(System.BIGTIME, kind, record.id)] = record.content
        return found

    def truth_of(self, invoice_id: str) -> Content | None:
        """What BigTime says of one invoice."""
        last = date(2100, 1, 1)
        for raw in self.reader.fetch_invoices(date(1990, 1, 1), last):
            record = invoice_from_bigtime(raw, Vocabulary(), "USD", is_draft=False)
            if isinstance(record, MappedRecord) and record.id == invoice_id:
                return record.content
        return None

    def stored(self) -> dict[RecordKey, Content | None]:
        """What the store says now."""
        return {
            key: history[-1].content for key, history in self.store.versions.items() if history[-1].content is not None
        }


def _uncapped(switches: BigTimeSwitches) -> BigTimeSwitches:
    return replace(switches, row_cap=None, calls_per_minute=10_000)


def populate(firm: Firm, *, clients: int = 4, invoices: int = 40, seed: int = 0) -> random.Random:
    """A firm with history: invoices over two years, most of them paid."""
    chance = random.Random(seed)
    ledger, today = firm.ledger, firm.clock.now().date()
    ids = [ledger.add_client(f"Client {number}", quickbooks_id=str(number % 7)) for number in range(clients)]
    for number in range(invoices):
        on = firm.settings.history_start + timedelta(
            days=chance.randrange((today - firm.settings.history_start).days + 1)
        )
        invoice = ledger.add_invoice(
            chance.choice(ids), f"INV-{number}", chance.randrange(100, 5000), on=on, draft=chance.random() < 0.1
        )
        if chance.random() < 0.8:
            paid = min(on + timedelta(days=chance.randrange(60)), today)
            ledger.add_payment({invoice: ledger.invoices[invoice].total_cents // 100}, method="Check", on=paid)
    return chance


def meddle(firm: Firm, chance: random.Random) -> None:
    """Somebody does something in BigTime."""
    ledger, today = firm.ledger, firm.clock.now().date()
    start = firm.settings.history_start
    day = start + timedelta(days=chance.randrange((today - start).days + 1))
    recent = today - timedelta(days=chance.randrange(40))
    invoices, rows = sorted(ledger.invoices), ledger.rows
    act = chance.randrange(10)
    if act == 0 or not invoices:
        client = (
            chance.choice(sorted(ledger.clients))
            if chance.random() < 0.8
            else ledger.add_client("Newcomer", quickbooks_id="77")
        )
        ledger.add_invoice(client, f"N-{chance.random():.6f}", 750, on=recent, draft=chance.random() < 0.3)
    elif act == 1:
        ledger.add_payment({chance.choice(invoices): 25}, method=chance.choice(["Check", "AccountCredit"]), on=recent)
    elif act == 2:
        ledger.add_payment({chance.choice(invoices): 25}, method="ACH", on=day, applied_on=max(day, recent))
    elif act == 3 and rows:
        row = chance.choice(rows)
        ledger.edit_payment(row.payment_id, row.invoice_id, amount=chance.randrange(1, 500))
    elif act == 4 and rows:
        row = chance.choice(rows)
        ledger.edit_payment(row.payment_id, row.invoice_id, on=chance.choice([day, recent]))
    elif act == 5 and rows:
        ledger.delete_payment(chance.choice(rows).payment_id)
    elif act == 6:
        ledger.delete_invoice(chance.choice(invoices))
    elif act == 7:
        ledger.edit_invoice(chance.choice(invoices), amount=chance.randrange(100, 9000))
    elif act == 8:
        ledger.edit_invoice(chance.choice(invoices), on=chance.choice([day, recent]))
    else:
        sid = chance.choice(invoices)
        if ledger.invoices[sid].sent_on is None:
            ledger.send_invoice(sid)
        else:
            ledger.set_posted(sid)
