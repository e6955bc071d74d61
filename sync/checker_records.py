"""The raw records of a finding's evidence, read with the standard library alone. Pure.

Part of the second opinion (`sync.checker`): it shares no code with the rules or the mappings. Amounts are decimals as
the system wrote them. Where the evidence holds several versions of one record, each of them counts as possible.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import product
from typing import Any

from mappings.findings import Evidence

Record = dict[str, Any]
Sums = set[Decimal]

ZERO = Decimal(0)
_CHARGES = frozenset({"Invoice", "Expense", "Check"})
_FUNDS = frozenset({"CreditMemo", "Deposit", "CreditCardCredit"})


class Raws:
    """What the records of the evidence say; a record that is gone has no fields."""

    def __init__(self, raws: Mapping[Evidence, bytes]) -> None:
        self._records = [(evidence, _read(raw)) for evidence, raw in raws.items()]

    def versions(self, system: str, *kinds: str) -> dict[str, list[Record]]:
        """By id, what each version of the records of these kinds says; {} for a version that is gone."""
        found: dict[str, list[Record]] = defaultdict(list)
        for evidence, record in self._records:
            if evidence.key.system == system and evidence.key.kind in kinds:
                found[evidence.key.id].append(record)
        return found

    def present(self, system: str, *kinds: str) -> list[Record]:
        """The versions in which a record is there."""
        return [each for versions in self.versions(system, *kinds).values() for each in versions if each]

    def rows(self) -> list[Decimal]:
        """What each BigTime payment row puts on its invoice, in each version; 0 for a row that is gone."""
        return [
            amount(field(record, "AppliedAmount"))
            for versions in self.versions("bigtime", "payment").values()
            for record in versions
        ]

    def lines(self, invoice_id: str) -> list[Decimal]:
        """What each QuickBooks payment puts on an invoice, in each version, and a deposit on the invoice itself."""
        payments = self.versions("quickbooks", "payment").values()
        found = [on_invoice(record, invoice_id) for versions in payments for record in versions]
        deposits = [amount(record.get("Deposit")) for record in self.present("quickbooks", "invoice")]
        return found + [each for each in deposits if each]

    def totals(self, system: str) -> Sums:
        """The totals that the invoices of the evidence have in one system."""
        return {total(record) for record in self.present(system, "invoice")}

    def remainders(self) -> Sums:
        """What each QuickBooks credit of the evidence has left."""
        found = {left(record) for record in self.present("quickbooks", "credit_memo")}
        found |= {amount(record.get("UnappliedAmt")) for record in self.present("quickbooks", "payment")}
        return found | self.entry_remainders()

    def entry_remainders(self) -> Sums:
        """What is left of each journal entry or deposit: its credit to a client less what the payments take from it."""
        found = set()
        for identifier, versions in self.versions("quickbooks", "journal_entry", "deposit").items():
            used = sum(
                (each for record in self.present("quickbooks", "payment") for each in links(record, identifier)), ZERO
            )
            for record in versions:
                found |= {given - used for given in given_by(record).values()}
        return found

    def sums_of_versions(self, amounts: Iterable[Sums]) -> Sums:
        """Every sum that takes one of the possible amounts of each record."""
        return {sum(chosen, ZERO) for chosen in product(*amounts)}


def _read(raw: bytes) -> Record:
    if not raw:
        return {}
    record = json.loads(raw, parse_float=Decimal, parse_int=Decimal)
    return {} if record.get("status") == "Deleted" else record


def field(record: Record, *names: str) -> Any:
    """A field by the first of its spellings that says something; BigTime does not keep to one case."""
    lowered = {key.casefold(): value for key, value in record.items()}
    return next((lowered[name.casefold()] for name in names if lowered.get(name.casefold()) not in (None, "")), None)


def amount(value: object) -> Decimal:
    """An amount as either system writes it: a number, or text with signs, commas or parentheses; 0 for none."""
    if value is None:
        return ZERO
    text = str(value).replace(",", "").replace("$", "").strip()
    return -Decimal(text[1:-1]) if text.startswith("(") else Decimal(text)


def total(invoice: Record) -> Decimal:
    """An invoice's total with tax."""
    written = field(invoice, "TotalAmt")
    if written is not None:
        return amount(written)
    subtotal = field(invoice, "Subtotal", "InvoiceAmt")
    return amount(subtotal) + amount(field(invoice, "SalesTaxAmt"))


def shown(invoice: Record) -> Decimal:
    """What BigTime shows as due: nothing for an invoice marked as paid."""
    is_paid = str(field(invoice, "IsPaid")).casefold() in {"true", "1", "yes"}
    return ZERO if is_paid else amount(field(invoice, "TotalAmtDue"))


def left(memo: Record) -> Decimal:
    """What a credit memo has left."""
    return amount(field(memo, "RemainingCredit", "Balance"))


def links(payment: Record, target: str, *kinds: str) -> Iterator[Decimal]:
    """The amounts that a QuickBooks payment has on a record; of some link types only when they are named."""
    for line in payment.get("Line") or ():
        for link in line.get("LinkedTxn") or ():
            if link.get("TxnId") == target and (not kinds or link.get("TxnType") in kinds):
                yield amount(line.get("Amount"))


def on_invoice(payment: Record, invoice_id: str) -> Decimal:
    """What a QuickBooks payment puts on an invoice."""
    return sum(links(payment, invoice_id, "Invoice"), ZERO)


def all_links(payment: Record) -> Iterator[tuple[str, Decimal]]:
    """Each line of a payment: what kind of record it links, and its amount."""
    for line in payment.get("Line") or ():
        for link in line.get("LinkedTxn") or ():
            yield str(link.get("TxnType")), amount(line.get("Amount"))


def credit_lines(payment: Record) -> Decimal:
    """What a payment takes from credits; a journal entry counts as one."""
    return sum((each for kind, each in all_links(payment) if kind not in _CHARGES), ZERO)


def breaks_of(payment: Record) -> Sums:
    """What a payment shows beyond Σ charges − Σ credits + unapplied. A journal entry can stand on either side."""
    known = amount(payment.get("UnappliedAmt"))
    either = []
    for kind, each in all_links(payment):
        if kind in _CHARGES or kind in _FUNDS:
            known += each if kind in _CHARGES else -each
        else:
            either.append((each, -each))
    return {amount(payment.get("TotalAmt")) - known - sum(signs, ZERO) for signs in product(*either)}


def given_by(entry: Record) -> dict[str, Decimal]:
    """What a journal entry or deposit credits to each client that it names."""
    given: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for line in entry.get("Line") or ():
        journal, deposit = line.get("JournalEntryLineDetail") or {}, line.get("DepositLineDetail") or {}
        entity = journal.get("Entity") or deposit.get("Entity") or {}
        client = str((entity.get("EntityRef") or entity).get("value", ""))
        if client and (deposit or journal.get("PostingType") == "Credit"):
            given[client] += amount(line.get("Amount"))
    return dict(given)
