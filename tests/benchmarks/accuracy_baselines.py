"""What people do today, on the same books: compare balances invoice by invoice, or match payments by amount and date.

Both see everything the two systems hold at the end of a history, and are judged leniently: it is enough that they
point at an invoice on which a mistake was planted, with no word about what it is or how much.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec

from connectors.sandbox.bigtime_rows import due_cents
from connectors.sandbox.world import World

# How far apart the two sides of one payment may be dated.
_WINDOW = timedelta(days=3)


class Method(StrEnum):
    """How a person, or the usual software, looks for differences."""

    BALANCES = "balances"  # both lists of open invoices side by side, by number
    FUZZY = "fuzzy"  # BigTime's payments against QuickBooks' payments and credits, by client, amount and date


class Guess(msgspec.Struct, frozen=True, kw_only=True):
    """The invoices that a method points at."""

    method: Method
    numbers: frozenset[str]


class _Movement(msgspec.Struct, frozen=True, order=True, kw_only=True):
    on: date
    client: str
    amount: Decimal
    number: str


def guesses(world: World) -> tuple[Guess, ...]:
    """What each method says of these books."""
    return (
        Guess(method=Method.BALANCES, numbers=frozenset(_different_balances(world))),
        Guess(method=Method.FUZZY, numbers=frozenset(_unmatched(world))),
    )


def _different_balances(world: World) -> Iterator[str]:
    """Numbers whose balances differ; an invoice that one system does not have counts as nothing there."""
    ledger = world.bigtime
    ours = {
        each.number: Decimal(due_cents(each, ledger.switches)).scaleb(-2)
        for each in ledger.invoices.values()
        if each.posted_word == ledger.switches.posted_word
    }
    theirs: dict[str, Decimal] = {}
    for invoice in world.quickbooks.objects("Invoice"):
        number = str(invoice.get("DocNumber", ""))
        theirs[number] = theirs.get(number, Decimal(0)) + Decimal(str(invoice["Balance"]))
    for number in ours.keys() | theirs.keys():
        if ours.get(number, Decimal(0)) != theirs.get(number, Decimal(0)):
            yield number


def _unmatched(world: World) -> Iterator[str]:
    """The invoices of payments that have no counterpart of the same client and amount within a few days."""
    left = sorted(_of_quickbooks(world))
    for row in sorted(_of_bigtime(world)):
        fitting = [
            each
            for each in left
            if (each.client, each.amount) == (row.client, row.amount) and abs(each.on - row.on) <= _WINDOW
        ]
        if fitting:
            left.remove(min(fitting, key=lambda each: (abs(each.on - row.on), each)))
        else:
            yield row.number
    yield from (each.number for each in left)


def _of_bigtime(world: World) -> Iterator[_Movement]:
    ledger = world.bigtime
    for row in ledger.rows:
        invoice = ledger.invoices[row.invoice_id]
        yield _Movement(
            on=row.paid_on,
            client=ledger.clients[invoice.client_id].name,
            amount=Decimal(row.applied_cents).scaleb(-2),
            number=invoice.number,
        )


def _of_quickbooks(world: World) -> Iterator[_Movement]:
    invoices = {each["Id"]: each for each in world.quickbooks.objects("Invoice")}
    names = {each["Id"]: str(each["DisplayName"]) for each in world.quickbooks.objects("Customer")}
    for payment in world.quickbooks.objects("Payment"):
        for line in payment["Line"]:
            for link in line["LinkedTxn"]:
                if link["TxnType"] != "Invoice":
                    continue
                invoice = invoices[link["TxnId"]]
                yield _Movement(
                    on=date.fromisoformat(payment["TxnDate"]),
                    client=names[invoice["CustomerRef"]["value"]],
                    amount=Decimal(str(line["Amount"])),
                    number=str(invoice.get("DocNumber", "")),
                )
