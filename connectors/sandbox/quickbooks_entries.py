"""What a bookkeeper does besides invoices and payments: journal entries, refund cheques, deposits."""

from collections.abc import Sequence
from datetime import date

from connectors.sandbox.quickbooks_payments import PaymentOperations
from connectors.sandbox.quickbooks_rows import Amount, Entity, EntryLine, LedgerRefused, Transaction, minor_units

RECEIVABLES, UNDEPOSITED, CHECKING, SERVICES = "1", "2", "3", "4"


class EntryOperations(PaymentOperations):
    """Entries on accounts. Source: facts/quickbooks.md §6.1 (shapes), §6.6 (refunds, journal credits)."""

    def journal_entry(
        self, lines: Sequence[tuple[str, str | None, str, Amount]], *, on: date, number: str = "", note: str = ""
    ) -> str:
        """A journal entry of (account, customer id or None, "Debit" or "Credit", amount > 0). Answers the id."""
        with self.books.step() as now:
            customers = [self.books.customer(customer) for _, customer, _, _ in lines if customer]
            currency = customers[0].currency if customers else self.books.home_currency
            entries = tuple(self._entry(line, currency) for line in lines)
            if sum(line.amount for line in entries) or any(row.currency != currency for row in customers):
                raise LedgerRefused("debits and credits of the entry differ, or it mixes currencies", code="6000")
            row = self._row(Entity.JOURNAL_ENTRY, entries, currency, on=on, now=now)
            row.number, row.note = number, note
            return row.id

    def delete_journal_entry(self, journal_entry_id: str) -> None:
        """Delete the entry; what its credits settled opens again."""
        with self.books.step() as now:
            self._delete(self.books.transaction(Entity.JOURNAL_ENTRY, journal_entry_id), now)

    def pay_customer(self, customer_id: str, amount: Amount, *, on: date, method: str = "Cash") -> str:
        """An expense, or with "Check" a cheque, booked on A/R of a customer: it charges him. Answers the id."""
        with self.books.step() as now:
            customer = self.books.customer(customer_id)
            minor = minor_units(amount, customer.currency)
            if minor <= 0:
                raise LedgerRefused("money can only be paid out in an amount above zero")
            entries = (EntryLine(RECEIVABLES, minor, customer_id),)
            row = self._row(Entity.PURCHASE, entries, customer.currency, on=on, now=now)
            row.customer_id, row.total, row.method = customer_id, minor, method
            return row.id

    def refund_credit(self, credit_memo_id: str, amount: Amount, *, on: date, method: str = "Cash") -> str:
        """Pay a credit memo out, and link the two by a zero payment. Answers the id of the purchase."""
        credit = self.books.transaction(Entity.CREDIT_MEMO, credit_memo_id)
        if minor_units(amount, credit.currency) > credit.open_amount:
            raise LedgerRefused(f"CreditMemo {credit_memo_id} has {credit.open_amount} left")
        purchase_id = self.pay_customer(credit.customer_id, amount, on=on, method=method)
        self.receive_payment(
            credit.customer_id, 0, on=on, apply={purchase_id: amount}, credits={credit_memo_id: amount}
        )
        return purchase_id

    def refund_overpayment(self, payment_id: str, amount: Amount, *, on: date, method: str = "Cash") -> str:
        """Pay the unapplied part of a payment out, and link the two. Answers the id of the purchase."""
        payment = self.books.transaction(Entity.PAYMENT, payment_id)
        if minor_units(amount, payment.currency) > payment.unapplied:
            raise LedgerRefused(f"Payment {payment_id} has {payment.unapplied} unapplied")
        purchase_id = self.pay_customer(payment.customer_id, amount, on=on, method=method)
        self.apply_payment(payment_id, purchase_id, amount)
        return purchase_id

    def delete_purchase(self, purchase_id: str) -> None:
        """Delete a cheque or expense; the credit it refunded is free again."""
        with self.books.step() as now:
            self._delete(self.books.transaction(Entity.PURCHASE, purchase_id), now)

    def deposit(
        self, *, on: date, payment_ids: Sequence[str] = (), customer_id: str | None = None, amount: Amount = 0
    ) -> str:
        """Carry payments to the bank; with a customer also `amount`, which credits him on A/R. Answers the id."""
        with self.books.step() as now:
            payments = [self.books.transaction(Entity.PAYMENT, payment_id) for payment_id in payment_ids]
            customer = self.books.customer(customer_id) if customer_id else None
            currency = customer.currency if customer else self.books.home_currency
            if any(row.deposit_id or row.total <= 0 or row.currency != currency for row in payments):
                raise LedgerRefused("a payment in the list is deposited already, has no money, or has another currency")
            entries = [EntryLine(UNDEPOSITED, -row.total, "", row.id) for row in payments]
            if customer:
                entries.append(EntryLine(RECEIVABLES, -minor_units(amount, currency), customer.id))
            row = self._row(Entity.DEPOSIT, tuple(entries), currency, on=on, now=now)
            row.total = -sum(line.amount for line in entries)
            for payment in payments:
                payment.deposit_id, payment.encoded = row.id, None
                if self.switches.deposit_moves_payments:
                    self.books.touch(payment)
            return row.id

    def delete_deposit(self, deposit_id: str) -> None:
        """Delete a deposit; its payments wait for another."""
        with self.books.step() as now:
            row = self.books.transaction(Entity.DEPOSIT, deposit_id)
            for line in row.entries:
                if line.payment_id:
                    payment = self.books.transaction(Entity.PAYMENT, line.payment_id)
                    payment.deposit_id, payment.encoded = "", None
                    if self.switches.deposit_moves_payments:
                        self.books.touch(payment)
            self._delete(row, now)

    def _entry(self, line: tuple[str, str | None, str, Amount], currency: str) -> EntryLine:
        name, customer_id, side, amount = line
        account, minor = self.books.account(name), minor_units(amount, currency)
        if minor <= 0 or side not in ("Debit", "Credit"):
            raise LedgerRefused(f"a line of an entry is Debit or Credit and above zero, not {side} {amount}")
        if self.books.is_receivable(account.id) and not customer_id:
            raise LedgerRefused("a line on Accounts Receivable needs a customer", code="6000")
        return EntryLine(account.id, minor if side == "Debit" else -minor, customer_id or "")

    def _row(self, entity: Entity, entries: tuple[EntryLine, ...], currency: str, *, on: date, now: int) -> Transaction:
        row = Transaction(
            entity=entity,
            id=self.books.new_id("transaction"),
            customer_id="",
            currency=currency,
            total=0,
            on=on,
            entries=entries,
        )
        self.books.add(row, now)
        return row
