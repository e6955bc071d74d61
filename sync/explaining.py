"""Why a balance looks the way it does: a waterfall whose steps add up, each with the records behind it. Pure."""

from collections.abc import Iterable

import msgspec

from mappings.findings import BookResult, ClientRef, Evidence, Finding, InvoiceRef, TieLine
from mappings.indexing import normalise_name, normalise_number
from mappings.model import Book, Client, Invoice, Kind, RecordKey, System
from sync.rules.evaluate import evaluate_book
from sync.rules.moment import Moment

_SUBJECTS = frozenset({Kind.INVOICE, Kind.CLIENT, Kind.CUSTOMER})


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an explanation: what happened, how much it moves, and which record versions show it.

    For an occasion of credit, `origin` says what kind of credit it is; where it gave credit, `current_minor` is what
    is left of it.
    """

    label: str
    amount_minor: int
    currency: str
    records: tuple[Evidence, ...] = ()
    origin: str = ""
    current_minor: int | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "why?" about one invoice or client.

    `subject` names what was found for the reader's word; `invoice` and `client` say which it is. `steps` run from
    BigTime's balance to QuickBooks': the first and the last are balances, those between them add up to their
    difference; there are none for what is not posted. `occasions` end in each currency with what a client has to his
    credit in QuickBooks, and add up to it; `answer` says the same in sentences. `settled` runs from what an invoice is
    for to what is open on it in QuickBooks.
    """

    company: str
    subject: str
    steps: tuple[Step, ...]
    invoice: InvoiceRef | None = None
    client: ClientRef | None = None
    occasions: tuple[Step, ...] = ()
    answer: tuple[str, ...] = ()
    settled: tuple[Step, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to say, because nothing had been read."""
        return not (self.steps or self.occasions or self.answer or self.settled)


def explain(books: Iterable[Book], company: str, wanted: str, moment: Moment) -> Explanation | None:
    """The waterfall of the posted invoice or client that a reader calls `wanted`; None when there is none.

    An invoice is named by its number or one of its ids, a client by his name or one of his ids; numbers and names
    are compared as the matching compares them. An invoice goes before a client of the same name.
    """
    client: Explanation | None = None
    for book in books:
        result = evaluate_book(book, moment)
        lines = tuple(line for line in result.tie_lines if _is_invoice(line.invoice, wanted))
        if lines:
            found = _waterfall(company, f"Invoice {lines[0].invoice.number}", lines, book, result)
            return msgspec.structs.replace(found, invoice=lines[0].invoice)
        lines = tuple(line for line in result.tie_lines if _is_client(line.client, wanted))
        if lines and client is None:
            found = _waterfall(company, f"Client {lines[0].client.name}", lines, book, result)
            client = msgspec.structs.replace(found, client=lines[0].client)
    return client


def may_hold(book: Book, wanted: str) -> bool:
    """Whether an invoice or client of a book is called `wanted`, or ever was; other books need no second look."""
    number, name = normalise_number(wanted), normalise_name(wanted)

    def is_called(content: object) -> bool:
        match content:
            case Invoice():
                return content.client_id == wanted or (number != "" and normalise_number(content.number) == number)
            case Client():
                return name != "" and normalise_name(content.name) == name
            case _:
                return False

    return any(
        history.key.kind in _SUBJECTS
        and (history.key.id == wanted or any(is_called(version.content) for version in history.versions))
        for history in book.histories
    )


def names_subject(line: TieLine, wanted: str) -> bool:
    """Whether a tie line is of the invoice or the client that a reader calls `wanted`."""
    return _is_invoice(line.invoice, wanted) or _is_client(line.client, wanted)


def _is_invoice(invoice: InvoiceRef, wanted: str) -> bool:
    number = normalise_number(wanted)
    return wanted in (invoice.bigtime, invoice.quickbooks) or (
        number != "" and number == normalise_number(invoice.number)
    )


def _is_client(client: ClientRef, wanted: str) -> bool:
    name = normalise_name(wanted)
    return wanted in (client.bigtime, client.quickbooks) or (name != "" and name == normalise_name(client.name))


def _waterfall(company: str, subject: str, lines: tuple[TieLine, ...], book: Book, result: BookResult) -> Explanation:
    """Currency by currency: BigTime's balance, each finding's claim taken back, what nobody explains, QuickBooks'."""
    records = {history.key: Evidence(history.key, history.latest.sha256) for history in book.histories}
    steps: list[Step] = []
    for currency in sorted({line.currency for line in lines}):
        mine = tuple(line for line in lines if line.currency == currency)
        ids = {line.invoice.bigtime for line in mine}
        shown = mine if len(mine) == 1 else tuple(line for line in mine if line.difference_minor != 0)
        ours = tuple(records[RecordKey(System.BIGTIME, Kind.INVOICE, line.invoice.bigtime)] for line in shown)
        theirs = tuple(records[RecordKey(System.QUICKBOOKS, Kind.INVOICE, line.invoice.quickbooks)] for line in shown)
        claims = [step for finding in result.findings if (step := _taken_back(finding, ids, currency)) is not None]
        residual = -sum(line.difference_minor for line in mine) - sum(step.amount_minor for step in claims)
        steps.append(_balance("Balance in BigTime", sum(line.bigtime_minor for line in mine), currency, ours))
        steps += claims
        if residual != 0:
            steps.append(_balance("Not explained", residual, currency, ()))
        steps.append(_balance("Balance in QuickBooks", sum(line.quickbooks_minor for line in mine), currency, theirs))
    return Explanation(company=company, subject=subject, steps=tuple(steps))


def _balance(label: str, amount_minor: int, currency: str, records: tuple[Evidence, ...]) -> Step:
    return Step(label=label, amount_minor=amount_minor, currency=currency, records=records)


def _taken_back(finding: Finding, invoice_ids: set[str], currency: str) -> Step | None:
    """The step from BigTime towards QuickBooks that a finding makes: its claim on these invoices, taken back.

    A finding that concerns them without a claim is named with 0.
    """
    claims = [claim.amount_minor for claim in finding.claims if claim.invoice_id in invoice_ids]
    concerns = finding.invoice is not None and finding.invoice.bigtime in invoice_ids
    if finding.currency != currency or not (claims or concerns):
        return None
    return Step(
        label=f"{finding.code} {finding.title}",
        amount_minor=-sum(claims),
        currency=currency,
        records=finding.evidence,
    )
