"""What all operations on the simulated books share: the books, the ties between them, the company's settings."""

from datetime import date
from decimal import Decimal

from connectors.sandbox.clock import Clock
from connectors.sandbox.quickbooks_books import Books
from connectors.sandbox.quickbooks_linking import Linking
from connectors.sandbox.quickbooks_rows import (
    RECEIVABLE,
    Account,
    Entity,
    LedgerRefused,
    Preferences,
    Row,
    Transaction,
)
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches

REALM = "9130347"
# Names and types of the accounts of a new company; the first is accounts receivable.
CHART = (
    ("Accounts Receivable (A/R)", RECEIVABLE),
    ("Undeposited Funds", "Other Current Asset"),
    ("Checking", "Bank"),
    ("Services", "Income"),
    ("Bad Debts", "Expense"),
)


class LedgerCore:
    """One company: its books, its preferences, and the switches of the simulator."""

    def __init__(
        self,
        clock: Clock,
        *,
        realm_id: str = REALM,
        home_currency: str = "USD",
        auto_apply_credit: bool = False,
        switches: QuickBooksSwitches | None = None,
    ) -> None:
        self.realm_id = realm_id
        self.switches = switches or QuickBooksSwitches()
        self.books = Books(clock, home_currency=home_currency, scramble_ties=self.switches.scramble_ties)
        self.lock = self.books.lock
        self.preferences = Preferences(entity=Entity.PREFERENCES, id="1", auto_apply_credit=auto_apply_credit)
        self._linking = Linking(self.books, self.switches)
        self._open_company()

    def set_preferences(
        self,
        *,
        auto_apply_credit: bool | None = None,
        auto_apply_payments: bool | None = None,
        book_close_on: date | None = None,
    ) -> None:
        """Change the company's settings; what is not given stays."""
        with self.books.step() as now:
            row = self.preferences
            row.auto_apply_credit = row.auto_apply_credit if auto_apply_credit is None else auto_apply_credit
            row.auto_apply_payments = row.auto_apply_payments if auto_apply_payments is None else auto_apply_payments
            row.book_close_on = book_close_on or row.book_close_on
            row.sync_token += 1
            row.encoded = None
            self.books.shelves[Entity.PREFERENCES].put(row, updated_at=now)

    def set_exchange_rate(self, currency: str, rate: Decimal) -> None:
        """Turn multi-currency on, or change a rate: home units for one unit of `currency`."""
        with self.books.step():
            self.books.rates[currency] = rate

    def _open_company(self) -> None:
        with self.books.step() as now:
            self.preferences.created_at = now
            self.books.shelves[Entity.PREFERENCES].put(self.preferences, updated_at=now)
            company = Row(entity=Entity.COMPANY_INFO, id="1", created_at=now)
            self.books.shelves[Entity.COMPANY_INFO].put(company, updated_at=now)
            for name, kind in CHART:
                self._add_account(name, kind, now)

    def _add_account(self, name: str, kind: str, now: int) -> str:
        account = Account(
            entity=Entity.ACCOUNT,
            id=self.books.new_id("account"),
            name=name,
            type=kind,
            currency=self.books.home_currency,
            created_at=now,
        )
        self.books.shelves[Entity.ACCOUNT].put(account, updated_at=now)
        return account.id

    def _delete(self, row: Transaction, now: int) -> None:
        """Take a transaction out of the books after every tie to it came loose."""
        if row.entity is Entity.PAYMENT:
            if row.deposit_id:
                raise LedgerRefused(f"Payment {row.id} is part of deposit {row.deposit_id}: delete that first")
            self._linking.release(row)
        else:
            self._linking.shrink(row, 0)
        self.books.remove(row, now)

    def _void(self, row: Transaction) -> None:
        """Zero a transaction after every tie to it came loose, and write the fixed word into its note."""
        if row.entity is Entity.PAYMENT:
            self._linking.release(row)
        else:
            self._linking.shrink(row, 0)
        word = self.switches.void_note
        row.total = row.tax = row.deposit = 0
        row.sale_lines = tuple(type(line)(0, line.description, 0) for line in row.sale_lines)
        row.note = f"{word} - {row.note}" if row.note else word
        row.voided = True
        self.books.touch(row)
