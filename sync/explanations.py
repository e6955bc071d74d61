"""Joins what there is to say about an invoice or client: the waterfall of the tie-out, and the ledger of credits."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from mappings.findings import TieLine
from mappings.model import Book, Kind, RecordKey, System
from mappings.records import Group
from sync.explaining import Explanation, explain, may_hold, names_subject
from sync.reports.explained import explain_credit, explain_invoice, invoices_called
from sync.reports.naming import near_names
from sync.reports.opened import open_books
from sync.reports.scope import Scope
from sync.rules.moment import Moment


class Books(Protocol):
    """The books of one company."""

    def load_all_groups(self) -> tuple[Group, ...]:
        """Every group of the company, in a stable order."""
        ...

    def load_tie_lines(self) -> tuple[TieLine, ...]:
        """The tie-out of every posted invoice."""
        ...

    def iterate_books(self, groups: Sequence[Group], as_of: datetime | None = None) -> Iterator[Book]:
        """The groups' books, one at a time."""
        ...


def explain_subject(
    books: Books, company: str, subject: str, moment: Moment, *, as_of: datetime | None = None
) -> Explanation | None:
    """Everything about the invoice or client that a reader calls `subject`; None when there is none.

    An invoice goes before a client of the same name, and what is posted before what is only in QuickBooks. With `as_of`
    the books are those that were known then, and nothing that was stored later is looked at.
    """
    every = books.load_all_groups()
    groups = every if as_of is not None else _groups_of_posted(books, every, subject)

    def told(among: Sequence[Group]) -> Iterator[Book]:
        return (book for book in books.iterate_books(among, as_of) if may_hold(book, subject))

    scope = Scope(company=company, as_of=moment.now, timezone=moment.timezone)
    found = explain(told(groups), company, subject, moment)
    if found is None:
        return _invoice_of_books(told(every), scope, subject) or _client_of_books(told(every), scope, subject)
    if found.invoice is not None:
        key = RecordKey(System.QUICKBOOKS, Kind.INVOICE, found.invoice.quickbooks)
        opened = (one for one in open_books(told(groups), scope) if key in one.histories)
        return msgspec.structs.replace(found, settled=next((explain_invoice(one, key) for one in opened), ()))
    assert found.client is not None
    asked = msgspec.structs.replace(scope, client=found.client.quickbooks or found.client.name)
    occasions, answer = explain_credit(open_books(told(groups), asked), asked)
    return msgspec.structs.replace(found, occasions=occasions, answer=answer)


def _groups_of_posted(books: Books, every: Sequence[Group], subject: str) -> tuple[Group, ...]:
    """The groups of today's posted invoices that are, or whose client is, the subject."""
    ids = {line.client.bigtime for line in books.load_tie_lines() if names_subject(line, subject)}
    return tuple(group for group in every if _has_client(group, ids))


def near_subjects(books: Books, subject: str, as_of: datetime | None = None) -> tuple[str, ...]:
    """The names of clients that a reader may have meant by a word that names nothing."""
    return near_names(books.iterate_books(books.load_all_groups(), as_of), subject)


def _invoice_of_books(books: Iterator[Book], scope: Scope, subject: str) -> Explanation | None:
    """An invoice of QuickBooks that is not the twin of a posted one."""
    for opened in open_books(books, scope):
        for history in invoices_called(opened, subject):
            steps = explain_invoice(opened, history.key)
            named = f"Invoice {opened.label(history.key)}"
            return Explanation(company=scope.company, subject=named, steps=(), settled=steps)
    return None


def _client_of_books(books: Iterator[Book], scope: Scope, subject: str) -> Explanation | None:
    """A client none of whose invoices is posted."""
    asked = msgspec.structs.replace(scope, client=subject)
    opened = list(open_books(books, asked))
    if not opened:
        return None
    names = sorted({one.client_name(id_) for one in opened for id_ in one.wanted or ()})
    occasions, answer = explain_credit(opened, asked)
    return Explanation(
        company=scope.company,
        subject=f"Client {', '.join(names) or subject}",
        steps=(),
        occasions=occasions,
        answer=answer or (f"{', '.join(names) or subject} never had a credit in QuickBooks.",),
    )


def _has_client(group: Group, ids: set[str]) -> bool:
    return any(party.system is System.BIGTIME and party.client_id in ids for party in group.parties)
