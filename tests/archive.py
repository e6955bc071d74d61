"""A store of versions in memory, filled straight from a world's ledgers: the rules' shortest way to a scenario.

No HTTP and no database: what the systems would send is encoded, mapped and kept as versions, exactly as the worker
keeps them. The whole company is one book.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from connectors.sandbox.bigtime_rows import client_row, invoice_row, payment_row
from connectors.sandbox.world import World
from mappings.bigtime import client_from_bigtime, invoice_from_bigtime, payments_from_bigtime
from mappings.findings import BookResult
from mappings.model import Account, Book, Content, History, Kind, RecordKey, System, Version, encode_content, raw_hash
from mappings.problems import Problem
from mappings.quickbooks import ENTITY_NAMES, MappedRecord, content_from_quickbooks
from mappings.vocabulary import Vocabulary
from sync.rules.evaluate import evaluate_book
from sync.rules.moment import Moment

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_KINDS = (
    Kind.INVOICE,
    Kind.PAYMENT,
    Kind.CREDIT_MEMO,
    Kind.JOURNAL_ENTRY,
    Kind.PURCHASE,
    Kind.REFUND_RECEIPT,
    Kind.DEPOSIT,
    Kind.CUSTOMER,
    Kind.PREFERENCES,
    Kind.ACCOUNT,
)


class Archive:
    """The versions of one company, as complete reads of both systems found them."""

    def __init__(self) -> None:
        self._versions: dict[RecordKey, list[Version]] = {}
        self._read_at: datetime | None = None
        self.raws: dict[str, bytes] = {}

    def read(self, world: World) -> None:
        """Read both systems completely, now by the world's clock."""
        now, seen = world.clock.now(), set()
        for key, raw, content, modified_at in records_of(world):
            seen.add(key)
            self._keep(key, raw, content, now, modified_at)
        for key in sorted(set(self._versions) - seen):
            self._keep(key, b"", None, now, None)
        self._read_at = now

    def _keep(
        self, key: RecordKey, raw: bytes, content: Content | None, now: datetime, modified_at: datetime | None
    ) -> None:
        known = self._versions.setdefault(key, [])
        if known and _encoded(known[-1].content) == _encoded(content):
            return
        self.raws[raw_hash(raw)] = raw
        known.append(
            Version(
                key=key,
                sequence=len(known) + 1,
                content=content,
                observed_at=now,
                absent_before=self._read_at,
                modified_at=modified_at,
                sha256=raw_hash(raw),
                run_id="run",
            )
        )

    def book(self) -> Book:
        """Everything as one book."""
        histories = tuple(History(tuple(versions)) for _, versions in sorted(self._versions.items()))
        preferences = next((each for each in histories if each.key.kind is Kind.PREFERENCES), None)
        accounts = {each.key.id: each.content for each in histories if isinstance(each.content, Account)}
        receivable = {id_: account.name for id_, account in accounts.items() if account.is_receivable}
        return Book(
            company="acme",
            home_currency="USD",
            histories=tuple(each for each in histories if each.key.kind is not Kind.ACCOUNT),
            preferences=preferences,
            receivable_accounts=frozenset(receivable),
            account_names=receivable,
        )

    def evaluate(self, now: datetime) -> BookResult:
        """What the rules say of it at a moment."""
        return evaluate_book(self.book(), Moment(now=now, timezone=ZoneInfo("America/New_York")))


def _encoded(content: Content | None) -> bytes:
    return b"" if content is None else encode_content(content)


def records_of(world: World) -> Iterator[tuple[RecordKey, bytes, Content | None, datetime | None]]:
    """All that both systems would show now: key, raw text, content, and the system's time of the last change."""
    for kind in _KINDS:
        for entity in world.quickbooks.objects(ENTITY_NAMES[kind]):
            raw = _ENCODER.encode(entity)
            yield _kept(System.QUICKBOOKS, kind, raw, content_from_quickbooks(kind, raw))
    ledger, words = world.bigtime, Vocabulary()
    invoices = [_ENCODER.encode(invoice_row(ledger, each)) for each in ledger.invoices.values()]
    mapped: Iterable[MappedRecord | Problem] = [
        invoice_from_bigtime(raw, words, "USD", is_draft=False) for raw in invoices
    ]
    for raw, record in zip(invoices, mapped, strict=True):
        yield _kept(System.BIGTIME, Kind.INVOICE, raw, record)
    rows = [_ENCODER.encode(payment_row(ledger, each)) for each in ledger.rows]
    for raw, record in zip(rows, payments_from_bigtime(rows, words, "USD"), strict=True):
        yield _kept(System.BIGTIME, Kind.PAYMENT, raw, record)
    for client in ledger.clients.values():
        raw = _ENCODER.encode(client_row(ledger, client, linked=True))
        yield _kept(System.BIGTIME, Kind.CLIENT, raw, client_from_bigtime(raw))


def _kept(
    system: System, kind: Kind, raw: bytes, record: MappedRecord | Problem
) -> tuple[RecordKey, bytes, Content | None, datetime | None]:
    assert isinstance(record, MappedRecord), f"{system} {kind}: {record}"
    return RecordKey(system, kind, record.id), raw, record.content, record.modified_at
