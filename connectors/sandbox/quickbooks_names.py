"""What a bookkeeper does with customers and accounts: names come and go, transactions stay."""

from decimal import Decimal

from connectors.sandbox.quickbooks_core import LedgerCore
from connectors.sandbox.quickbooks_rows import Customer, Entity, LedgerRefused


class NameOperations(LedgerCore):
    """Customers, jobs and accounts. Source: facts/quickbooks.md §3 (times), §6.5 (merge, rename), §6.7 (jobs)."""

    def add_customer(self, name: str, *, parent_id: str | None = None, currency: str | None = None) -> str:
        """A new customer, or with `parent_id` a job of one; its currency never changes. Answers the id."""
        with self.books.step() as now:
            if parent_id:
                self.books.customer(parent_id)
            self._require_free(name)
            if currency and currency != self.books.home_currency:
                self.books.rates.setdefault(currency, Decimal(1))
            customer = Customer(
                entity=Entity.CUSTOMER,
                id=self.books.new_id("name"),
                name=name,
                currency=currency or self.books.home_currency,
                parent_id=parent_id or "",
                created_at=now,
            )
            self.books.shelves[Entity.CUSTOMER].put(customer, updated_at=now)
            if parent_id:
                self.books.jobs[parent_id].append(customer.id)
            return customer.id

    def rename_customer(self, customer_id: str, name: str) -> None:
        """A new name. Transactions do not move; they show the new name from now on."""
        with self.books.step() as now:
            customer = self.books.customer(customer_id)
            self._require_free(name)
            customer.name = name
            self.books.save_name(customer, now, bump=True)
            for job_id in self.books.with_jobs(customer_id):
                self.books.customer(job_id).encoded = None
            self._forget_texts(customer_id)

    def deactivate_customer(self, customer_id: str) -> None:
        """Make a customer inactive, as a deletion does: lists leave it out, its name gets a suffix."""
        with self.books.step() as now:
            customer = self.books.customer(customer_id)
            customer.active = False
            self.books.save_name(customer, now, bump=True)
            self._forget_texts(customer_id)

    def touch_customer(self, customer_id: str) -> None:
        """Save a customer without a change that matters here: its SyncToken and time move."""
        with self.books.step() as now:
            self.books.save_name(self.books.customer(customer_id), now, bump=True)

    def merge_customers(self, survivor_id: str, loser_id: str) -> None:
        """Give everything of one customer to another of the same currency; the loser becomes inactive."""
        with self.books.step() as now:
            survivor, loser = self.books.customer(survivor_id), self.books.customer(loser_id)
            if survivor is loser or survivor.currency != loser.currency or self.books.jobs[loser_id]:
                raise LedgerRefused(f"Customer {loser_id} cannot be merged into {survivor_id}")
            for row_id in list(self.books.of_customer[loser_id]):
                self._hand_over(row_id, survivor_id=survivor_id, loser_id=loser_id)
            if loser.parent_id:
                self.books.jobs[loser.parent_id].remove(loser_id)
                loser.parent_id = ""
            loser.active = False
            self.books.save_name(loser, now, bump=True)
            self.books.save_name(survivor, now, bump=True)

    def add_account(self, name: str, kind: str) -> str:
        """A new account, for instance a second one of type `Accounts Receivable`. Answers the id."""
        with self.books.step() as now:
            return self._add_account(name, kind, now)

    def rename_account(self, account_id: str, name: str) -> None:
        """Change the name of an account."""
        with self.books.step() as now:
            account = self.books.account(account_id)
            account.name = name
            self.books.save_name(account, now, bump=True)

    def deactivate_account(self, account_id: str) -> None:
        """Make an account inactive; what stands on it stays."""
        with self.books.step() as now:
            account = self.books.account(account_id)
            account.active = False
            self.books.save_name(account, now, bump=True)

    def _hand_over(self, row_id: str, *, survivor_id: str, loser_id: str) -> None:
        row = self.books.transactions[row_id]
        self.books.unindex(row)
        row.customer_id = survivor_id if row.customer_id == loser_id else row.customer_id
        row.entries = tuple(
            type(line)(line.account_id, line.amount, survivor_id, line.payment_id)
            if line.customer_id == loser_id
            else line
            for line in row.entries
        )
        for payment_id in [row.id, *row.linked_by]:
            for link in self.books.transactions[payment_id].links:
                link.owner_id = survivor_id if link.owner_id == loser_id else link.owner_id
        self.books.index(row)
        self.books.touch(row, moves=self.switches.merge_moves_transactions)

    def _require_free(self, name: str) -> None:
        if any(name.casefold() == row.name.casefold() for row in self.books.shelves[Entity.CUSTOMER].rows.values()):
            raise LedgerRefused(f"The name supplied already exists. : {name}", code="6240")

    def _forget_texts(self, customer_id: str) -> None:
        for row_id in self.books.of_customer[customer_id]:
            self.books.transactions[row_id].encoded = None
