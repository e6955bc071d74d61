"""The proof that the simulated books are consistent: I1 to I4, derived afresh and by a second way.

Source: DESIGN.md §3; facts/quickbooks.md §6.2 (checked there against recorded companies).
"""

from collections import defaultdict
from collections.abc import Iterator

from connectors.sandbox.quickbooks_books import Books
from connectors.sandbox.quickbooks_rows import Entity, Transaction


def broken_identities(books: Books) -> list[str]:
    """One sentence for every identity that does not hold; empty when all do."""
    with books.lock:
        return [*_payments(books), *_links(books), *_open_amounts(books), *_customers(books), *_postings(books)]


def _rows(books: Books, *entities: Entity) -> Iterator[Transaction]:
    for entity in entities:
        yield from books.shelves[entity].rows.values()


def _payments(books: Books) -> Iterator[str]:
    for row in _rows(books, Entity.PAYMENT):
        charges = sum(link.amount for link in row.links if link.sign > 0)
        funds = sum(link.amount for link in row.links if link.sign < 0)
        if row.total != charges - funds + row.unapplied or row.unapplied < 0 or row.total < 0:
            yield f"I1: payment {row.id}: {row.total} is not {charges} - {funds} + {row.unapplied}"
        if any(link.amount <= 0 for link in row.links):
            yield f"I1: payment {row.id} has a line that is not positive"


def _links(books: Books) -> Iterator[str]:
    """Both ends of every tie must agree."""
    from_payments = {
        (link.target_id, row.id): link.amount for row in _rows(books, Entity.PAYMENT) for link in row.links
    }
    from_targets = {
        (row.id, payment_id): amount
        for row in books.transactions.values()
        for payment_id, amount in row.linked_by.items()
    }
    for target_id, payment_id in from_payments.items() ^ from_targets.items():
        yield f"the tie {target_id} has two truths ({payment_id})"


def _open_amounts(books: Books) -> Iterator[str]:
    """No charge is paid more than once, no credit spent more than once (I2, I3)."""
    for row in _rows(books, Entity.INVOICE, Entity.CREDIT_MEMO):
        if not 0 <= row.open_amount <= row.total:
            yield f"I2/I3: {row.entity} {row.id} of {row.total} has {row.open_amount} open"
        if sum(line.amount for line in row.sale_lines) + row.tax != row.total:
            yield f"{row.entity} {row.id}: lines and tax do not add up to {row.total}"
    for row in _rows(books, Entity.JOURNAL_ENTRY, Entity.PURCHASE, Entity.DEPOSIT):
        gross: defaultdict[str, int] = defaultdict(int)
        for line in row.entries:
            gross[line.customer_id] += line.amount if books.is_receivable(line.account_id) else 0
        for customer_id, left in books.receivable_open(row).items():
            if abs(left) > abs(gross[customer_id]) or left * gross[customer_id] < 0:
                yield f"{row.entity} {row.id} of {gross[customer_id]} has {left} open for customer {customer_id}"


def _customers(books: Books) -> Iterator[str]:
    """I4: a customer's balance is the sum of what his transactions leave open."""
    expected: defaultdict[str, int] = defaultdict(int)
    for row in books.transactions.values():
        for customer_id, amount in books.weight(row).items():
            expected[customer_id] += amount
    for customer in books.shelves[Entity.CUSTOMER].rows.values():
        if customer.balance != expected[customer.id]:
            yield f"I4: customer {customer.id} shows {customer.balance}, {expected[customer.id]} is right"


def _postings(books: Books) -> Iterator[str]:
    """I4 once more without any tie: per currency, balances are the sum of what was posted to A/R."""
    posted: defaultdict[str, int] = defaultdict(int)
    for row in books.transactions.values():
        if row.entity is Entity.INVOICE:
            posted[row.currency] += row.total - row.deposit
        elif row.entity in (Entity.PAYMENT, Entity.CREDIT_MEMO):
            posted[row.currency] -= row.total
        else:
            posted[row.currency] += sum(
                line.amount for line in row.entries if line.customer_id and books.is_receivable(line.account_id)
            )
    for customer in books.shelves[Entity.CUSTOMER].rows.values():
        posted[customer.currency] -= customer.balance
    for currency, rest in posted.items():
        if rest:
            yield f"A/R in {currency} is off by {rest}"
