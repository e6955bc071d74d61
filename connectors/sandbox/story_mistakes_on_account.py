"""Mistakes with what a client has to his credit, and what stands open on his account.

They belong to no single invoice: each happens on the account of the client of an invoice that it leaves alone.
Source: facts/field.md §8, groups B, C, E, F and G.
"""

from datetime import date, timedelta
from decimal import Decimal

from connectors.sandbox.bigtime_switches import Deleted
from connectors.sandbox.story_mistakes import Mistake, NextDay, Outcome, PlantedMistake, planted, planted_on_account
from connectors.sandbox.story_office import Bill, Office

_NOTHING = Decimal(0)
_RECEIVABLES = "Accounts Receivable (A/R)"


def _memo(office: Office, bill: Bill, amount: Decimal, on: date) -> str:
    return office.world.quickbooks.create_credit_memo(office.customer(bill), office.next_number("CM"), amount, on=on)


def _ago(office: Office, least: int, most: int) -> date:
    return office.today - timedelta(days=office.chance.randint(least, most))


def _overpaid_in_both(office: Office, bill: Bill) -> Outcome:
    return _kept_as_client_credit(office, bill, code="B7")


def _overpaid_in_bigtime_only(office: Office, bill: Bill) -> Outcome:
    return _kept_as_client_credit(office, bill, code="C5")


def _kept_as_client_credit(office: Office, bill: Bill, *, code: str) -> Outcome:
    """A cheque that is too large was entered by hand in both systems; BigTime keeps the rest as client credit."""
    amount, rest = office.part(bill, 30), office.part(bill, 8)
    number = office.next_number("CHK")
    in_quickbooks = rest if code == "B7" else _NOTHING
    books = office.world.quickbooks
    books.receive_payment(
        office.customer(bill), amount + in_quickbooks, on=office.today, apply={bill.twin: amount}, reference=number
    )
    office.lost_tonight.add(bill.sid)
    method = bill.engagement.method
    office.world.bigtime.add_payment(
        {bill.sid: amount}, method=method, on=office.today, total=amount + rest, number=number
    )
    where = "and QuickBooks too" if code == "B7" else "and QuickBooks has nothing of it"
    words = f"BigTime keeps {rest:,.2f} of {number} as client credit, {where}"
    return planted_on_account(office, office.customer(bill), words, code=code, amount=rest)


def _two_forms(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    _memo(office, bill, amount, office.today)
    _journal_credit(office, bill, amount, number=office.next_number("JE"), note="courtesy credit")
    words = f"A credit of {amount:,.2f} for {bill.engagement.client} stands as a memo and as a journal entry"
    return planted_on_account(office, office.customer(bill), words, code="B8", amount=amount)


def _journal_credit(office: Office, bill: Bill, amount: Decimal, *, number: str = "", note: str = "") -> None:
    lines: list[tuple[str, str | None, str, Decimal]] = [
        ("Services", None, "Debit", amount),
        (_RECEIVABLES, office.customer(bill), "Credit", amount),
    ]
    office.world.quickbooks.journal_entry(lines, on=office.today, number=number, note=note)


def _without_occasion(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    _journal_credit(office, bill, amount)
    words = f"{amount:,.2f} were credited to {bill.engagement.client} by an entry without number and note"
    return planted_on_account(office, office.customer(bill), words, code="F6", amount=amount)


def _cheque_left_unapplied(office: Office, bill: Bill) -> Outcome:
    amount, on = office.part(bill), _ago(office, 35, 120)
    office.world.quickbooks.receive_payment(
        office.customer(bill), amount, on=on, reference=office.next_number("CHK"), method="Check"
    )
    words = f"A cheque of {amount:,.2f} of {on} was entered in QuickBooks and applied to nothing"
    return planted_on_account(office, office.customer(bill), words, code="C1", amount=amount)


def _overpaid(office: Office, bill: Bill) -> Outcome:
    amount, rest = office.part(bill, 30), office.part(bill, 8)
    number = office.next_number("CHK")
    office.world.quickbooks.receive_payment(
        office.customer(bill), amount + rest, on=office.today, apply={bill.twin: amount}, reference=number
    )
    words = f"{number} is {rest:,.2f} more than was applied to {bill.number}"
    return planted_on_account(office, office.customer(bill), words, code="C1", amount=rest)


def _memo_left_open(office: Office, bill: Bill) -> Outcome:
    amount, on = office.part(bill), _ago(office, 35, 120)
    _memo(office, bill, amount, on)
    words = f"A credit memo of {amount:,.2f} of {on} was entered in QuickBooks and never used"
    return planted_on_account(office, office.customer(bill), words, code="C2", amount=amount)


def _memo_unclaimed(office: Office, bill: Bill) -> Outcome:
    amount, on = office.part(bill), _ago(office, 190, 400)
    _memo(office, bill, amount, on)
    words = f"A credit memo of {amount:,.2f} of {on} was entered in QuickBooks and never used"
    customer = office.customer(bill)
    stale = planted_on_account(office, customer, words, code="C2", amount=amount)
    return (*stale, *planted_on_account(office, customer, "It may be unclaimed property", code="F5", amount=amount))


def _credit_on_unknown_invoice(office: Office, bill: Bill) -> Outcome:
    amount, number, books = office.part(bill), office.next_number("QB"), office.world.quickbooks
    invoice = books.create_invoice(office.customer(bill), number, amount * 2, on=office.today)
    books.apply_credit(_memo(office, bill, amount, office.today), invoice, amount, on=office.today)
    words = f"{number} was written in QuickBooks only, with a credit of {amount:,.2f} on it"
    office.say(words)
    return (PlantedMistake(code="C6", invoice=number, amount=amount, claim=_NOTHING, day=office.today, words=words),)


def _two_records_of_one_client(office: Office, bill: Bill) -> Outcome:
    name, amount = office.next_number("Client"), office.part(bill)
    customer = office.world.quickbooks.add_customer(name)
    for _ in range(2):
        office.world.bigtime.add_client(name)
    office.world.quickbooks.create_credit_memo(customer, office.next_number("CM"), amount, on=office.today)
    words = f"{name} is twice in BigTime and has a credit of {amount:,.2f} in QuickBooks"
    return planted_on_account(office, customer, words, code="C7", amount=amount)


def _credit_beside_overdue(office: Office, bill: Bill) -> Outcome:
    name, amount = office.next_number("Client"), office.part(bill)
    engagement = office.take_on(name)
    number, on = office.next_number("INV"), office.today - timedelta(days=75)
    sid = office.world.bigtime.add_invoice(office.client_sid(engagement), number, amount * 3, on=on)
    office.world.post(sid)
    customer = office.world.customer_of(office.client_sid(engagement))
    office.world.quickbooks.create_credit_memo(customer, office.next_number("CM"), amount, on=office.today)
    words = f"{name} has a credit of {amount:,.2f} while {number} is overdue"
    return planted_on_account(office, customer, words, code="F4", amount=amount)


def _refunded_without_link(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    _memo(office, bill, amount, office.today)
    office.say(f"{bill.engagement.client} was given a credit memo of {amount:,.2f}")

    def refunded() -> Outcome:
        method = office.chance.choice(("Check", "Cash"))
        office.world.quickbooks.pay_customer(office.customer(bill), amount, on=office.today, method=method)
        words = f"The credit of {amount:,.2f} was paid out to {bill.engagement.client}, and nobody linked the two"
        return planted_on_account(office, office.customer(bill), words, code="F7", amount=amount)

    return (NextDay(refunded),)


def _merged(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    names = [office.next_number("Client") for _ in range(2)]
    customers = []
    for name in names:
        client = office.client_sid(office.take_on(name))
        sid = office.world.bigtime.add_invoice(client, office.next_number("INV"), amount, on=office.today)
        office.world.post(sid)
        customers.append(office.world.customer_of(client))
    office.say(f"{names[0]} and {names[1]} were invoiced")

    def merged() -> Outcome:
        survivor, loser = customers
        office.world.quickbooks.merge_customers(survivor, loser)
        words = f"{names[1]} was merged into {names[0]} in QuickBooks"
        return planted_on_account(office, survivor, words, code="E10", amount=amount)

    return (NextDay(merged),)


def _preference_turned_on(office: Office, bill: Bill) -> Outcome:
    del bill  # it concerns the company
    office.after_sync.append(lambda: office.world.quickbooks.set_preferences(auto_apply_credit=True))
    words = "The automatic application of credits is turned on tonight"
    office.say(words)
    return (PlantedMistake(code="G9", invoice="", amount=_NOTHING, claim=_NOTHING, day=office.today, words=words),)


def _applied_after_the_sync(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    office.after_sync.append(lambda: office.credit(bill, amount))
    words = f"A credit of {amount:,.2f} is put on {bill.number} after tonight's sync"
    return planted(office, bill, words, code="G4", amount=amount, claim=amount)


def _row_missing_tonight(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill, 35)
    office.receive([bill], [amount])

    def deleted() -> Outcome:
        (row,) = office.world.bigtime.rows_on(bill.sid)
        office.world.bigtime.delete_payment(row.payment_id)
        words = f"The payment of {amount:,.2f} on {bill.number} was deleted in BigTime today"
        if office.world.bigtime.switches.deleted_payment is Deleted.NEGATIVE_ROW:
            return planted(office, bill, words, code="E2", amount=amount, claim=amount)
        office.say(words)
        return (PlantedMistake(code="G11", invoice="", amount=_NOTHING, claim=_NOTHING, day=office.today, words=words),)

    return (NextDay(deleted),)


MISTAKES_ON_ACCOUNT = (
    Mistake(code="B7", happens=_overpaid_in_both),
    Mistake(code="B8", happens=_two_forms, is_on_account=True),
    Mistake(code="C1", happens=_cheque_left_unapplied, is_on_account=True),
    Mistake(code="C1", happens=_overpaid),
    Mistake(code="C2", happens=_memo_left_open, is_on_account=True),
    Mistake(code="F5", happens=_memo_unclaimed, is_on_account=True),
    Mistake(code="C5", happens=_overpaid_in_bigtime_only),
    Mistake(code="C6", happens=_credit_on_unknown_invoice, is_on_account=True),
    Mistake(code="C7", happens=_two_records_of_one_client, is_on_account=True),
    Mistake(code="E10", happens=_merged, is_on_account=True),
    Mistake(code="F4", happens=_credit_beside_overdue, is_on_account=True),
    Mistake(code="F6", happens=_without_occasion, is_on_account=True),
    Mistake(code="F7", happens=_refunded_without_link, is_on_account=True),
)
# What is there to be seen on one evening only: in a history they happen at its end.
MISTAKES_OF_THE_LAST_DAY = (
    Mistake(code="G4", happens=_applied_after_the_sync, shares=False),
    Mistake(code="G11", happens=_row_missing_tonight, shares=False),
    Mistake(code="G9", happens=_preference_turned_on, is_on_account=True),
)
