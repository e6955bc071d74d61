"""A firm of any size as the store would know it: both systems' records, in step but for planted mistakes.

No system is simulated: the contents are made directly, in the shapes that the mappings give. A mistake is on an
invoice of its own; every other invoice agrees to the cent. The same seed makes the same firm.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import msgspec

from mappings.model import (
    Client,
    Content,
    CreditMemo,
    Invoice,
    Kind,
    LineTarget,
    Method,
    Observation,
    Payment,
    PaymentLine,
    Posted,
    Preferences,
    RecordKey,
    System,
    encode_content,
)

QB, BT = System.QUICKBOOKS, System.BIGTIME
NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)  # when the rules look
FIRST_READ, SECOND_READ = NOW - timedelta(days=12), NOW - timedelta(days=4)
_FIRST_DAY, _DAYS = date(2025, 1, 6), 640
_CURRENCY = "USD"
MISTAKES = (
    "credited in BigTime after posting",
    "credited in both systems",
    "pushed back twice",
    "paid in QuickBooks only",
    "paid in BigTime only",
    "total edited in BigTime",
    "totals differ",
    "marked as paid",
)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How many invoices each system has, of how many clients, and which share of them is wrong."""

    invoices: int = 100_000
    clients: int = 2_000
    mistake_percent: int = 2
    seed: int = 1


class Firm:
    """The firm's records, as `first_read` and `second_read` found them, and the payments that arrive after."""

    def __init__(self, plan: Plan) -> None:
        self._chance = random.Random(plan.seed)
        self._plan = plan
        self._balances: defaultdict[str, int] = defaultdict(int)
        self._later: list[Observation] = []
        self._open: list[tuple[int, Invoice, Invoice]] = []
        self.mistaken: dict[str, str] = {}  # BigTime's invoice id, and what is wrong

    def first_read(self) -> Iterator[Observation]:
        """Everything as the first complete read of both systems found it."""
        yield _seen(RecordKey(QB, Kind.PREFERENCES, "1"), Preferences(home_currency=_CURRENCY))
        weights = [1 / (rank + 20) for rank in range(self._plan.clients)]
        owners = self._chance.choices(range(self._plan.clients), weights, k=self._plan.invoices)
        step = 100 // self._plan.mistake_percent
        for number, owner in enumerate(owners):
            mistake = MISTAKES[number // step % len(MISTAKES)] if number % step == 0 else ""
            yield from self._invoice(number, str(owner + 1), mistake)
        for owner in range(1, self._plan.clients + 1):
            name, balance = f"Client {owner} Engineering", self._balances[str(owner)]
            customer = Client(
                name=name, currency=_CURRENCY, balance_minor=balance, balance_with_jobs_minor=balance, revision="0"
            )
            yield _seen(RecordKey(QB, Kind.CUSTOMER, str(owner)), customer)
            yield _seen(RecordKey(BT, Kind.CLIENT, str(owner)), Client(name=name))

    def second_read(self) -> Iterator[Observation]:
        """What the second complete read found changed."""
        yield from self._later

    def arriving_payments(self, count: int) -> Iterator[Observation]:
        """Payments of open invoices in full, each seen as four records; after `first_read` only."""
        for number, invoice, twin in self._open[:: max(1, len(self._open) // count)][:count]:
            paid = invoice.total_minor
            for key, content in self._cash(number, invoice, paid, on=SECOND_READ.date()):
                yield _seen(key, content, at=NOW)
            key = RecordKey(BT, Kind.INVOICE, str(number + 1))
            changed = msgspec.structs.replace(invoice, balance_minor=0, paid_minor=paid)
            yield _seen(key, changed, at=NOW, absent_before=SECOND_READ)
            key = RecordKey(QB, Kind.INVOICE, str(number + 1))
            changed = msgspec.structs.replace(twin, balance_minor=0, revision="9", modified_at=NOW)
            yield _seen(key, changed, at=NOW, absent_before=SECOND_READ)

    def _invoice(self, number: int, owner: str, mistake: str) -> Iterator[Observation]:
        """One invoice in both systems with what paid it: cash, a credit, or nothing yet."""
        total = self._chance.randrange(50_000, 900_000)
        on = _FIRST_DAY + timedelta(days=number * _DAYS // self._plan.invoices)
        invoice, twin = _twins(number, owner, total, on)
        kind = "open" if mistake else self._chance.choices(("cash", "credit", "open"), (75, 10, 15))[0]
        records: list[tuple[RecordKey, Content]] = []
        applied = 0
        if kind == "cash":
            applied = total
            records = self._cash(number, invoice, applied, on=on + timedelta(days=self._chance.randrange(5, 10)))
        elif kind == "credit":
            applied = total // 4
            records = self._credit(number, invoice, applied, on=on + timedelta(days=3))
        elif not mistake:
            self._open.append((number, invoice, twin))
        invoice = msgspec.structs.replace(invoice, balance_minor=total - applied, paid_minor=applied)
        twin = msgspec.structs.replace(twin, balance_minor=total - applied, revision=str(int(applied > 0)))
        if mistake:
            self.mistaken[str(number + 1)] = mistake
            invoice, twin, more = self._spoil(mistake, number, invoice, twin)
            records += more
        records += [
            (RecordKey(BT, Kind.INVOICE, str(number + 1)), invoice),
            (RecordKey(QB, Kind.INVOICE, str(number + 1)), twin),
        ]
        self._balances[owner] += twin.balance_minor or 0
        for key, content in records:
            yield _seen(key, content)

    def _spoil(
        self, mistake: str, number: int, invoice: Invoice, twin: Invoice
    ) -> tuple[Invoice, Invoice, list[tuple[RecordKey, Content]]]:
        """The two invoices and further records with a mistake in them; some of it is seen by the second read only."""
        on, amount = (invoice.issued_on or _FIRST_DAY) + timedelta(days=4), invoice.total_minor // 3
        left = msgspec.structs.replace(invoice, balance_minor=invoice.total_minor - amount, paid_minor=amount)
        twin_left = msgspec.structs.replace(twin, balance_minor=twin.total_minor - amount, revision="1")
        key = RecordKey(BT, Kind.INVOICE, str(number + 1))
        match mistake:
            case "credited in BigTime after posting":
                self._later += [
                    _later(*_row(number, invoice, amount, Method.ACCOUNT_CREDIT, on=on)),
                    _later(key, left),
                ]
            case "credited in both systems":
                records = self._credit(number, invoice, amount, on=on)
                self._later += [
                    _later(*_row(number, invoice, amount, Method.ACCOUNT_CREDIT, on=on, place=2)),
                    _later(key, _less(left, amount)),
                ]
                return left, twin_left, records
            case "pushed back twice":
                records = self._credit(number, invoice, amount, on=on)
                records.append(_row(number, invoice, amount, Method.NONE, on=on, place=2))
                return _less(left, amount), twin_left, records
            case "paid in QuickBooks only":
                return invoice, twin_left, self._cash(number, invoice, amount, on=on)[:1]
            case "paid in BigTime only":
                return left, twin, [_row(number, invoice, amount, Method.MONEY, on=on)]
            case "total edited in BigTime":
                total = invoice.total_minor - 10_000
                self._later.append(
                    _later(key, msgspec.structs.replace(invoice, total_minor=total, balance_minor=total))
                )
            case "totals differ":
                total = twin.total_minor + 12_300
                return invoice, msgspec.structs.replace(twin, total_minor=total, balance_minor=total), []
            case "marked as paid":
                return msgspec.structs.replace(invoice, marked_paid=True), twin, []
        return invoice, twin, []

    def _cash(self, number: int, invoice: Invoice, amount: int, *, on: date) -> list[tuple[RecordKey, Content]]:
        """A cheque in QuickBooks, and its row in BigTime."""
        payment = Payment(
            client_id=invoice.client_id,
            payment_id=f"{number + 1}01",
            currency=_CURRENCY,
            total_minor=amount,
            lines=(PaymentLine(LineTarget.INVOICE, str(number + 1), amount),),
            paid_on=on,
            method_name="2",
            reference=f"{number + 1}",
            revision="0",
            created_at=_noon(on),
            modified_at=_noon(on),
        )
        row = _row(number, invoice, amount, Method.MONEY, on=on, reference=payment.reference)
        return [(RecordKey(QB, Kind.PAYMENT, payment.payment_id), payment), row]

    def _credit(self, number: int, invoice: Invoice, amount: int, *, on: date) -> list[tuple[RecordKey, Content]]:
        """A credit memo on the invoice in QuickBooks, and its row in BigTime."""
        memo = CreditMemo(
            client_id=invoice.client_id,
            number=f"CM-{number + 1}",
            currency=_CURRENCY,
            total_minor=amount,
            remaining_minor=0,
            issued_on=on,
            content_digest=f"{number:032x}",
            revision="1",
            created_at=_noon(on),
            modified_at=_noon(on),
        )
        lines = (
            PaymentLine(LineTarget.INVOICE, str(number + 1), amount),
            PaymentLine(LineTarget.CREDIT_MEMO, f"{number + 1}02", amount),
        )
        link = Payment(
            client_id=invoice.client_id,
            payment_id=f"{number + 1}03",
            currency=_CURRENCY,
            total_minor=0,
            lines=lines,
            paid_on=on,
            revision="0",
            created_at=_noon(on),
            modified_at=_noon(on),
        )
        return [
            (RecordKey(QB, Kind.CREDIT_MEMO, f"{number + 1}02"), memo),
            (RecordKey(QB, Kind.PAYMENT, link.payment_id), link),
            _row(number, invoice, amount, Method.NONE, on=on),
        ]


def _twins(number: int, owner: str, total: int, on: date) -> tuple[Invoice, Invoice]:
    """The invoice in BigTime and in QuickBooks, unpaid."""
    common = {
        "client_id": owner,
        "number": f"INV-{number + 1:06d}",
        "currency": _CURRENCY,
        "total_minor": total,
        "balance_minor": total,
        "issued_on": on,
        "due_on": on + timedelta(days=30),
    }
    bigtime = Invoice(
        **common,  # type: ignore[arg-type]
        paid_minor=0,
        posted=Posted.YES,
        posted_status="Posted",
        status="Final",
        project_id=owner,
    )
    quickbooks = Invoice(
        **common,  # type: ignore[arg-type]
        content_digest=f"{number:032x}",
        revision="0",
        created_at=_noon(on),
        modified_at=_noon(on),
    )
    return bigtime, quickbooks


def _row(
    number: int, invoice: Invoice, amount: int, method: Method, *, on: date, reference: str = "", place: int = 1
) -> tuple[RecordKey, Payment]:
    """A payment row of BigTime on the invoice."""
    payment_id, sid = f"{number + 1}{place}", str(number + 1)
    row = Payment(
        client_id=invoice.client_id,
        payment_id=payment_id,
        currency=_CURRENCY,
        total_minor=amount,
        lines=(PaymentLine(LineTarget.INVOICE, sid, amount),),
        paid_on=on,
        applied_on=on,
        method=method,
        method_name={Method.ACCOUNT_CREDIT: "AccountCredit", Method.MONEY: "Check"}.get(method, ""),
        reference=reference,
        invoice_number=invoice.number,
    )
    return RecordKey(BT, Kind.PAYMENT, f"{payment_id}:{sid}:{on.isoformat()}:1"), row


def _less(invoice: Invoice, amount: int) -> Invoice:
    return msgspec.structs.replace(
        invoice, balance_minor=(invoice.balance_minor or 0) - amount, paid_minor=(invoice.paid_minor or 0) + amount
    )


def _noon(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 12, tzinfo=UTC)


def _later(key: RecordKey, content: Content) -> Observation:
    return _seen(key, content, at=SECOND_READ, absent_before=FIRST_READ)


def _seen(
    key: RecordKey, content: Content, *, at: datetime = FIRST_READ, absent_before: datetime | None = None
) -> Observation:
    return Observation(
        key=key,
        raw=encode_content(content),
        content=content,
        observed_at=at,
        absent_before=absent_before,
        modified_at=getattr(content, "modified_at", None),
    )
