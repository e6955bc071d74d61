"""A large company in seconds: rows for benchmarks, put into the books without going through the screens.

The result is what the screens would have left: I1 to I4 hold, times and SyncTokens fit the ties, objects have the
size that real ones have (2 to 3 KB), and several hundred share each second, as after an import.
"""

import gc
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.quickbooks_rows import Customer, Entity, Link, SaleLine, Transaction
from connectors.sandbox.quickbooks_sales import AUTO_LINK_NOTE

_WORK = (
    "Structural analysis of the north wing, including site visits, meetings with the contractor and the report",
    "Project management for the reporting period: planning, reviews, change requests and correspondence",
    "Drafting and revision of construction documents, sheets A-101 to A-133, as agreed in the last meeting",
    "Reimbursable expenses: travel, printing, permits and couriers, receipts attached to the monthly statement",
)
_NOTE = "Sent with the monthly statement; the client asked for the purchase order number on each page. " * 3
_MOST_LINES = 5
# Payments come at most so many steps of the whole time after what they pay.
_LONGEST_LAG = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """How much to make, and over which time its creation is spread. `per_second` objects share a second."""

    invoices: int = 100_000
    payments: int = 80_000
    credit_memos: int = 10_000
    customers: int = 2_000
    per_second: int = 400
    first: datetime = datetime(2025, 1, 6, 16, 0, tzinfo=UTC)
    last: datetime = datetime(2026, 10, 30, 16, 0, tzinfo=UTC)


def load_bulk(
    ledger: QuickBooksLedger, volume: Volume | None = None, *, seed: int = 1, with_texts: bool = True
) -> None:
    """Fill an empty ledger; the same seed makes the same company.

    Six in ten credit memos are on an invoice through a zero payment; the other payments pay one invoice each, in
    full, in part, or with money left over. The clock of the ledger should be past `volume.last`.
    With texts, each object's JSON is made beforehand, so that a benchmark measures its reader and not this server.

    Side effects: the garbage collector stops looking at the objects made so far (`gc.freeze`).
    """
    bulk = _Bulk(ledger, volume or Volume(), random.Random(seed))  # noqa: S311 - a company, not a secret
    with ledger.lock, _without_collector():
        bulk.load()
        if with_texts:
            for row in ledger.books.transactions.values():
                ledger.renderer.text(row)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Millions of living objects make every full collection slow, and there is nothing to collect."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()


class _Bulk:
    def __init__(self, ledger: QuickBooksLedger, volume: Volume, chance: random.Random) -> None:
        self._books = ledger.books
        self._volume = volume
        self._chance = chance
        self._currency = ledger.books.home_currency
        objects = volume.invoices + volume.payments + volume.credit_memos
        steps = max(1, objects // volume.per_second)
        span = (volume.last - volume.first) / steps
        self._seconds = [int((volume.first + span * step).timestamp()) for step in range(steps)]

    def load(self) -> None:
        customers = self._customers()
        invoices = list(self._sales(Entity.INVOICE, self._volume.invoices, customers))
        memos = list(self._sales(Entity.CREDIT_MEMO, self._volume.credit_memos, customers))
        payments = list(self._payments(invoices, memos))
        for entity, rows in (
            (Entity.INVOICE, invoices),
            (Entity.CREDIT_MEMO, memos),
            (Entity.PAYMENT, payments),
        ):
            self._put(entity, rows, customers)
        self._books.shelves[Entity.CUSTOMER].fill(customers.values())

    def _customers(self) -> dict[str, Customer]:
        first = self._books.reserve_ids("name", self._volume.customers)
        return {
            str(key): Customer(
                entity=Entity.CUSTOMER,
                id=str(key),
                name=f"Client {key:05d} Engineering Group",
                currency=self._currency,
                created_at=self._seconds[0],
                updated_at=self._seconds[0],
                extra=_addresses(key),
            )
            for key in range(first, first + self._volume.customers)
        }

    def _sales(self, entity: Entity, count: int, customers: dict[str, Customer]) -> Iterator[Transaction]:
        """Invoices or credit memos, created in even steps over the whole time."""
        first, ids = self._books.reserve_ids("transaction", count), list(customers)
        prefix = "INV" if entity is Entity.INVOICE else "CM"
        for place in range(count):
            slot = place * len(self._seconds) // count
            customer = customers[ids[self._chance.randrange(len(ids))]]
            lines = tuple(
                SaleLine(self._chance.randrange(5_000, 300_000), _WORK[line % len(_WORK)])
                for line in range(self._chance.randrange(3, _MOST_LINES + 1))
            )
            on = datetime.fromtimestamp(self._seconds[slot], UTC).date()
            yield Transaction(
                entity=entity,
                id=str(first + place),
                customer_id=customer.id,
                currency=self._currency,
                total=sum(line.amount for line in lines),
                on=on,
                due=on + timedelta(days=30) if entity is Entity.INVOICE else None,
                number=f"{prefix}-{place + 1:06d}",
                sale_lines=lines,
                created_at=self._seconds[slot],
                updated_at=self._seconds[slot],
                extra=customer.extra,
            )

    def _payments(self, invoices: Sequence[Transaction], memos: Sequence[Transaction]) -> Iterator[Transaction]:
        """Zero payments for six in ten memos, then money for the invoices in the order of their creation."""
        volume = self._volume
        key = self._books.reserve_ids("transaction", volume.payments)
        open_of: dict[str, list[Transaction]] = {}
        for invoice in invoices:
            open_of.setdefault(invoice.customer_id, []).append(invoice)
        made = 0
        for memo in memos[: min(len(memos) * 6 // 10, volume.payments)]:
            invoice_or_none = self._later_half(open_of.get(memo.customer_id, []))
            if invoice_or_none is None:
                continue
            yield self._zero_payment(str(key + made), invoice_or_none, memo)
            made += 1
        for place in range(volume.payments - made):
            invoice = invoices[place * len(invoices) // (volume.payments - made)]
            yield self._money(str(key + made + place), invoice, place)

    def _later_half(self, invoices: Sequence[Transaction]) -> Transaction | None:
        """An invoice of the customer with something open, chosen at random."""
        if not invoices:
            return None
        invoice = invoices[self._chance.randrange(len(invoices))]
        return invoice if invoice.open_amount > 0 else None

    def _zero_payment(self, row_id: str, invoice: Transaction, memo: Transaction) -> Transaction:
        amount = min(invoice.open_amount, memo.open_amount)
        links = [
            Link(invoice.id, "Invoice", amount, 1, invoice.customer_id),
            Link(memo.id, "CreditMemo", amount, -1, memo.customer_id),
        ]
        return self._payment(row_id, invoice, (invoice, memo), links, total=0)

    def _money(self, row_id: str, invoice: Transaction, place: int) -> Transaction:
        """Nine in ten pay the whole, some of those with money left over; the others pay half."""
        open_amount = invoice.open_amount
        applied = open_amount // 2 if place % 10 == 9 else open_amount
        extra = 5_000 if place % 50 == 0 or open_amount == 0 else 0
        links = [Link(invoice.id, "Invoice", applied, 1, invoice.customer_id)] if applied else []
        return self._payment(row_id, invoice, (invoice,) if applied else (), links, total=applied + extra)

    def _payment(
        self, row_id: str, invoice: Transaction, targets: Sequence[Transaction], links: list[Link], *, total: int
    ) -> Transaction:
        earliest = self._slot(max((row.updated_at for row in targets), default=invoice.updated_at))
        left = len(self._seconds) - 1 - earliest
        slot = earliest + self._chance.randrange(min(_LONGEST_LAG, left) + 1)
        second = max(self._seconds[slot], invoice.updated_at)
        for target, link in zip(targets, links, strict=True):
            target.linked_by[row_id] = link.amount
            target.sync_token += 1
            target.updated_at = max(second, target.updated_at)
        return Transaction(
            entity=Entity.PAYMENT,
            id=row_id,
            customer_id=invoice.customer_id,
            currency=self._currency,
            total=total,
            on=datetime.fromtimestamp(second, UTC).date(),
            note=_NOTE if total else AUTO_LINK_NOTE,
            reference=f"{row_id[-6:]}",
            method="Check",
            links=links,
            created_at=second,
            updated_at=second,
            extra=_PAYMENT_EXTRA,
        )

    def _slot(self, second: int) -> int:
        """Which of the seconds a time is."""
        span = max(1, (self._seconds[-1] - self._seconds[0]))
        return max(0, (second - self._seconds[0]) * (len(self._seconds) - 1) // span)

    def _put(self, entity: Entity, rows: Sequence[Transaction], customers: dict[str, Customer]) -> None:
        """Place rows on their shelf and book them to their customers, who are shelved last."""
        self._books.shelves[entity].fill(rows)
        for row in rows:
            self._books.transactions[row.id] = row
            self._books.index(row)
            row.weight = self._books.weight(row)
            customer = customers[row.customer_id]
            customer.balance += row.weight.get(row.customer_id, 0)
            customer.updated_at = max(customer.updated_at, row.updated_at)


def _addresses(key: int) -> dict[str, object]:
    address = {
        "Id": str(key),
        "Line1": f"{key} Finch Street",
        "Line2": "Building C, fourth floor, attention accounts payable",
        "City": "Bayshore",
        "CountrySubDivisionCode": "CA",
        "PostalCode": "94326",
        "Lat": "INVALID",
        "Long": "INVALID",
    }
    return {
        "BillAddr": address,
        "ShipAddr": address,
        "BillEmail": {"Address": f"payables-{key}@client.invalid"},
        "SalesTermRef": {"value": "3", "name": "Net 30"},
        "CustomField": [{"DefinitionId": "1", "Name": "Crew #", "Type": "StringType"}],
    }


_REMITTANCE = "Remittance advice: " + "see the attached list of invoices and deductions; " * 4
_PAYMENT_EXTRA = {
    "CustomField": [
        {"DefinitionId": "1", "Name": "Remittance advice", "Type": "StringType", "StringValue": _NOTE[:31]}
    ],
    "TxnSource": "QBMobile",
    "CreditCardPayment": {"CreditChargeInfo": {"Type": "Unknown", "ProcessPayment": False, "NameOnAcct": _REMITTANCE}},
}
