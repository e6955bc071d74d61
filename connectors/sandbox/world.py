"""Both systems of one firm on one clock, and what moves between them.

BigTime → QuickBooks: posting an invoice. QuickBooks → BigTime: money and credits that were applied to a posted
invoice come back as payments on it. Nothing else travels: edits, voids and deletes after that stay where they were
made, which is exactly how the two sets of books come apart.
Source: facts/bigtime.md §2.3 and §3; facts/field.md §8.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connectors.sandbox.bigtime_ledger import Amount, BigTimeLedger, LedgerRefused
from connectors.sandbox.clock import Clock
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger

_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSwitches:
    """How the link between the two systems behaves where nobody outside can know. All of it is assumed."""

    # the date of a pushed row: the QuickBooks transaction's (False) or the day of the sync (True)
    applied_on_day_of_sync: bool = False
    # whether a pushed credit carries the number of its credit memo; money always carries its reference
    pushes_credit_number: bool = False
    # an application that was deleted and entered again in QuickBooks, same invoice and amount, is the one that was
    # pushed (True), or is pushed a second time (False)
    recognises_reentered: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What one QuickBooks payment puts on one invoice that has a twin in BigTime."""

    payment_id: str
    quickbooks_invoice_id: str
    bigtime_invoice_id: str
    amount: Decimal
    on: date
    method: str
    number: str

    @property
    def key(self) -> tuple[str, str]:
        """What a push is remembered by."""
        return self.payment_id, self.quickbooks_invoice_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """An application that has arrived in BigTime; no payment ids when it was lost on the way."""

    application: Application
    bigtime_payment_ids: tuple[str, ...]


class World:
    """One firm: its BigTime, its QuickBooks, and the link between them."""

    def __init__(
        self,
        clock: Clock,
        *,
        quickbooks: QuickBooksLedger | None = None,
        bigtime: BigTimeLedger | None = None,
        switches: WorldSwitches | None = None,
    ) -> None:
        self.clock = clock
        self.quickbooks = quickbooks or QuickBooksLedger(clock)
        self.bigtime = bigtime or BigTimeLedger(clock)
        self.switches = switches or WorldSwitches()
        self._twins: dict[str, list[str]] = {}
        self._pushed: dict[tuple[str, str], Push] = {}

    # Clients and invoices

    def add_client(self, name: str, *, code: str = "", linked: bool = True) -> str:
        """A client in BigTime and, when `linked`, the customer he is in QuickBooks; the answer is BigTime's id."""
        client_id = self.bigtime.add_client(name, code=code)
        if linked:
            self.customer_of(client_id)
        return client_id

    def customer_of(self, client_id: str) -> str:
        """The client's customer in QuickBooks, made and linked when there is none."""
        client = self.bigtime.clients[client_id]
        if client.quickbooks_id:
            return client.quickbooks_id
        customer_id = self.quickbooks.add_customer(client.name)
        self.bigtime.link_client(client_id, customer_id)
        return customer_id

    def twins_of(self, bigtime_invoice_id: str) -> tuple[str, ...]:
        """QuickBooks ids of what the invoice was posted as, oldest first; more than one after a second posting."""
        return tuple(self._twins.get(bigtime_invoice_id, ()))

    def link_twin(self, bigtime_invoice_id: str, quickbooks_invoice_id: str) -> None:
        """Say that these two are one invoice, as an import of QuickBooks invoices does."""
        self._twins.setdefault(bigtime_invoice_id, []).append(quickbooks_invoice_id)

    def post(self, bigtime_invoice_id: str, *, net_of_credits: bool = False, number: str | None = None) -> str:
        """Post an invoice to QuickBooks; the answer is its id there. Posting again makes a second one.

        `net_of_credits` takes account credits off the total, as one of the possible posting formats does.
        Otherwise QuickBooks gets the full invoice and hears nothing of the credit.
        """
        invoice = self.bigtime.invoice(bigtime_invoice_id)
        credited = sum(
            row.applied_cents
            for row in self.bigtime.rows_on(bigtime_invoice_id)
            if net_of_credits and row.method == "AccountCredit"
        )
        twin = self.quickbooks.create_invoice(
            self.customer_of(invoice.client_id),
            invoice.number if number is None else number,
            Decimal(invoice.total_cents - credited).scaleb(-2),
            on=invoice.issued_on,
            due=invoice.due_on,
            tax=Decimal(invoice.tax_cents).scaleb(-2),
        )
        self.link_twin(bigtime_invoice_id, twin)
        self.bigtime.set_posted(bigtime_invoice_id)
        return twin

    def unpost(self, bigtime_invoice_id: str) -> None:
        """Take a posting back: the invoice is deleted in QuickBooks and BigTime says that it is not posted."""
        for twin in self._twins.pop(bigtime_invoice_id, []):
            self.quickbooks.delete_invoice(twin)
        self.bigtime.set_posted(bigtime_invoice_id, self.bigtime.switches.not_posted_word)

    # QuickBooks → BigTime

    def applications(self) -> tuple[Application, ...]:
        """What QuickBooks payments put on posted invoices now: one each, cash and credit together."""
        by_twin = {twin: ours for ours, twins in self._twins.items() for twin in twins if ours in self.bigtime.invoices}
        return tuple(
            application
            for payment in self.quickbooks.objects("Payment")
            for application in self._applications_of(payment, by_twin)
        )

    def due_pushes(self) -> tuple[Application, ...]:
        """Applications that a sync would bring to BigTime now."""
        now = self.applications()
        known = {application.key for application in now}
        lost = [key for key in self._pushed if key not in known]
        due = []
        for application in now:
            if application.key in self._pushed:
                continue
            earlier = next((key for key in lost if self._is_reentered(application, key)), None)
            if earlier is None:
                due.append(application)
            else:
                lost.remove(earlier)
                self._pushed[application.key] = self._pushed.pop(earlier)
        return tuple(due)

    def sync(self, *, without: Collection[str] = _NOBODY, twice: Collection[str] = _NOBODY) -> tuple[Push, ...]:
        """Bring everything that is due to BigTime, and answer it.

        `without` names BigTime invoices whose pushes are lost for good, `twice` those that arrive double: the two
        ways in which the real link is known to fail.
        """
        pushes = []
        for application in self.due_pushes():
            copies = 0 if application.bigtime_invoice_id in without else 1
            copies += 1 if application.bigtime_invoice_id in twice else 0
            arrived = tuple(self._arrive(application) for _ in range(copies))
            pushes.append(self._remember(Push(application=application, bigtime_payment_ids=arrived)))
        return tuple(pushes)

    def push_back(self, bigtime_invoice_id: str, amount: Amount, *, on: date, method: str | None = None) -> str:
        """Bring one application of this amount to BigTime, dated `on`; the answer is its PaymentSid.

        When no such application is due, the row arrives all the same: an echo of one that came before.
        """
        wanted = Decimal(amount)
        due = [
            each for each in self.due_pushes() if (each.bigtime_invoice_id, each.amount) == (bigtime_invoice_id, wanted)
        ]
        word = method if method is not None else due[0].method if due else self.bigtime.switches.pushed_credit_label
        payment_id = self.bigtime.add_payment(
            {bigtime_invoice_id: wanted}, method=word, on=on, number=due[0].number if due else ""
        )
        if due:
            self._remember(Push(application=due[0], bigtime_payment_ids=(payment_id,)))
        return payment_id

    def check_identities(self) -> list[str]:
        """One sentence for each identity that fails in either system; empty when I1 to I5 hold."""
        return [*self.quickbooks.check_identities(), *self.bigtime.check_identities()]

    # Leaves

    def _applications_of(self, payment: Mapping[str, object], by_twin: Mapping[str, str]) -> Iterator[Application]:
        amounts: dict[str, Decimal] = {}
        credit_numbers: list[str] = []
        for amount, kind, target in _links(payment):
            if kind == "Invoice" and target in by_twin:
                amounts[target] = amounts.get(target, Decimal(0)) + amount
            elif kind == "CreditMemo":
                credit_numbers.append(target)
        is_money = Decimal(str(payment["TotalAmt"])) > 0
        labels = self.bigtime.switches
        number = str(payment.get("PaymentRefNum") or "")
        if not is_money and self.switches.pushes_credit_number and credit_numbers:
            number = self._credit_number(credit_numbers[0])
        for target, amount in amounts.items():
            yield Application(
                payment_id=str(payment["Id"]),
                quickbooks_invoice_id=target,
                bigtime_invoice_id=by_twin[target],
                amount=amount,
                on=date.fromisoformat(str(payment["TxnDate"])),
                method=labels.pushed_money_label if is_money else labels.pushed_credit_label,
                number=number,
            )

    def _credit_number(self, credit_memo_id: str) -> str:
        memos = self.quickbooks.objects("CreditMemo")
        return next((str(memo.get("DocNumber") or "") for memo in memos if memo["Id"] == credit_memo_id), "")

    def _is_reentered(self, application: Application, earlier: tuple[str, str]) -> bool:
        before = self._pushed[earlier].application
        return (
            self.switches.recognises_reentered
            and before.quickbooks_invoice_id == application.quickbooks_invoice_id
            and before.amount == application.amount
        )

    def _arrive(self, application: Application) -> str:
        on = self.clock.now().date() if self.switches.applied_on_day_of_sync else application.on
        return self.bigtime.add_payment(
            {application.bigtime_invoice_id: application.amount},
            method=application.method,
            on=application.on,
            applied_on=on,
            number=application.number,
        )

    def _remember(self, push: Push) -> Push:
        self._pushed[push.application.key] = push
        return push


def _links(payment: Mapping[str, object]) -> Iterator[tuple[Decimal, str, str]]:
    """Amount, type and id of each record that the payment's lines link."""
    lines = payment.get("Line")
    if not isinstance(lines, list):
        raise LedgerRefused("a QuickBooks payment without Line: the QuickBooks ledger has changed its shape")
    for line in lines:
        for link in line["LinkedTxn"]:
            yield Decimal(str(line["Amount"])), link["TxnType"], link["TxnId"]
