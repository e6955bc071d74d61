"""Where the simulated books are kept: rows by entity in the order of their last change, balances, deletions.

A change happens in a `step`: at its end every touched row gets one new SyncToken and the time of the step, and
the balances of the customers follow. Reading is fast because each row keeps its JSON text until it changes.
Source: facts/quickbooks.md §3 (what moves when) and §6 (identities).
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from sortedcontainers import SortedList

from connectors.sandbox.clock import Clock
from connectors.sandbox.quickbooks_rows import (
    RECEIVABLE,
    TRANSACTIONS,
    Account,
    Customer,
    Deleted,
    Entity,
    LedgerRefused,
    Row,
    Transaction,
)

# (time of the last change, order within that second, row)
Place = tuple[int, int, Any]
_AFTER_EVERY_ROW = 2**63


class Shelf:
    """The rows of one entity, findable by id and in the order of their last change."""

    def __init__(self, *, scrambled: bool = False) -> None:
        self._scrambled = scrambled
        self.rows: dict[str, Any] = {}
        self.order: Any = SortedList()
        self.deleted: list[Deleted] = []

    def put(self, row: Row, *, updated_at: int) -> None:
        """Place a row, new or known, at the time of its last change."""
        if row.id in self.rows:
            self.order.remove(self.place(row))
        self.rows[row.id] = row
        row.updated_at = updated_at
        self.order.add(self.place(row))

    def fill(self, rows: Iterable[Row]) -> None:
        """Place many new rows at their own times at once."""
        added = list(rows)
        self.rows.update((row.id, row) for row in added)
        self.order.update(self.place(row) for row in added)

    def remove(self, row: Row, *, at: int) -> None:
        """Take a row away for good and remember that it was there."""
        self.order.remove(self.place(row))
        del self.rows[row.id]
        self.deleted.append(Deleted(entity=row.entity, id=row.id, updated_at=at))

    def first_at(self, moment: float) -> int:
        """Where in the order the rows begin that changed at `moment` (seconds since 1970) or later."""
        return int(self.order.bisect_left((moment,)))

    def first_after(self, moment: float) -> int:
        """Where in the order the rows begin that changed later than `moment`."""
        return int(self.order.bisect_left((moment, _AFTER_EVERY_ROW)))

    def place(self, row: Row) -> Place:
        """Where a row stands: by the time of its last change.

        Rows of one second come by id, or by the switch in a fixed order that is not that of the ids.
        """
        return (row.updated_at, row.key * 2_654_435_761 % 2**32 if self._scrambled else row.key, row)


class Books:
    """The rows of one company. Everything that changes them does so inside `step`, under `lock`."""

    def __init__(self, clock: Clock, *, home_currency: str, scramble_ties: bool = False) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.home_currency = home_currency
        self.shelves: dict[Entity, Shelf] = {entity: Shelf(scrambled=scramble_ties) for entity in Entity}
        self.transactions: dict[str, Transaction] = {}
        self.of_customer: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self.jobs: defaultdict[str, list[str]] = defaultdict(list)
        # Home units for one unit of a foreign currency; a company is multi-currency once a rate is set.
        self.rates: dict[str, Decimal] = {}
        self._next: dict[str, int] = {"transaction": 1, "name": 1, "account": 1}
        self._new: dict[str, Transaction] = {}
        self._touched: dict[str, Transaction] = {}
        self._stale: dict[str, Transaction] = {}

    @contextmanager
    def step(self) -> Iterator[int]:
        """One thing that happens at one moment; gives the time in whole seconds. Not to be nested."""
        with self.lock:
            now = self.seconds()
            try:
                yield now
            except BaseException:
                changed = {**self._new, **self._touched, **self._stale}
                assert not changed, f"a refusal must come before the first change, {list(changed)} have changed"
                raise
            self._settle(now)

    def seconds(self) -> int:
        """The present in whole seconds since 1970."""
        return int(self.clock.now().timestamp())

    def new_id(self, sequence: str) -> str:
        """The next id of `transaction`, `name` or `account`: all transactions share one sequence."""
        number = self._next[sequence]
        self._next[sequence] = number + 1
        return str(number)

    def reserve_ids(self, sequence: str, count: int) -> int:
        """Set `count` ids aside; the first of them."""
        first = self._next[sequence]
        self._next[sequence] = first + count
        return first

    def add(self, row: Transaction, now: int) -> None:
        """Put a new transaction into the books, created now."""
        row.created_at = now
        self.shelves[row.entity].put(row, updated_at=now)
        self.transactions[row.id] = row
        self._new[row.id] = row
        self.index(row)

    def touch(self, row: Transaction, *, moves: bool = True) -> None:
        """Say that a transaction is being changed in this step; unless it `moves`, it keeps SyncToken and time."""
        (self._touched if moves else self._stale)[row.id] = row

    def remove(self, row: Transaction, now: int) -> None:
        """Delete a transaction that nothing links any more."""
        assert not row.linked_by, f"{row.entity} {row.id} is still linked"
        self._book(row, {}, now)
        self.unindex(row)
        self.shelves[row.entity].remove(row, at=now)
        del self.transactions[row.id]
        for pending in (self._new, self._touched, self._stale):
            pending.pop(row.id, None)

    def transaction(self, entity: Entity, row_id: str) -> Transaction:
        """The living transaction. Raises: `LedgerRefused` 610."""
        row = self.shelves[entity].rows.get(row_id) if entity in TRANSACTIONS else None
        if not isinstance(row, Transaction):
            raise LedgerRefused(f"Object Not Found : {entity} {row_id} is not in the books", code="610")
        return row

    def customer(self, customer_id: str) -> Customer:
        """The customer, active or not. Raises: `LedgerRefused` 610."""
        row = self.shelves[Entity.CUSTOMER].rows.get(customer_id)
        if not isinstance(row, Customer):
            raise LedgerRefused(f"Object Not Found : Customer {customer_id} is not in the books", code="610")
        return row

    def account(self, name_or_id: str) -> Account:
        """An account by id or by name. Raises: `LedgerRefused` 610."""
        shelf: dict[str, Account] = self.shelves[Entity.ACCOUNT].rows
        if name_or_id in shelf:
            return shelf[name_or_id]
        for row in shelf.values():
            if row.name == name_or_id:
                return row
        raise LedgerRefused(f"Object Not Found : Account {name_or_id} is not in the books", code="610")

    def is_receivable(self, account_id: str) -> bool:
        """Whether the account is one of accounts receivable."""
        return bool(self.account(account_id).type == RECEIVABLE)

    def family(self, customer_id: str) -> frozenset[str]:
        """The ids of a customer's whole tree of parents and jobs."""
        top = self.customer(customer_id)
        while top.parent_id:
            top = self.customer(top.parent_id)
        return frozenset(self.with_jobs(top.id))

    def with_jobs(self, customer_id: str) -> Iterator[str]:
        """The id and those of all its jobs below."""
        yield customer_id
        for job in self.jobs[customer_id]:
            yield from self.with_jobs(job)

    def save_name(self, row: Customer | Account, now: int, *, bump: bool) -> None:
        """Put a customer or account at the present; `bump` when a person edited it."""
        row.sync_token += bump
        row.encoded = None
        self.shelves[row.entity].put(row, updated_at=now)

    def forget_text(self, row: Transaction) -> None:
        """Drop the JSON texts that show this row: its own, and those of the payments that link it."""
        row.encoded = None
        for payment_id in row.linked_by:
            self.transactions[payment_id].encoded = None

    def unindex(self, row: Transaction) -> None:
        """Forget which customers a transaction concerns, before they change or it goes."""
        for customer_id in _customers_of(row):
            self.of_customer[customer_id].pop(row.id, None)

    def index(self, row: Transaction) -> None:
        """Note which customers a transaction concerns."""
        for customer_id in _customers_of(row):
            self.of_customer[customer_id][row.id] = None

    def receivable_open(self, row: Transaction) -> dict[str, int]:
        """What A/R lines of an entry still charge (+) or credit (-) each customer, after the payments that link it."""
        left: dict[str, int] = {}
        for line in row.entries:
            if line.customer_id and self.is_receivable(line.account_id):
                left[line.customer_id] = left.get(line.customer_id, 0) + line.amount
        for payment_id in row.linked_by:
            for link in self.transactions[payment_id].links:
                if link.target_id == row.id:
                    left[link.owner_id] -= link.sign * link.amount
        return left

    def weight(self, row: Transaction) -> dict[str, int]:
        """What a transaction contributes to the balance of each customer (I4); what is zero is left out."""
        match row.entity:
            case Entity.INVOICE:
                parts = {row.customer_id: row.open_amount}
            case Entity.CREDIT_MEMO:
                parts = {row.customer_id: -row.open_amount}
            case Entity.PAYMENT:
                parts = {row.customer_id: -row.unapplied}
            case Entity.REFUND_RECEIPT:
                parts = {}
            case _:
                parts = self.receivable_open(row)
        return {customer_id: amount for customer_id, amount in parts.items() if amount}

    def _settle(self, now: int) -> None:
        moved = {**self._touched, **self._new}
        for row in moved.values():
            if row.id not in self._new:
                row.sync_token += 1
                self.shelves[row.entity].put(row, updated_at=now)
        for row in {**moved, **self._stale}.values():
            self.forget_text(row)
            self._book(row, self.weight(row), now)
        self._new, self._touched, self._stale = {}, {}, {}

    def _book(self, row: Transaction, weight: dict[str, int], now: int) -> None:
        """Carry a transaction's contribution into the customers' balances; their time moves, not their SyncToken."""
        if weight == row.weight:
            return
        before, row.weight = row.weight, weight
        for customer_id in {**before, **weight}:
            customer: Customer | None = self.customer(customer_id)
            self.customer(customer_id).balance += weight.get(customer_id, 0) - before.get(customer_id, 0)
            while customer is not None:
                self.save_name(customer, now, bump=False)
                customer = self.customer(customer.parent_id) if customer.parent_id else None


def _customers_of(row: Transaction) -> set[str]:
    return {row.customer_id, *(line.customer_id for line in row.entries)} - {""}
