"""What a bookkeeper does with payments: receive, apply, loosen, edit, void, delete."""

from collections.abc import Mapping
from datetime import date

from connectors.sandbox.quickbooks_rows import Amount, Entity, LedgerRefused, Link, Transaction, minor_units
from connectors.sandbox.quickbooks_sales import AUTO_LINK_NOTE, SaleOperations

_NONE: Mapping[str, Amount] = {}


class PaymentOperations(SaleOperations):
    """Payments and what they link. Source: facts/quickbooks.md §6.2 to §6.5."""

    def receive_payment(
        self,
        customer_id: str,
        amount: Amount,
        *,
        on: date,
        apply: Mapping[str, Amount] = _NONE,
        credits: Mapping[str, Amount] = _NONE,  # noqa: A002 - the word of the field
        reference: str = "",
        method: str = "",
        note: str = "",
    ) -> str:
        """Money, credits or both put on invoices; money that is left stays as UnappliedAmt. Answers the id.

        `apply` names charges (invoices, debit entries on A/R, refund cheques), `credits` what funds them
        (credit memos, credit entries on A/R).
        """
        with self.books.step() as now:
            customer = self.books.customer(customer_id)
            payment = Transaction(
                entity=Entity.PAYMENT,
                id=self.books.new_id("transaction"),
                customer_id=customer_id,
                currency=customer.currency,
                total=minor_units(amount, customer.currency),
                on=on,
                reference=reference,
                method=method,
                note=note,
            )
            links = self._plan(payment, apply, sign=1) + self._plan(payment, credits, sign=-1)
            left = payment.total - sum(link.sign * link.amount for link in links)
            if payment.total < 0 or not 0 <= left <= payment.total:
                raise LedgerRefused(f"{amount} and the credits do not add up to what is applied: {left} is left")
            self.books.add(payment, now)
            self._linking.tie(payment, links)
        if self.preferences.auto_apply_payments:
            self._auto_apply_payments(customer_id)
        return payment.id

    def apply_credit(
        self, credit_memo_id: str, invoice_id: str, amount: Amount, *, on: date, auto: bool = False
    ) -> str:
        """Put a credit memo, or a credit entry on A/R, on an invoice. Answers the id of the zero payment.

        `auto` writes the note that QuickBooks writes when it does this by itself.
        """
        return self.receive_payment(
            self.books.transaction(Entity.INVOICE, invoice_id).customer_id,
            0,
            on=on,
            apply={invoice_id: amount},
            credits={credit_memo_id: amount},
            note=AUTO_LINK_NOTE if auto else "",
        )

    def apply_payment(self, payment_id: str, invoice_id: str, amount: Amount) -> None:
        """Put more of a payment's unapplied money on a charge; the payment's date stays what it was."""
        with self.books.step():
            payment = self.books.transaction(Entity.PAYMENT, payment_id)
            links = self._plan(payment, {invoice_id: amount}, sign=1)
            if links[0].amount > payment.unapplied:
                raise LedgerRefused(f"Payment {payment_id} has {payment.unapplied} unapplied, not {amount}")
            self._linking.tie(payment, links)

    def unapply(self, payment_id: str, invoice_id: str) -> None:
        """Take a payment off a charge; credits that then settle nothing go back to where they came from."""
        with self.books.step():
            payment = self.books.transaction(Entity.PAYMENT, payment_id)
            link = next((link for link in payment.links if link.target_id == invoice_id), None)
            if link is None:
                raise LedgerRefused(f"Payment {payment_id} does not link {invoice_id}")
            self._linking.loosen(payment, link, link.amount)
            self._linking.rebalance(payment)

    def edit_payment(
        self,
        payment_id: str,
        *,
        amount: Amount | None = None,
        on: date | None = None,
        reference: str | None = None,
        note: str | None = None,
    ) -> None:
        """Change what is given; charges that a smaller amount no longer pays come loose, the last first."""
        with self.books.step():
            payment = self.books.transaction(Entity.PAYMENT, payment_id)
            total = payment.total if amount is None else minor_units(amount, payment.currency)
            if total < 0:
                raise LedgerRefused("a payment below zero cannot be saved")
            payment.total, payment.on = total, on or payment.on
            payment.reference = payment.reference if reference is None else reference
            payment.note = payment.note if note is None else note
            self._linking.rebalance(payment)
            self.books.touch(payment)

    def book_on(self, payment_id: str, account_id: str) -> None:
        """Name the receivable account that the payment stands on, as QuickBooks does where there are several."""
        with self.books.step():
            payment = self.books.transaction(Entity.PAYMENT, payment_id)
            account = self.books.account(account_id)
            named = {"ARAccountRef": {"value": account.id, "name": account.name}}
            payment.extra = {**payment.extra, **named}
            self.books.touch(payment)

    def replace_lines(
        self,
        payment_id: str,
        *,
        total: Amount,
        apply: Mapping[str, Amount],
        credits: Mapping[str, Amount],  # noqa: A002
    ) -> None:
        """Give a payment another total and other lines, as the API does: the lines given are all it has then.

        Charges and credits whose line stays the same do not move.
        """
        with self.books.step():
            payment = self.books.transaction(Entity.PAYMENT, payment_id)
            minor = minor_units(total, payment.currency)
            wanted = {
                row_id: minor_units(amount, payment.currency) for row_id, amount in [*apply.items(), *credits.items()]
            }
            self._check_replacement(payment, minor, wanted, charges=frozenset(apply))
            payment.total = minor
            for link in list(payment.links):
                surplus = link.amount - wanted.get(link.target_id, 0)
                if surplus > 0:
                    self._linking.loosen(payment, link, surplus)
            has = {link.target_id: link.amount for link in payment.links}
            more = {row_id: amount - has.get(row_id, 0) for row_id, amount in wanted.items()}
            links = [
                self._linking.plan(payment, self._linking.target(row_id), amount)
                for row_id, amount in more.items()
                if amount > 0
            ]
            self._linking.tie(payment, links)

    def _check_replacement(
        self, payment: Transaction, total: int, wanted: Mapping[str, int], *, charges: frozenset[str]
    ) -> None:
        """Refuse, before anything changes, lines that do not hold together."""
        has = {link.target_id: link.amount for link in payment.links}
        for row_id, amount in wanted.items():
            target = self._linking.target(row_id)
            if amount > has.get(row_id, 0):
                link = self._linking.plan(payment, target, amount - has.get(row_id, 0))
                if (link.sign > 0) != (row_id in charges):
                    raise LedgerRefused(f"{target.entity} {row_id} is on the wrong side")
        left = total - sum(amount if row_id in charges else -amount for row_id, amount in wanted.items())
        if total < 0 or not 0 <= left <= total:
            raise LedgerRefused(f"the lines and the total do not add up: {left} is left")

    def void_payment(self, payment_id: str) -> None:
        """Zero the payment; what it settled opens again."""
        with self.books.step():
            self._void(self.books.transaction(Entity.PAYMENT, payment_id))

    def delete_payment(self, payment_id: str) -> None:
        """Delete the payment; what it settled opens again, and credits it used are free again."""
        with self.books.step() as now:
            self._delete(self.books.transaction(Entity.PAYMENT, payment_id), now)

    def _plan(self, payment: Transaction, amounts: Mapping[str, Amount], *, sign: int) -> list[Link]:
        links = []
        for target_id, amount in amounts.items():
            target = self._linking.target(target_id)
            link = self._linking.plan(payment, target, minor_units(amount, payment.currency))
            if link.sign != sign:
                raise LedgerRefused(f"{target.entity} {target_id} is a {'credit' if sign > 0 else 'charge'}")
            links.append(link)
        return links
