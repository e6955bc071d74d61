"""QuickBooks Online as a ledger: what a bookkeeper does on its screens, with all that follows from it.

It has no opinion on what is right between two systems: a credit memo given twice is accepted, because people
do exactly that. Every operation happens at the clock's present, moves SyncTokens and times the way QuickBooks
does, and keeps the identities I1 to I4. Amounts are exact decimals or text; dates are bookkeeping dates; ids are
text. What is refused raises `LedgerRefused`, before anything has changed.
Source: facts/quickbooks.md §6.
"""

from datetime import datetime
from typing import Any

from connectors.sandbox.clock import Clock
from connectors.sandbox.quickbooks_core import REALM
from connectors.sandbox.quickbooks_entries import EntryOperations
from connectors.sandbox.quickbooks_identities import broken_identities
from connectors.sandbox.quickbooks_names import NameOperations
from connectors.sandbox.quickbooks_rendering import Renderer
from connectors.sandbox.quickbooks_rows import Entity, Row
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches


class QuickBooksLedger(NameOperations, EntryOperations):
    """One company of QuickBooks Online. Safe between threads: every operation holds `lock`."""

    def __init__(
        self,
        clock: Clock,
        *,
        realm_id: str = REALM,
        home_currency: str = "USD",
        auto_apply_credit: bool = False,
        switches: QuickBooksSwitches | None = None,
    ) -> None:
        super().__init__(
            clock,
            realm_id=realm_id,
            home_currency=home_currency,
            auto_apply_credit=auto_apply_credit,
            switches=switches,
        )
        self.renderer = Renderer(self.books, self.switches)

    def objects(self, entity: str) -> list[dict[str, Any]]:
        """All living objects of an entity as the API shows them, by the time of their last change."""
        with self.lock:
            return [self.renderer.content(row) for _, _, row in self.books.shelves[Entity(entity)].order]

    def read(self, entity: str, row_id: str) -> dict[str, Any]:
        """One living object as the API shows it. Raises: `LedgerRefused` 610."""
        with self.lock:
            shelf = self.books.shelves[Entity(entity)]
            row: Row = shelf.rows[row_id] if row_id in shelf.rows else self.books.transaction(Entity(entity), row_id)
            return self.renderer.content(row)

    def changes_since(self, entity: str, since: datetime) -> list[dict[str, Any]]:
        """Objects of an entity that changed at or after `since`, then stubs of those that were deleted."""
        first = int(since.timestamp())
        with self.lock:
            shelf = self.books.shelves[Entity(entity)]
            living = [self.renderer.content(row) for _, _, row in shelf.order.irange((first,))]
            return living + [self.renderer.stub(gone) for gone in shelf.deleted if gone.updated_at >= first]

    def check_identities(self) -> list[str]:
        """One sentence for each of I1 to I4 that does not hold somewhere; empty when all hold everywhere."""
        return broken_identities(self.books)
