"""Mistakes around posting, and client credits given in BigTime: further ones than the demonstration tells.

Source: facts/field.md §8, groups A, B and D.
"""

from datetime import timedelta
from decimal import Decimal

from connectors.sandbox.story_mistakes import Corrected, Mistake, NextDay, Outcome, planted, planted_on_account
from connectors.sandbox.story_office import Bill, Engagement, Office

_NOTHING = Decimal(0)


def two_of_one_client(office: Office, bill: Bill, *, least: int = 600) -> tuple[Bill, Bill] | None:
    """Two untouched invoices of one client, reserved in the place of `bill`; None when no client has two."""
    office.reserved.discard(bill.number)
    bills = office.untouched_bills(least=least)
    pairs = [(one, two) for one in bills for two in bills if one.engagement == two.engagement and one.sid != two.sid]
    if not pairs:
        return None
    one, two = office.chance.choice(pairs)
    return office.reserve(one), office.reserve(two)


def _backdated_credit(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    day = bill.written_on - timedelta(days=office.chance.randint(1, 4))
    office.world.bigtime.apply_account_credit(bill.sid, amount, on=day)
    words = f"A client credit of {amount:,.2f} was applied in BigTime to {bill.number}, long posted, and dated {day}"
    return planted(office, bill, words, code="A1", amount=amount, claim=-amount)


def _credit_taken_back(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    payment = office.world.bigtime.apply_account_credit(bill.sid, amount, on=office.today)
    words = f"A client credit of {amount:,.2f} was applied in BigTime to {bill.number}, long posted"
    mistakes = planted(office, bill, words, code="A1", amount=amount, claim=-amount)

    def taken_back() -> Outcome:
        office.world.bigtime.delete_payment(payment)
        again = f"The client credit of {amount:,.2f} on {bill.number} was taken back in BigTime"
        office.say(again)
        return (Corrected(mistake=mistakes[0], day=office.today, words=again),)

    return (*mistakes, NextDay(taken_back))


def _posted_net(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    office.world.bigtime.apply_account_credit(bill.sid, amount, on=office.today)
    office.say(f"A client credit of {amount:,.2f} was applied in BigTime to {bill.number}, not posted yet")

    def posted() -> Outcome:
        office.post(bill, net_of_credits=True)
        words = f"{bill.number} went to QuickBooks net of its credit of {amount:,.2f}"
        return planted(office, bill, words, code="A3", amount=amount, claim=_NOTHING)

    return (NextDay(posted),)


def _credit_on_void_twin(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    office.world.quickbooks.void_invoice(bill.twin)
    office.say(f"{bill.number} was voided in QuickBooks, with nothing on it")

    def credited() -> Outcome:
        office.world.bigtime.apply_account_credit(bill.sid, amount, on=office.today)
        words = f"A client credit of {amount:,.2f} was applied in BigTime to {bill.number}, void in QuickBooks"
        return planted(office, bill, words, code="A7", amount=amount, claim=None)

    return (NextDay(credited),)


def _credited_twice(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    office.world.bigtime.apply_account_credit(bill.sid, amount, on=office.today)
    words = f"A client credit of {amount:,.2f} was applied in BigTime to {bill.number}, long posted"
    first = planted(office, bill, words, code="A1", amount=amount, claim=-amount)

    def again() -> Outcome:
        office.world.bigtime.apply_account_credit(bill.sid, amount, on=office.today)
        words = f"The client credit of {amount:,.2f} was applied in BigTime to {bill.number} a second time"
        return planted(office, bill, words, code="B1", amount=amount, claim=-amount)

    return (*first, NextDay(again))


def _spent_twice(office: Office, bill: Bill) -> Outcome | None:
    pair = two_of_one_client(office, bill)
    if pair is None:
        return None
    one, two = pair
    amount = min(office.part(one, 20), two.amount)
    office.credit(one, amount, memo_amount=amount + amount // 3)
    office.world.bigtime.apply_account_credit(two.sid, amount, on=office.today)
    words = f"{amount:,.2f} of the credit that QuickBooks put on {one.number} was given in BigTime on {two.number}"
    return planted(office, two, words, code="B4", amount=amount, claim=-amount)


def _posted_twice(office: Office, bill: Bill) -> Outcome:
    office.world.post(bill.sid)
    words = f"{bill.number} was posted to QuickBooks a second time under its number"
    return planted(office, bill, words, code="B6", amount=bill.amount, claim=None)


def _posted_again_with_suffix(office: Office, bill: Bill) -> Outcome:
    number = bill.number + office.chance.choice((".1", "-2", "R"))
    books = office.world.quickbooks
    books.create_invoice(office.customer(bill), number, bill.amount, on=bill.written_on)
    words = f"{bill.number} was imported into QuickBooks a second time, as {number}"
    return planted(office, bill, words, code="B6", amount=bill.amount, claim=_NOTHING, others=(number,))


def _new_bill(office: Office, engagement: Engagement, amount: Decimal, *, tax: Decimal = _NOTHING) -> Bill:
    """An invoice written now in BigTime and not yet in QuickBooks, that only this mistake knows."""
    number = office.next_number("INV")
    sid = office.world.bigtime.add_invoice(office.client_sid(engagement), number, amount, on=office.today, tax=tax)
    return Bill(number=number, sid=sid, engagement=engagement, amount=amount, written_on=office.today)


def _post_by_hand(office: Office, bill: Bill, customer: str, amount: Decimal) -> None:
    """Enter an invoice in QuickBooks by hand, with the amount given and without tax, and say that it is posted."""
    twin = office.world.quickbooks.create_invoice(customer, bill.number, amount, on=office.today)
    office.world.link_twin(bill.sid, twin)
    office.world.bigtime.set_posted(bill.sid)


def _posted_to_duplicate_customer(office: Office, bill: Bill) -> Outcome:
    name = office.next_number("Client")
    engagement = office.take_on(name)
    mine = _new_bill(office, engagement, bill.amount)
    duplicate = office.world.quickbooks.add_customer(f"{name} (new)")
    _post_by_hand(office, mine, duplicate, mine.amount)
    words = f"{mine.number} was posted to a duplicate of its customer in QuickBooks"
    return planted(office, mine, words, code="D3", amount=mine.amount, claim=_NOTHING)


def _posted_in_other_currency(office: Office, bill: Bill) -> Outcome:
    name = office.next_number("Client")
    customer = office.world.quickbooks.add_customer(name, currency="EUR")
    engagement = office.take_on(name, customer=customer)
    mine = _new_bill(office, engagement, bill.amount)
    amount = (bill.amount * 92 / 100).quantize(Decimal("0.01"))
    _post_by_hand(office, mine, customer, amount)
    words = f"{mine.number} over {bill.amount:,.2f} was posted to QuickBooks converted, as {amount:,.2f} euros"
    return planted(office, mine, words, code="D5", amount=bill.amount - amount, claim=bill.amount - amount)


def _posted_without_tax(office: Office, bill: Bill) -> Outcome:
    tax = (bill.amount / 11).quantize(Decimal("0.01"))
    mine = _new_bill(office, bill.engagement, bill.amount, tax=tax)
    _post_by_hand(office, mine, office.customer(bill), bill.amount - tax)
    words = f"{mine.number} was entered in QuickBooks without its tax of {tax:,.2f}"
    return planted(office, mine, words, code="D6", amount=tax, claim=tax)


def _memo_entered_twice(office: Office, bill: Bill) -> Outcome:
    """The same credit memo entered twice, minutes apart, neither of them applied."""
    amount, customer = office.part(bill), office.customer(bill)
    for _ in range(2):
        office.world.quickbooks.create_credit_memo(customer, office.next_number("CM"), amount, on=office.today)
        office.clock.advance(minutes=2)
    words = f"A credit memo over {amount:,.2f} for {bill.engagement.client} was entered twice in QuickBooks"
    return planted_on_account(office, customer, words, code="B3", amount=amount)


MISTAKES_OF_POSTING = (
    Mistake(code="A1", happens=_backdated_credit),
    Mistake(code="A1", happens=_credit_taken_back),
    Mistake(code="A3", happens=_posted_net, is_fresh=True),
    Mistake(code="A7", happens=_credit_on_void_twin, shares=False),
    Mistake(code="B1", happens=_credited_twice),
    Mistake(code="B3", happens=_memo_entered_twice, is_on_account=True),
    Mistake(code="B4", happens=_spent_twice, shares=False),
    Mistake(code="B6", happens=_posted_twice, shares=False),
    Mistake(code="B6", happens=_posted_again_with_suffix, shares=False),
    Mistake(code="D3", happens=_posted_to_duplicate_customer, is_on_account=True),
    Mistake(code="D5", happens=_posted_in_other_currency, is_on_account=True),
    Mistake(code="D6", happens=_posted_without_tax, is_on_account=True),
)
