"""BigTime as a ledger: clients, invoices and payments, and what people do to them on its screens.

It stands for what BigTime stores, not for how the API shows it (`connectors.sandbox.bigtime_rows`). It has no
opinion on what is right: an account credit on an invoice that was posted long ago is accepted, because people
did exactly that. Every operation keeps I5: due = total - sum of what was applied.
Source: facts/bigtime.md §2 and §3.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from connectors.sandbox.bigtime_switches import BigTimeSwitches, Deleted
from connectors.sandbox.clock import Clock

FIRM = "abc3-4567-fgr4"
ACCOUNT_CREDIT = "AccountCredit"

Amount = Decimal | int | str


class LedgerRefused(ValueError):  # noqa: N818 - says what the ledger did, which is what a reader needs
    """An operation that BigTime's screens would not offer, or that names something that is not there."""


def cents(amount: Amount) -> int:
    """Whole cents of an exact amount. Raises: `LedgerRefused` for fractions of a cent."""
    scaled = Decimal(amount).scaleb(2)
    if scaled != scaled.to_integral_value():
        raise LedgerRefused(f"{amount} has fractions of a cent: BigTime keeps two decimals")
    return int(scaled)


@dataclass(frozen=True, slots=True, kw_only=True)
class BigTimeClient:
    """A client. `quickbooks_id` is what the detailed view calls `QBCustomerId`; "" when it was never linked."""

    id: str
    name: str
    code: str = ""
    quickbooks_id: str = ""
    active: bool = True
    project_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BigTimeInvoice:
    """An invoice. `due_cents` is kept as BigTime keeps it: moved by every operation, never recomputed."""

    id: str
    client_id: str
    number: str
    total_cents: int
    due_cents: int
    tax_cents: int = 0
    issued_on: date
    due_on: date
    sent_on: date | None = None
    posted_word: str = ""
    marked_paid: bool = False
    imported: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow:
    """One application of a payment to one invoice. `total_cents` is the whole payment and repeats over its rows."""

    payment_id: str
    invoice_id: str
    applied_cents: int
    total_cents: int
    method: str
    paid_on: date
    applied_on: date
    number: str = ""
    payer: str = ""
    settlement: str = ""  # Wallet only: Pending, Deposited, Rejected
    rejection: str = ""  # Wallet only: the reason
    deposited_on: date | None = None  # Wallet only
    wallet_id: str = ""


class BigTimeLedger:
    """The state of one BigTime firm."""

    def __init__(self, clock: Clock, *, firm: str = FIRM, switches: BigTimeSwitches | None = None) -> None:
        self.clock = clock
        self.firm = firm
        self.switches = switches or BigTimeSwitches()
        self.clients: dict[str, BigTimeClient] = {}
        self.invoices: dict[str, BigTimeInvoice] = {}
        self._rows: dict[int, PaymentRow] = {}
        self._rows_by_payment: defaultdict[str, list[int]] = defaultdict(list)
        self._rows_by_invoice: defaultdict[str, list[int]] = defaultdict(list)
        self._row_count = 0
        self._last_ids = {"client": 300, "project": 7000, "invoice": 9000, "payment": 51000}

    # Clients

    def add_client(self, name: str, *, code: str = "", quickbooks_id: str = "") -> str:
        """A new client with one project; the answer is its `SystemId`."""
        client_id = self._next_id("client")
        self.clients[client_id] = BigTimeClient(
            id=client_id, name=name, code=code, quickbooks_id=quickbooks_id, project_id=self._next_id("project")
        )
        return client_id

    def link_client(self, client_id: str, quickbooks_id: str) -> None:
        """Point the client at a QuickBooks customer; "" takes the link away."""
        self.clients[client_id] = replace(self._client(client_id), quickbooks_id=quickbooks_id)

    def rename_client(self, client_id: str, name: str) -> None:
        """Give the client another name; its invoices and payments show it from now on."""
        self.clients[client_id] = replace(self._client(client_id), name=name)

    def deactivate_client(self, client_id: str) -> None:
        """Hide the client from lists that do not ask for inactive ones."""
        self.clients[client_id] = replace(self._client(client_id), active=False)

    # Invoices

    def add_invoice(
        self,
        client_id: str,
        number: str,
        amount: Amount,
        *,
        on: date,
        due: date | None = None,
        tax: Amount = 0,
        draft: bool = False,
        imported: bool = False,
    ) -> str:
        """A new invoice over `amount` including `tax`; sent on `on` unless it is a draft. The answer is its Sid."""
        self._client(client_id)
        invoice_id, total = self._next_id("invoice"), cents(amount)
        self.invoices[invoice_id] = BigTimeInvoice(
            id=invoice_id,
            client_id=client_id,
            number=number,
            total_cents=total,
            due_cents=total,
            tax_cents=cents(tax),
            issued_on=on,
            due_on=due or on + timedelta(days=30),
            sent_on=None if draft else on,
            posted_word=self.switches.posted_word if imported else self.switches.not_posted_word,
            imported=imported,
        )
        return invoice_id

    def send_invoice(self, invoice_id: str, *, on: date | None = None) -> None:
        """Mark the invoice as sent: it is no longer a draft."""
        self._keep(replace(self.invoice(invoice_id), sent_on=on or self.clock.now().date()))

    def set_posted(self, invoice_id: str, word: str | None = None) -> None:
        """Set `PostedStatus`; None is this firm's word for "posted"."""
        self._keep(replace(self.invoice(invoice_id), posted_word=self.switches.posted_word if word is None else word))

    def edit_invoice(
        self,
        invoice_id: str,
        *,
        amount: Amount | None = None,
        tax: Amount | None = None,
        number: str | None = None,
        on: date | None = None,
        note: str | None = None,
    ) -> None:
        """Change what is given. BigTime lets people do this after posting, and tells QuickBooks nothing."""
        invoice = self.invoice(invoice_id)
        total = invoice.total_cents if amount is None else cents(amount)
        self._keep(
            replace(
                invoice,
                total_cents=total,
                tax_cents=invoice.tax_cents if tax is None else cents(tax),
                due_cents=invoice.due_cents + total - invoice.total_cents,
                number=invoice.number if number is None else number,
                issued_on=on or invoice.issued_on,
                note=invoice.note if note is None else note,
            )
        )

    def delete_invoice(self, invoice_id: str) -> None:
        """Remove the invoice and every payment row on it: nothing tells a reader that they were there."""
        self.invoice(invoice_id)
        for place in tuple(self._rows_by_invoice[invoice_id]):
            self._drop(place)
        del self.invoices[invoice_id]

    def mark_paid(self, invoice_id: str) -> None:
        """The bulk action *Mark as Paid*: closed without any payment row."""
        self._keep(replace(self.invoice(invoice_id), marked_paid=True))

    def unmark_paid(self, invoice_id: str) -> None:
        """Take *Mark as Paid* back."""
        self._keep(replace(self.invoice(invoice_id), marked_paid=False))

    def reimport_invoice(self, invoice_id: str) -> str:
        """Import an invoice from QuickBooks again; the answer is its Sid, a new one if this firm's BigTime does so."""
        invoice = self.invoice(invoice_id)
        if not invoice.imported:
            raise LedgerRefused(f"invoice {invoice.number} was made in BigTime: a re-import skips it")
        if not self.switches.sid_changes_on_reimport:
            return invoice_id
        new_id = self._next_id("invoice")
        del self.invoices[invoice_id]
        self.invoices[new_id] = replace(invoice, id=new_id)
        places = self._rows_by_invoice.pop(invoice_id, [])
        self._rows_by_invoice[new_id] = places
        for place in places:
            self._rows[place] = replace(self._rows[place], invoice_id=new_id)
        return new_id

    # Payments

    def add_payment(
        self,
        applications: Mapping[str, Amount],
        *,
        method: str,
        on: date,
        applied_on: date | None = None,
        total: Amount | None = None,
        number: str = "",
        payer: str = "",
    ) -> str:
        """A payment over one or more invoices (invoice Sid → amount); the answer is its PaymentSid."""
        if not applications:
            raise LedgerRefused("a payment in BigTime is put on at least one invoice")
        parts = {self.invoice(invoice_id).id: cents(amount) for invoice_id, amount in applications.items()}
        payment_id = self._next_id("payment")
        for invoice_id, applied in parts.items():
            self._append(
                PaymentRow(
                    payment_id=payment_id,
                    invoice_id=invoice_id,
                    applied_cents=applied,
                    total_cents=sum(parts.values()) if total is None else cents(total),
                    method=method,
                    paid_on=on,
                    applied_on=applied_on or on,
                    number=number,
                    payer=payer or self._client(self.invoice(invoice_id).client_id).name,
                )
            )
        return payment_id

    def add_wallet_payment(self, invoice_id: str, amount: Amount, *, on: date, settlement: str = "Pending") -> str:
        """A payment through BigTime Wallet, which carries a settlement state."""
        payment_id = self.add_payment({invoice_id: amount}, method="ACH", on=on)
        place = self._rows_by_payment[payment_id][0]
        self._rows[place] = replace(self._rows[place], settlement=settlement, wallet_id=payment_id)
        return payment_id

    def settle_wallet_payment(self, payment_id: str, settlement: str, *, reason: str = "") -> None:
        """Move a Wallet payment to `Deposited` or `Rejected`; a rejected one no longer pays anything."""
        deposited = self.clock.now().date() if settlement == "Deposited" else None
        for place in tuple(self._rows_by_payment[payment_id]):
            row = replace(self._rows[place], settlement=settlement, rejection=reason, deposited_on=deposited)
            self._rows[place] = row
            if settlement == "Rejected":
                self.edit_payment(payment_id, row.invoice_id, amount=0)

    def apply_account_credit(self, invoice_id: str, amount: Amount, *, on: date, applied_on: date | None = None) -> str:
        """*Apply Client Credit*: a payment of type AccountCredit. Source: BigTime help, Using Client Credits."""
        return self.add_payment({invoice_id: amount}, method=ACCOUNT_CREDIT, on=on, applied_on=applied_on)

    def edit_payment(
        self,
        payment_id: str,
        invoice_id: str,
        *,
        amount: Amount | None = None,
        on: date | None = None,
        method: str | None = None,
    ) -> None:
        """Change what is given on the payment's row for this invoice, unless it was taken back; its total follows."""
        place = self._place(payment_id, invoice_id)
        row = self._rows[place]
        taken_back = (invoice_id, -row.applied_cents)
        if row.applied_cents and any((r.invoice_id, r.applied_cents) == taken_back for r in self.rows_of(payment_id)):
            raise LedgerRefused(f"payment {payment_id} was deleted: it cannot be edited any more")
        applied = row.applied_cents if amount is None else cents(amount)
        delta = applied - row.applied_cents
        self._move_due(invoice_id, -delta)
        self._rows[place] = replace(
            row,
            applied_cents=applied,
            paid_on=on or row.paid_on,
            applied_on=on or row.applied_on,
            method=row.method if method is None else method,
        )
        for each in self._rows_by_payment[payment_id]:
            self._rows[each] = replace(self._rows[each], total_cents=self._rows[each].total_cents + delta)

    def delete_payment(self, payment_id: str, invoice_id: str | None = None) -> None:
        """Delete the payment, or its part on one invoice. What a reader then sees depends on the switches."""
        doomed = [
            place for place in self._rows_by_payment[payment_id] if invoice_id in (None, self._rows[place].invoice_id)
        ]
        if not doomed:
            raise LedgerRefused(f"payment {payment_id} has nothing on invoice {invoice_id}")
        today = self.clock.now().date()
        for place in doomed:
            row = self._rows[place]
            if self.switches.deleted_payment is Deleted.NEGATIVE_ROW:
                self._append(replace(row, applied_cents=-row.applied_cents, paid_on=today, applied_on=today))
            else:
                self._drop(place)

    # Reading

    def invoice(self, invoice_id: str) -> BigTimeInvoice:
        """The invoice with this Sid. Raises: `LedgerRefused` when there is none."""
        try:
            return self.invoices[invoice_id]
        except KeyError:
            raise LedgerRefused(f"BigTime has no invoice with Sid {invoice_id}") from None

    @property
    def rows(self) -> tuple[PaymentRow, ...]:
        """All payment rows, in the order in which they were written."""
        return tuple(self._rows.values())

    def rows_of(self, payment_id: str) -> tuple[PaymentRow, ...]:
        """The rows of one payment, in the order in which they were written."""
        return tuple(self._rows[place] for place in self._rows_by_payment[payment_id])

    def rows_on(self, invoice_id: str) -> tuple[PaymentRow, ...]:
        """The rows on one invoice, in the order in which they were written."""
        return tuple(self._rows[place] for place in self._rows_by_invoice[invoice_id])

    def row(self, payment_id: str, invoice_id: str) -> PaymentRow:
        """The payment's first row on the invoice. Raises: `LedgerRefused` when there is none."""
        return self._rows[self._place(payment_id, invoice_id)]

    def check_identities(self) -> list[str]:
        """One sentence per invoice or payment that does not add up; empty when I5 holds everywhere."""
        applied: dict[str, int] = {}
        spent: dict[str, int] = {}
        for row in self.rows:
            applied[row.invoice_id] = applied.get(row.invoice_id, 0) + row.applied_cents
            spent[row.payment_id] = spent.get(row.payment_id, 0) + row.applied_cents
        broken = [
            f"I5: invoice {each.number}: {each.due_cents} due, {applied.get(key, 0)} of {each.total_cents} paid"
            for key, each in self.invoices.items()
            if each.due_cents != each.total_cents - applied.get(key, 0)
        ]
        broken += [
            f"payment {row.payment_id} is on no invoice" for row in self.rows if row.invoice_id not in self.invoices
        ]
        return broken + [
            f"payment {row.payment_id} has {spent[row.payment_id]} applied of {row.total_cents}"
            for row in self.rows
            if abs(spent[row.payment_id]) > abs(row.total_cents)
        ]

    # Leaves

    def _client(self, client_id: str) -> BigTimeClient:
        try:
            return self.clients[client_id]
        except KeyError:
            raise LedgerRefused(f"BigTime has no client with id {client_id}") from None

    def _next_id(self, kind: str) -> str:
        self._last_ids[kind] += 1
        return str(self._last_ids[kind])

    def _keep(self, invoice: BigTimeInvoice) -> None:
        self.invoices[invoice.id] = invoice

    def _move_due(self, invoice_id: str, by_cents: int) -> None:
        invoice = self.invoice(invoice_id)
        self._keep(replace(invoice, due_cents=invoice.due_cents + by_cents))

    def _append(self, row: PaymentRow) -> None:
        self._move_due(row.invoice_id, -row.applied_cents)
        self._row_count += 1
        self._rows[self._row_count] = row
        self._rows_by_payment[row.payment_id].append(self._row_count)
        self._rows_by_invoice[row.invoice_id].append(self._row_count)

    def _drop(self, place: int) -> None:
        row = self._rows.pop(place)
        self._move_due(row.invoice_id, row.applied_cents)
        self._rows_by_payment[row.payment_id].remove(place)
        self._rows_by_invoice[row.invoice_id].remove(place)

    def _place(self, payment_id: str, invoice_id: str) -> int:
        for place in self._rows_by_payment[payment_id]:
            if self._rows[place].invoice_id == invoice_id:
                return place
        raise LedgerRefused(f"payment {payment_id} has nothing on invoice {invoice_id}")
