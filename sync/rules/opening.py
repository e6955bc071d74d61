"""Open the desk: from a book's records to cases, pairs and unexplained items. No judgement is made here."""

from collections import defaultdict
from datetime import datetime

from mappings.findings import ClientRef
from mappings.ledger import derive_ledger
from mappings.linking import Links, Twin, link
from mappings.model import (
    Book,
    Client,
    CreditMemo,
    History,
    Invoice,
    Kind,
    LineTarget,
    Payment,
    RecordKey,
    System,
)
from sync.rules.desk import (
    Case,
    Desk,
    Funding,
    Item,
    ItemKind,
    Line,
    OpenCredit,
    Row,
    applied_minor,
    in_currency,
)
from sync.rules.matching import Matching, match
from sync.rules.moment import Moment
from sync.rules.past import credit_keys_of, past_lines


def open_desk(book: Book, moment: Moment) -> Desk:
    """Everything of a book on the desk: twins side by side, payments matched, differences as items.

    Holds for every case in the tie-out: Σ effects of its items = BigTime balance − QuickBooks balance.
    """
    histories = {history.key: history for history in book.histories}
    links = link(book)
    names = _Names(book, links)
    rows, lines = _rows_by_invoice(book), _lines_by_invoice(book)
    cases: dict[str, Case] = {}
    items: list[Item] = []
    for twin in links.twins:
        if not isinstance(twin.bigtime.content, Invoice):
            continue
        case, case_items = _open_case(twin, twin.bigtime.content, names, rows, lines)
        cases[case.id] = case
        items.extend(case_items)
    return Desk(
        book=book,
        moment=moment,
        cases=cases,
        items=tuple(items),
        open_credits=_open_credits(book, names),
        histories=histories,
        quickbooks_clients={
            customer.key.id: names.of("", customer.key.id) for customer in book.of(System.QUICKBOOKS, Kind.CUSTOMER)
        },
        quickbooks_lines=lines,
        links=links,
        ledger=derive_ledger(book),
        past_lines=past_lines(book.of(System.QUICKBOOKS, Kind.PAYMENT)),
        unmatched_quickbooks=links.unmatched_quickbooks,
    )


class _Names:
    """Who a client is, in both systems, as far as the records say."""

    def __init__(self, book: Book, links: Links) -> None:
        people = book.of(System.BIGTIME, Kind.CLIENT) + book.of(System.QUICKBOOKS, Kind.CUSTOMER)
        self._clients = {history.key: history.content for history in people if isinstance(history.content, Client)}
        self._links = links.clients
        self._known: dict[tuple[str, str], ClientRef] = {}

    def of(self, bigtime_id: str, quickbooks_id: str) -> ClientRef:
        """The client by either id; the other is filled in where the systems are linked."""
        known = self._known.get((bigtime_id, quickbooks_id))
        if known is None:
            known = self._known[bigtime_id, quickbooks_id] = self._find(bigtime_id, quickbooks_id)
        return known

    def _find(self, bigtime_id: str, quickbooks_id: str) -> ClientRef:
        theirs = quickbooks_id or next(iter(self._links.customers_of(bigtime_id)), "")
        ours = bigtime_id or next(iter(self._links.clients_of(quickbooks_id)), "")
        client = self._clients.get(RecordKey(System.BIGTIME, Kind.CLIENT, ours)) or self._clients.get(
            RecordKey(System.QUICKBOOKS, Kind.CUSTOMER, theirs)
        )
        return ClientRef(name=client.name if client else "", bigtime=ours, quickbooks=theirs)


def _rows_by_invoice(book: Book) -> dict[str, list[tuple[History, Payment]]]:
    """The BigTime payment rows that are there now, by the invoice they are on."""
    found: dict[str, list[tuple[History, Payment]]] = defaultdict(list)
    for history in book.of(System.BIGTIME, Kind.PAYMENT):
        payment = history.content
        if isinstance(payment, Payment):
            for line in payment.lines:
                found[line.target_id].append((history, payment))
    return found


def _lines_by_invoice(book: Book) -> dict[str, list[Line]]:
    """What each QuickBooks payment puts on each invoice, added up."""
    found: dict[str, list[Line]] = defaultdict(list)
    memos = book.of(System.QUICKBOOKS, Kind.CREDIT_MEMO)
    numbers = {memo.key: memo.content.number for memo in memos if isinstance(memo.content, CreditMemo)}
    for history in book.of(System.QUICKBOOKS, Kind.PAYMENT):
        payment = history.content
        if not isinstance(payment, Payment):
            continue
        amounts: dict[str, int] = defaultdict(int)
        for line in payment.lines:
            if line.target is LineTarget.INVOICE:
                amounts[line.target_id] += line.amount_minor
        funding_keys = credit_keys_of(payment)
        for invoice_id, minor in amounts.items():
            if minor != 0:
                found[invoice_id].append(
                    Line(
                        history=history,
                        payment=payment,
                        invoice_id=invoice_id,
                        amount_minor=minor,
                        funding=funding_of(payment),
                        credit_keys=funding_keys,
                        credit_numbers=tuple(number for key in funding_keys if (number := numbers.get(key))),
                    )
                )
    return found


def funding_of(payment: Payment) -> Funding:
    """What paid the invoices of a QuickBooks payment: its money, the credits it links, or both.

    `TotalAmt` 0 is normal for a payment that only links a credit. Source: facts of `Payment` (I1).
    """
    if not credit_keys_of(payment):
        return Funding.CASH
    return Funding.CREDIT if payment.total_minor - payment.unapplied_minor <= 0 else Funding.MIXED


def _open_case(
    pair: Twin,
    invoice: Invoice,
    names: _Names,
    rows: dict[str, list[tuple[History, Payment]]],
    lines: dict[str, list[Line]],
) -> tuple[Case, list[Item]]:
    bigtime, quickbooks = pair.bigtime, pair.quickbooks
    dead = pair.dead[-1] if pair.dead and quickbooks is None else None
    twin = quickbooks.content if quickbooks and isinstance(quickbooks.content, Invoice) else None
    currency = twin.currency if twin else invoice.currency
    own_rows = tuple(
        Row(
            history=history,
            payment=payment,
            amount_minor=applied_minor(payment, bigtime.key.id, currency),
        )
        for history, payment in rows.get(bigtime.key.id, ())
    )
    own_lines = tuple(lines.get(quickbooks.key.id, ())) if quickbooks else ()
    if quickbooks and twin and twin.deposit_minor:
        own_lines += (_deposit_line(quickbooks, twin),)
    total = in_currency(invoice.total_minor, invoice.currency, currency)
    matching = match(own_rows, own_lines)
    client_id = twin.client_id if twin else ""
    case = Case(
        id=bigtime.key.id,
        bigtime=bigtime,
        invoice=invoice,
        quickbooks=quickbooks if twin else None,
        twin=twin,
        dead_twin=dead,
        currency=currency,
        total_minor=total,
        bigtime_minor=_shown_balance(invoice, total - sum(row.amount_minor for row in own_rows), currency),
        client=names.of(invoice.client_id, client_id),
        rows=own_rows,
        lines=own_lines,
        pairs=matching.pairs,
        posted_at=_posted_at(quickbooks, twin),
        candidates=pair.candidates,
    )
    return case, _items(case, matching) if twin else []


def _deposit_line(quickbooks: History, twin: Invoice) -> Line:
    """A deposit taken on the QuickBooks invoice itself lowers its balance like a payment."""
    payment = Payment(
        client_id=twin.client_id,
        payment_id="",
        currency=twin.currency,
        total_minor=twin.deposit_minor,
        paid_on=twin.issued_on,
        modified_at=twin.modified_at,
    )
    return Line(
        history=quickbooks,
        payment=payment,
        invoice_id=quickbooks.key.id,
        amount_minor=twin.deposit_minor,
        funding=Funding.CASH,
    )


def _posted_at(quickbooks: History | None, twin: Invoice | None) -> datetime | None:
    """When QuickBooks created the twin; the first time we saw it when QuickBooks does not say."""
    if quickbooks is None or twin is None:
        return None
    return twin.created_at or quickbooks.first.observed_at


def _shown_balance(invoice: Invoice, computed_minor: int, currency: str) -> int:
    """What BigTime shows as due: nothing for an invoice marked as paid, else its own figure, else its arithmetic."""
    if invoice.marked_paid and computed_minor > 0:
        return 0
    if invoice.balance_minor is None:
        return computed_minor
    return in_currency(invoice.balance_minor, invoice.currency, currency)


def _items(case: Case, matching: Matching) -> list[Item]:
    """The amounts in which the two systems differ on one invoice; their sum is the difference of the balances."""
    assert case.twin is not None
    items = [
        Item(kind=ItemKind.ROW, case_id=case.id, effect_minor=-row.amount_minor, row=row)
        for row in matching.rows
        if row.amount_minor != 0
    ]
    items += [
        Item(kind=ItemKind.LINE, case_id=case.id, effect_minor=line.amount_minor, line=line) for line in matching.lines
    ]
    shown_gap = case.bigtime_minor - case.computed_minor
    kind = ItemKind.PAID_FLAG if case.invoice.marked_paid and case.computed_minor > 0 else ItemKind.BIGTIME_SHOWN
    quickbooks_computed = case.twin.total_minor - sum(line.amount_minor for line in case.lines)
    sums = (
        (ItemKind.TOTAL, case.total_minor - case.twin.total_minor),
        (kind, shown_gap),
        (ItemKind.QUICKBOOKS_SHOWN, quickbooks_computed - case.quickbooks_minor),
    )
    items += [Item(kind=kind, case_id=case.id, effect_minor=minor) for kind, minor in sums if minor != 0]
    difference = case.bigtime_minor - case.quickbooks_minor
    assert sum(item.effect_minor for item in items) == difference, "the items do not add up to the difference"
    return items


def _open_credits(book: Book, names: _Names) -> tuple[OpenCredit, ...]:
    """QuickBooks credits with something left, or overdrawn, in the order of their keys."""
    found = []
    for history in book.of(System.QUICKBOOKS, Kind.PAYMENT, Kind.CREDIT_MEMO):
        content = history.content
        if isinstance(content, Payment) and content.unapplied_minor != 0:
            remaining, original, issued_on = content.unapplied_minor, content.total_minor, content.paid_on
        elif isinstance(content, CreditMemo) and content.remaining_minor != 0:
            remaining, original, issued_on = content.remaining_minor, content.total_minor, content.issued_on
        else:
            continue
        found.append(
            OpenCredit(
                history=history,
                content=content,
                client=names.of("", content.client_id),
                client_id=content.client_id,
                currency=content.currency,
                remaining_minor=remaining,
                original_minor=original,
                issued_on=issued_on,
            )
        )
    return tuple(sorted(found, key=lambda credit: credit.history.key))
