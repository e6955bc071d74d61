"""Things that look like mistakes and are none: a worker that reports them costs its readers' trust.

Source: facts/field.md §8.2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connectors.sandbox.story_office import Bill, Office


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedDecoy:
    """What a worker must not report above S4. `invoice` is "" where it concerns none; `others` are further ones."""

    name: str
    invoice: str
    day: date
    words: str
    others: tuple[str, ...] = ()


Decoy = Callable[[Office], PlantedDecoy | None]


def free_bill(office: Office, least: int = 600) -> Bill | None:
    """An invoice on which nothing has happened yet, reserved; None when there is none."""
    bills = office.untouched_bills(least=least)
    return office.reserve(office.chance.choice(bills)) if bills else None


def planted(
    office: Office, name: str, words: str, bill: Bill | None = None, *, others: tuple[str, ...] = ()
) -> PlantedDecoy:
    """Say what only looks wrong, and note it."""
    office.say(words)
    number = "" if bill is None else bill.number
    return PlantedDecoy(name=name, invoice=number, day=office.today, words=words, others=others)


def note_edited(office: Office) -> PlantedDecoy | None:
    """Text, not money, changes on a posted invoice."""
    bill = free_bill(office)
    if bill is None:
        return None
    office.world.bigtime.edit_invoice(bill.sid, note="Please quote the purchase order")
    return planted(office, "note edited", f"A note was added to {bill.number} in BigTime", bill)


def payment_entered_again(office: Office) -> PlantedDecoy | None:
    """A payment is deleted and entered again on the same day."""
    bill = free_bill(office)
    if bill is None:
        return None
    number = office.next_number("CHK")
    payment = office.receive([bill], [bill.amount], number=number)
    office.world.quickbooks.delete_payment(payment)
    office.receive([bill], [bill.amount], number=number)
    words = f"Payment {number} for {bill.number} was deleted in QuickBooks and entered again at once"
    return planted(office, "entered again", words, bill)


def two_equal_credits(office: Office) -> PlantedDecoy | None:
    """Two credit memos of one amount, a day apart, both meant."""
    bill = free_bill(office)
    if bill is None:
        return None
    office.credit(bill, Decimal(100))
    office.promise(lambda: office.credit(bill, Decimal(100)))
    return planted(office, "two equal credits", f"{bill.number} gets two credits of 100.00, both meant", bill)


def client_renamed(office: Office) -> PlantedDecoy | None:
    """All documents of a client show another name at once, and none has changed."""
    bill = office.chance.choice(sorted(office.bills.values(), key=lambda each: each.number))
    name = f"{bill.engagement.client} (NY)"
    office.world.quickbooks.rename_customer(office.customer(bill), name)
    return planted(office, "client renamed", f"{bill.engagement.client} was renamed {name} in QuickBooks")


def invoice_only_in_quickbooks(office: Office) -> PlantedDecoy | None:
    """An invoice and its payment that BigTime never hears of."""
    bill = office.chance.choice(sorted(office.bills.values(), key=lambda each: each.number))
    number = office.next_number("QB")
    books = office.world.quickbooks
    invoice = books.create_invoice(office.customer(bill), number, 250, on=office.today)
    books.receive_payment(office.customer(bill), 250, on=office.today, apply={invoice: 250}, reference=number)
    return planted(office, "only in QuickBooks", f"{number} over 250.00 was written and paid in QuickBooks only")


def credited_before_posting(office: Office) -> PlantedDecoy | None:
    """An invoice that stays in BigTime by choice is credited there, as it may be."""
    engagement = office.chance.choice([bill.engagement for bill in office.bills.values()])
    bill = office.reserve(office.write(engagement))
    office.world.bigtime.apply_account_credit(bill.sid, 50, on=office.today)
    return planted(office, "not posted by choice", f"{bill.number} is not posted; BigTime credited 50.00 on it", bill)


def mixed_payment(office: Office) -> PlantedDecoy | None:
    """One payment of money and a credit memo."""
    bill = free_bill(office)
    if bill is None:
        return None
    books = office.world.quickbooks
    memo = books.create_credit_memo(office.customer(bill), office.next_number("CM"), 120, on=office.today)
    books.receive_payment(
        office.customer(bill),
        bill.amount - 120,
        on=office.today,
        apply={bill.twin: bill.amount},
        credits={memo: 120},
        reference=office.next_number("CHK"),
    )
    return planted(office, "mixed payment", f"{bill.number} was paid with money and a credit memo of 120.00", bill)


DECOYS: tuple[Decoy, ...] = (
    note_edited,
    payment_entered_again,
    two_equal_credits,
    client_renamed,
    invoice_only_in_quickbooks,
    credited_before_posting,
    mixed_payment,
)
