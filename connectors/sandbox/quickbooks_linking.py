"""How payments are tied to what they settle and to what funds them, and how those ties come loose.

Every function keeps I1: TotalAmt = charges - credits + UnappliedAmt, with UnappliedAmt never below zero.
Source: facts/quickbooks.md §6.2 (lines and signs), §6.4 (unapplied), §6.5 (void and delete).
"""

from connectors.sandbox.quickbooks_books import Books
from connectors.sandbox.quickbooks_rows import Entity, LedgerRefused, Link, Transaction
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches


class Linking:
    """The ties of one company's books. To be used inside a step of the books."""

    def __init__(self, books: Books, switches: QuickBooksSwitches) -> None:
        self._books = books
        self._switches = switches

    def target(self, target_id: str) -> Transaction:
        """What a payment may link. Raises: `LedgerRefused` when it is not there or is a payment itself."""
        row = self._books.transactions.get(target_id)
        if row is None or row.entity in (Entity.PAYMENT, Entity.REFUND_RECEIPT):
            raise LedgerRefused(f"Object Not Found : nothing to link under {target_id}", code="610")
        return row

    def plan(self, payment: Transaction, target: Transaction, amount: int) -> Link:
        """The line that ties `amount` of the target to the payment.

        Raises: `LedgerRefused` when the amount is not positive or more than the target has open, when it has
        another currency, or when its customer is of another family.
        """
        if target.currency != payment.currency:
            raise LedgerRefused(
                f"{target.entity} {target.id} is in {target.currency}, the payment in {payment.currency}"
            )
        owner_id, open_amount, sign = self._open(payment, target)
        if owner_id not in self._books.family(payment.customer_id):
            raise LedgerRefused(f"{target.entity} {target.id} belongs to another customer")
        if not 0 < amount <= open_amount:
            raise LedgerRefused(f"{target.entity} {target.id} has {open_amount} open, {amount} cannot be linked")
        return Link(target.id, _txn_type(target), amount, sign, owner_id)

    def tie(self, payment: Transaction, links: list[Link]) -> None:
        """Add planned lines to a payment; a line for the same target grows."""
        for link in links:
            known = next((old for old in payment.links if old.target_id == link.target_id), None)
            if known is None:
                payment.links.append(link)
            else:
                known.amount += link.amount
            target = self._books.transactions[link.target_id]
            target.linked_by[payment.id] = target.linked_by.get(payment.id, 0) + link.amount
            self._moved(target)
        self._books.touch(payment)

    def loosen(self, payment: Transaction, link: Link, amount: int) -> None:
        """Take `amount` off one line; a line of nothing disappears, an invoice keeps no trace of it."""
        target = self._books.transactions[link.target_id]
        link.amount -= amount
        target.linked_by[payment.id] -= amount
        if link.amount == 0:
            payment.links.remove(link)
            del target.linked_by[payment.id]
            payment.encoded = None
        self._moved(target)
        self._books.touch(payment)

    def shrink(self, target: Transaction, limit: int) -> None:
        """Loosen the payments of a target, the latest first, until they link at most `limit` of it."""
        for payment_id in reversed(list(target.linked_by)):
            surplus = sum(target.linked_by.values()) - limit
            if surplus <= 0:
                return
            payment = self._books.transactions[payment_id]
            link = next(link for link in payment.links if link.target_id == target.id)
            self.loosen(payment, link, min(surplus, link.amount))
            self.rebalance(payment)

    def release(self, payment: Transaction) -> None:
        """Loosen every line of a payment."""
        for link in list(payment.links):
            self.loosen(payment, link, link.amount)

    def rebalance(self, payment: Transaction) -> None:
        """Restore I1 after a line or the total became smaller.

        Charges that are no longer funded are loosened, the last first. Credits that no longer settle anything
        go back to where they came from, unless the switch says that they stay as UnappliedAmt.
        """
        for link in [link for link in reversed(payment.links) if link.sign > 0]:
            if payment.unapplied < 0:
                self.loosen(payment, link, min(-payment.unapplied, link.amount))
        if not self._switches.unlinking_frees_credits:
            return
        for link in [link for link in reversed(payment.links) if link.sign < 0]:
            if payment.unapplied > payment.total:
                self.loosen(payment, link, min(payment.unapplied - payment.total, link.amount))

    def _open(self, payment: Transaction, target: Transaction) -> tuple[str, int, int]:
        if target.entity is Entity.INVOICE:
            return target.customer_id, target.open_amount, 1
        if target.entity is Entity.CREDIT_MEMO:
            return target.customer_id, target.open_amount, -1
        left = self._books.receivable_open(target)
        owners = [payment.customer_id] if payment.customer_id in left else list(left)
        if len(owners) != 1:
            raise LedgerRefused(f"{target.entity} {target.id} has no one line of accounts receivable for this customer")
        amount = left[owners[0]]
        return owners[0], abs(amount), 1 if amount > 0 else -1

    def _moved(self, target: Transaction) -> None:
        """An invoice moves with every (un)application; a credit memo by the switch; entries do not."""
        moves = target.entity is Entity.INVOICE or (
            target.entity is Entity.CREDIT_MEMO and self._switches.credit_memo_moves_when_applied
        )
        self._books.touch(target, moves=moves)


def _txn_type(target: Transaction) -> str:
    if target.entity is Entity.PURCHASE:
        return "Check" if target.method == "Check" else "Expense"
    return target.entity.value
