"""A book opened for reporting: its ledger, its occasions, and the names by which people know its records."""

from collections.abc import Iterable, Iterator

import msgspec

from mappings.findings import Evidence
from mappings.indexing import normalise_name
from mappings.ledger import Ledger, derive_ledger
from mappings.linking import link
from mappings.model import (
    Book,
    Client,
    CreditMemo,
    Entry,
    History,
    Invoice,
    Kind,
    Payment,
    RecordKey,
    System,
)
from mappings.movements import derive_movements
from sync.reports.occasions import Occasion, is_quickbooks, occasions_of
from sync.reports.scope import Scope

# Before the id of a client who is in BigTime only.
ONLY_BIGTIME = "bigtime:"


class OpenBook(msgspec.Struct, frozen=True, kw_only=True):
    """One book and everything that reports derive from it. `wanted` are the QuickBooks customers asked for."""

    book: Book
    scope: Scope
    ledger: Ledger
    occasions: tuple[Occasion, ...]
    histories: dict[RecordKey, History]
    wanted: frozenset[str] | None = None

    def shows(self, client_id: str, currency: str) -> bool:
        """Whether a client's amounts in a currency are asked for."""
        return (self.wanted is None or client_id in self.wanted) and self.scope.wants(currency)

    def client_name(self, client_id: str) -> str:
        """The client as QuickBooks names him; his id when we were never told."""
        key = RecordKey(System.QUICKBOOKS, Kind.CUSTOMER, client_id)
        if client_id.startswith(ONLY_BIGTIME):
            key = RecordKey(System.BIGTIME, Kind.CLIENT, client_id.removeprefix(ONLY_BIGTIME))
        content = _last(self.histories.get(key))
        return content.name if isinstance(content, Client) and content.name else f"customer {client_id}"

    def account_name(self, account_id: str) -> str:
        """A receivable account as QuickBooks names it; the only one there is when a record does not say which."""
        names = self.book.account_names
        if account_id:
            return names.get(account_id) or f"account {account_id}"
        if len(names) == 1:
            return next(iter(names.values()))
        return "Accounts Receivable, not said which" if names else "Accounts Receivable"

    def account_of(self, occasion: Occasion) -> str:
        """The receivable account of an application: its payment's as it stood then, or as it first said later."""
        versions = self.histories[occasion.record].versions
        in_order = (*reversed(versions[: occasion.sequence]), *versions[occasion.sequence :])
        ids = (each.content.receivable_account_id for each in in_order if isinstance(each.content, Payment))
        return self.account_name(next((id_ for id_ in ids if id_), ""))

    def wants_account(self, name: str) -> bool:
        """Whether the amounts of a receivable account are asked for; it may be asked for by its id."""
        asked = self.scope.account
        return not asked or asked.casefold() == name.casefold() or self.book.account_names.get(asked) == name

    def label(self, key: RecordKey) -> str:
        """A record as people call it: by its number, or by its kind and id when it has none."""
        content = _last(self.histories.get(key))
        number = ""
        if isinstance(content, Invoice | CreditMemo | Entry):
            number = content.number
        elif isinstance(content, Payment):
            number = content.reference
        return number or f"{_kind(key)} {key.id}"

    def described(self, key: RecordKey) -> str:
        """A record by its kind and its number, or its id when it has none."""
        label = self.label(key)
        return label if label.startswith(_kind(key)) else f"{_kind(key)} {label}"

    def labels(self, keys: Iterable[RecordKey]) -> str:
        """Several records, as people call them."""
        return ", ".join(self.label(key) for key in keys)

    def evidence(self, key: RecordKey) -> Evidence:
        """The newest version of a record."""
        return Evidence(key, self.histories[key].latest.sha256)

    def evidence_of(self, occasion: Occasion) -> tuple[Evidence, ...]:
        """The record version that an occasion rests on, and what it concerns as last seen."""
        others = dict.fromkeys(key for key in (occasion.source, *occasion.targets) if key != occasion.record)
        seen = [self.evidence(key) for key in others if key in self.histories]
        return (Evidence(occasion.record, occasion.sha256), *seen)

    def quickbooks(self, kind: Kind) -> Iterator[History]:
        """The histories of one kind of QuickBooks record."""
        return (h for h in self.book.histories if h.key.kind is kind and is_quickbooks(h.key))

    def remaining(self) -> dict[tuple[RecordKey, str, str], int]:
        """What is left of each credit in the evening of the period's last day, by source, client and currency.

        It is what QuickBooks says remains, less what is dated after the period.
        """
        left: dict[tuple[RecordKey, str, str], int] = {}
        for credit in self.ledger.credits:
            left[credit.key, credit.client_id, credit.currency] = credit.remaining_minor
        last = self.scope.last
        for occasion in self.occasions if last is not None else ():
            on = occasion.on(self.scope)
            if last is not None and on is not None and on > last:
                key = (occasion.source, occasion.client_id, occasion.currency)
                left[key] = left.get(key, 0) - occasion.amount_minor
        return {key: minor for key, minor in left.items() if minor != 0}


def _kind(key: RecordKey) -> str:
    """A kind as QuickBooks' own screens call it."""
    return "expense" if key.kind is Kind.PURCHASE else str(key.kind).replace("_", " ")


def client_of_bigtime(client_id: str, customers: tuple[str, ...]) -> str:
    """The id under which reports know a BigTime client: his customer's in QuickBooks, if he has one."""
    return customers[0] if customers else f"{ONLY_BIGTIME}{client_id}"


def open_books(books: Iterable[Book], scope: Scope) -> Iterator[OpenBook]:
    """The books opened, one at a time; those that cannot concern the client asked for are left out."""
    for book in books:
        wanted = wanted_customers(book, scope.client) if scope.client else None
        if wanted is not None and not wanted:
            continue
        histories = {history.key: history for history in book.histories}
        yield OpenBook(
            book=book,
            scope=scope,
            ledger=derive_ledger(book),
            occasions=tuple(occasions_of(derive_movements(book, scope.timezone), histories, scope)),
            histories=histories,
            wanted=wanted,
        )


def wanted_customers(book: Book, asked: str) -> frozenset[str]:
    """The QuickBooks customers whom a reader means by a name or id, of either system.

    One who is in BigTime only has `ONLY_BIGTIME` before his id there.
    """
    name = normalise_name(asked)
    found: set[str] = set()
    elsewhere: set[str] = set()  # of BigTime
    for history in book.histories:
        content = _last(history)
        if not isinstance(content, Client):
            continue
        if asked == history.key.id or (name and normalise_name(content.name) == name):
            (found if is_quickbooks(history.key) else elsewhere).add(history.key.id)
    if elsewhere and not found:
        clients = link(book).clients
        found.update(id_ for one in elsewhere for id_ in clients.customers_of(one) or (f"{ONLY_BIGTIME}{one}",))
    return frozenset(found)


def _last(history: History | None) -> object:
    if history is None:
        return None
    return next((version.content for version in reversed(history.versions) if version.content is not None), None)
