"""What gives credit in QuickBooks, as last seen: whose it is, and where a payment that links it stands."""

from datetime import date

from mappings.model import (
    Book,
    Content,
    CreditMemo,
    Entry,
    History,
    Invoice,
    LineTarget,
    Payment,
    ReceivableLine,
    RecordKey,
    System,
)
from mappings.splitting import Split, receivable_lines, split_payment


def last_said(history: History) -> Content | None:
    """What a record said last before it was gone; None when it was never seen."""
    return next((version.content for version in reversed(history.versions) if version.content is not None), None)


class Sources:
    """Memos and entries as last seen: whose credit they are, and on which side a link to them is."""

    def __init__(self, book: Book) -> None:
        self._memos: dict[RecordKey, str] = {}
        self._lines: dict[RecordKey, tuple[ReceivableLine, ...]] = {}
        self._invoices: dict[str, Invoice] = {}
        for history in book.histories:
            last = last_said(history)
            if history.key.system is not System.QUICKBOOKS:
                continue
            if isinstance(last, CreditMemo):
                self._memos[history.key] = last.client_id
            elif isinstance(last, Invoice):
                self._invoices[history.key.id] = last
            elif isinstance(last, Entry):
                self._lines[history.key] = receivable_lines(last, book.receivable_accounts)

    def owner_of(self, source: RecordKey, payer: str) -> str:
        """The client whose credit `source` is, when a payment of `payer` uses it; the payer when it is not known."""
        credited = sorted(line.client_id for line in self._lines.get(source, ()) if line.amount_minor < 0)
        if not credited:
            return self._memos.get(source, payer)
        return payer if payer in credited else credited[0]

    def split(self, payment: Payment) -> Split:
        """The payment's two sides."""
        return split_payment(payment, lambda key: self._lines.get(key, ()))

    def younger_invoices(self, payment: Payment) -> list[tuple[str, Invoice]]:
        """The invoices on which a payment stands though QuickBooks made them after it, in the order of their making.

        Money of an older payment can only have reached them later, as credit. Only payments of nothing but money are
        looked at. Source: fact sheet `quickbooks.md` §6.4: a later application is an update of the same payment.
        """
        made, touched = payment.created_at, payment.modified_at
        plain = all(line.target is LineTarget.INVOICE for line in payment.lines)
        if made is None or touched is None or touched <= made or not plain:
            return []
        younger = []
        for id_ in {line.target_id for line in payment.lines}:
            invoice = self._invoices.get(id_)
            if invoice is None or invoice.created_at is None or invoice.created_at <= made:
                continue
            if (invoice.issued_on or date.max) >= (payment.paid_on or date.min):
                younger.append((invoice.created_at, id_, invoice))
        return [(id_, invoice) for _, id_, invoice in sorted(younger, key=lambda each: each[:2])]
