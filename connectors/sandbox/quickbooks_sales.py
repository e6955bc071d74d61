"""What a bookkeeper does with invoices, credit memos and refund receipts."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from connectors.sandbox.quickbooks_core import LedgerCore
from connectors.sandbox.quickbooks_rows import Amount, Entity, LedgerRefused, SaleLine, Transaction, minor_units

# Source: facts/quickbooks.md §6.2, recorded payment 74.
AUTO_LINK_NOTE = "Created by QB Online to link credits to charges."
_TERM = timedelta(days=30)


class SaleOperations(LedgerCore):
    """Invoices, credit memos, refund receipts. Amounts are totals; `tax` is the part of the total that is tax."""

    def create_invoice(
        self,
        customer_id: str,
        number: str,
        amount: Amount,
        *,
        on: date,
        due: date | None = None,
        tax: Amount = 0,
        memo: str = "",
        deposit: Amount = 0,
    ) -> str:
        """A new invoice; with the preference on, open credits are applied to it at once. Answers the id."""
        with self.books.step() as now:
            row = self._sale(Entity.INVOICE, customer_id, number, amount, on=on, tax=tax)
            row.due, row.memo = due or on + _TERM, memo
            row.deposit = minor_units(deposit, row.currency)
            if not 0 <= row.deposit <= row.total:
                raise LedgerRefused("Deposit must be between zero and the total")
            self.books.add(row, now)
        self._auto_apply(customer_id)
        return row.id

    def edit_invoice(
        self,
        invoice_id: str,
        *,
        amount: Amount | None = None,
        number: str | None = None,
        on: date | None = None,
        due: date | None = None,
        memo: str | None = None,
        customer_id: str | None = None,
    ) -> None:
        """Change what is given. Payments that the new total no longer holds come loose, the latest first."""
        with self.books.step():
            row = self.books.transaction(Entity.INVOICE, invoice_id)
            total = row.total if amount is None else _total(amount, row.currency)
            if customer_id is not None and customer_id != row.customer_id:
                self._move(row, customer_id)
            if amount is not None:
                self._retotal(row, total)
            row.number = row.number if number is None else number
            row.on, row.due = on or row.on, due or row.due
            row.memo = row.memo if memo is None else memo
            self.books.touch(row)
        self._auto_apply(row.customer_id)

    def void_invoice(self, invoice_id: str) -> None:
        """Zero the invoice; its payments keep their money as UnappliedAmt."""
        with self.books.step():
            self._void(self.books.transaction(Entity.INVOICE, invoice_id))

    def delete_invoice(self, invoice_id: str) -> None:
        """Delete the invoice; its payments keep their money as UnappliedAmt."""
        with self.books.step() as now:
            self._delete(self.books.transaction(Entity.INVOICE, invoice_id), now)

    def create_credit_memo(self, customer_id: str, number: str, amount: Amount, *, on: date, tax: Amount = 0) -> str:
        """A new credit memo; with the preference on it is applied to the oldest invoices at once. Answers the id."""
        with self.books.step() as now:
            row = self._sale(Entity.CREDIT_MEMO, customer_id, number, amount, on=on, tax=tax)
            self.books.add(row, now)
        self._auto_apply(customer_id)
        return row.id

    def edit_credit_memo(self, credit_memo_id: str, *, amount: Amount | None = None, on: date | None = None) -> None:
        """Change what is given. Applications that the new total no longer funds come loose, the latest first."""
        with self.books.step():
            row = self.books.transaction(Entity.CREDIT_MEMO, credit_memo_id)
            if amount is not None:
                self._retotal(row, _total(amount, row.currency))
            row.on = on or row.on
            self.books.touch(row)
        self._auto_apply(row.customer_id)

    def void_credit_memo(self, credit_memo_id: str) -> None:
        """Zero the credit memo, as the screens can and the API cannot; its invoices open again."""
        with self.books.step():
            self._void(self.books.transaction(Entity.CREDIT_MEMO, credit_memo_id))

    def delete_credit_memo(self, credit_memo_id: str) -> None:
        """Delete the credit memo; its invoices open again."""
        with self.books.step() as now:
            self._delete(self.books.transaction(Entity.CREDIT_MEMO, credit_memo_id), now)

    def refund_receipt(self, customer_id: str, number: str, amount: Amount, *, on: date) -> str:
        """Money back for a sale; accounts receivable are not concerned. Answers the id."""
        with self.books.step() as now:
            row = self._sale(Entity.REFUND_RECEIPT, customer_id, number, amount, on=on, tax=0)
            row.method = "Check"
            self.books.add(row, now)
        return row.id

    def delete_refund_receipt(self, refund_receipt_id: str) -> None:
        """Delete the refund receipt."""
        with self.books.step() as now:
            self._delete(self.books.transaction(Entity.REFUND_RECEIPT, refund_receipt_id), now)

    def _sale(
        self, entity: Entity, customer_id: str, number: str, amount: Amount, *, on: date, tax: Amount
    ) -> Transaction:
        customer = self.books.customer(customer_id)
        total, tax_part = _total(amount, customer.currency), minor_units(tax, customer.currency)
        if not 0 <= tax_part <= total:
            raise LedgerRefused(f"a total of {amount} with tax of {tax} cannot be saved: use a credit memo below zero")
        if self.switches.duplicate_numbers_refused and self._is_used(entity, number):
            raise LedgerRefused(f"Duplicate Document Number Error : {number}", code="6140")
        return Transaction(
            entity=entity,
            id=self.books.new_id("transaction"),
            customer_id=customer_id,
            currency=customer.currency,
            total=total,
            tax=tax_part,
            on=on,
            number=number,
            sale_lines=(SaleLine(total - tax_part),),
        )

    def _is_used(self, entity: Entity, number: str) -> bool:
        return bool(number) and any(row.number == number for row in self.books.shelves[entity].rows.values())

    def _retotal(self, row: Transaction, total: int) -> None:
        self._linking.shrink(row, max(0, total - row.deposit))
        row.total, row.tax, row.deposit = total, min(row.tax, total), min(row.deposit, total)
        row.sale_lines = (SaleLine(total - row.tax, row.sale_lines[0].description),)
        row.voided = False

    def _move(self, row: Transaction, customer_id: str) -> None:
        """Give a sale to another customer; payments of another family come loose."""
        if self.books.customer(customer_id).currency != row.currency:
            raise LedgerRefused(f"Customer {customer_id} has another currency")
        if customer_id not in self.books.family(row.customer_id):
            self._linking.shrink(row, 0)
        self.books.unindex(row)
        row.customer_id = customer_id
        for payment_id in row.linked_by:
            for link in self.books.transactions[payment_id].links:
                link.owner_id = customer_id if link.target_id == row.id else link.owner_id
        self.books.index(row)

    def _auto_apply(self, customer_id: str) -> None:
        """What QuickBooks does by itself after a save, by the two preferences: oldest invoices first."""
        if self.preferences.auto_apply_credit:
            self._auto_apply_credits(customer_id)
        if self.preferences.auto_apply_payments:
            self._auto_apply_payments(customer_id)

    def _auto_apply_credits(self, customer_id: str) -> None:
        while True:
            with self.books.step() as now:
                invoices = self._open_of(customer_id, Entity.INVOICE)
                memos = self._open_of(customer_id, Entity.CREDIT_MEMO)
                if not (invoices and memos):
                    return
                one_each = self.switches.auto_apply_pairwise
                pairs = _pair_up(invoices[:1] if one_each else invoices, memos[:1] if one_each else memos)
                self._link_credits(pairs, now)

    def _link_credits(self, pairs: Mapping[str, int], now: int) -> None:
        """Save the zero payment with the fixed note that ties these charges to these credits."""
        rows = [self.books.transactions[row_id] for row_id in pairs]
        payment = Transaction(
            entity=Entity.PAYMENT,
            id=self.books.new_id("transaction"),
            customer_id=rows[0].customer_id,
            currency=rows[0].currency,
            total=0,
            on=max(row.on for row in rows),
            note=AUTO_LINK_NOTE,
        )
        links = [self._linking.plan(payment, row, pairs[row.id]) for row in rows]
        self.books.add(payment, now)
        self._linking.tie(payment, links)

    def _auto_apply_payments(self, customer_id: str) -> None:
        with self.books.step():
            for payment in self._open_of(customer_id, Entity.PAYMENT):
                for invoice in self._open_of(customer_id, Entity.INVOICE):
                    amount = min(payment.unapplied, invoice.open_amount)
                    if amount > 0:
                        self._linking.tie(payment, [self._linking.plan(payment, invoice, amount)])

    def _open_of(self, customer_id: str, entity: Entity) -> list[Transaction]:
        """What a customer has open of one entity, the oldest first."""
        rows: list[Any] = [self.books.transactions[row_id] for row_id in self.books.of_customer[customer_id]]
        is_payment = entity is Entity.PAYMENT
        found = [row for row in rows if row.entity is entity and (row.unapplied if is_payment else row.open_amount) > 0]
        return sorted(found, key=lambda row: (row.on, row.key))


def _total(amount: Amount, currency: str) -> int:
    total = minor_units(amount, currency)
    if total < 0:
        raise LedgerRefused(f"a total of {amount} cannot be saved: use a credit memo below zero")
    return total


def _pair_up(invoices: list[Transaction], memos: list[Transaction]) -> dict[str, int]:
    """How much of each invoice and each credit one payment links: as much as both sides have open."""
    amount = min(sum(row.open_amount for row in invoices), sum(row.open_amount for row in memos))
    pairs: dict[str, int] = {}
    for side in (invoices, memos):
        left = amount
        for row in side:
            pairs[row.id] = min(left, row.open_amount)
            left -= pairs[row.id]
    return {row_id: part for row_id, part in pairs.items() if part > 0}
