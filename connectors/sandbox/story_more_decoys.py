"""Further things that look like mistakes and are none: what facts/field.md §8.2 lists beyond the demonstration's."""

from datetime import datetime, time, timedelta
from decimal import Decimal

from connectors.sandbox.bigtime_ledger import cents
from connectors.sandbox.story_decoys import Decoy, PlantedDecoy, free_bill, planted
from connectors.sandbox.story_mistakes import link_of
from connectors.sandbox.story_mistakes_of_posting import two_of_one_client
from connectors.sandbox.story_office import Bill, Engagement, Office

_CENT = Decimal("0.01")


def _pair(office: Office) -> tuple[Bill, Bill] | None:
    bill = free_bill(office)
    return None if bill is None else two_of_one_client(office, bill)


def monthly_credit(office: Office) -> PlantedDecoy | None:
    """The same credit as last month, on another invoice of the client."""
    pair = _pair(office)
    if pair is None:
        return None
    amount, books = office.part(pair[0]), office.world.quickbooks
    for bill, on in zip(pair, (office.today - timedelta(days=30), office.today), strict=True):
        memo = books.create_credit_memo(office.customer(bill), office.next_number("CM"), amount, on=on)
        books.apply_credit(memo, bill.twin, amount, on=on)
    words = f"The monthly credit of {amount:,.2f} was given again, on {pair[1].number}"
    return planted(office, "monthly credit", words, pair[0], others=(pair[1].number,))


def reversed_pair(office: Office) -> PlantedDecoy | None:
    """A payment typed into BigTime by mistake, and taken back by a second row."""
    bill = free_bill(office)
    if bill is None:
        return None
    amount, number = office.part(bill), office.next_number("CHK")
    for each in (amount, -amount):
        office.world.bigtime.add_payment({bill.sid: each}, method="Check", on=office.today, number=number)
    return planted(office, "reversed pair", f"{number} was entered for {bill.number} and taken back", bill)


def credit_applied_later(office: Office) -> PlantedDecoy | None:
    """A credit memo lies open for a day and is then applied, which makes a payment of nothing."""
    bill = free_bill(office)
    if bill is None:
        return None
    amount, books = office.part(bill), office.world.quickbooks
    memo = books.create_credit_memo(office.customer(bill), office.next_number("CM"), amount, on=office.today)
    office.promise(lambda: books.apply_credit(memo, bill.twin, amount, on=office.today))
    return planted(office, "link payment of nothing", f"A credit waits a day before it is put on {bill.number}", bill)


def mixed_over_two(office: Office) -> PlantedDecoy | None:
    """One payment of money and two credit memos over two invoices."""
    pair = _pair(office)
    if pair is None:
        return None
    one, two = pair
    books, customer = office.world.quickbooks, office.customer(one)
    parts = office.part(one), office.part(two)
    memos = {
        books.create_credit_memo(customer, office.next_number("CM"), part, on=office.today): part for part in parts
    }
    books.receive_payment(
        customer,
        one.amount + two.amount - sum(parts),
        on=office.today,
        apply={one.twin: one.amount, two.twin: two.amount},
        credits=memos,
        reference=office.next_number("CHK"),
    )
    words = f"{one.number} and {two.number} were paid together, with money and two credits"
    return planted(office, "money, two credits, two invoices", words, one, others=(two.number,))


def late_application(office: Office) -> PlantedDecoy | None:
    """An overpayment of weeks ago is put on an invoice of now; the payment keeps its date."""
    bill = free_bill(office)
    if bill is None:
        return None
    amount, on = office.part(bill), office.today - timedelta(days=21)
    books = office.world.quickbooks
    payment = books.receive_payment(office.customer(bill), amount, on=on, reference=office.next_number("CHK"))
    office.promise(lambda: books.apply_payment(payment, bill.twin, amount))
    return planted(office, "late application", f"An overpayment of {on} is put on {bill.number} tomorrow", bill)


def _new_bill(office: Office, engagement: Engagement, amount: Decimal, *, tax: Decimal = Decimal(0)) -> Bill:
    number = office.next_number("INV")
    sid = office.world.bigtime.add_invoice(office.client_sid(engagement), number, amount, on=office.today, tax=tax)
    twin = office.world.post(sid)
    return Bill(
        number=number,
        sid=sid,
        engagement=engagement,
        amount=amount,
        written_on=office.today,
        twin=twin,
        posted_on=office.today,
    )


def _new_job(office: Office) -> tuple[str, Engagement]:
    """A client whose QuickBooks customer is a job of another; the parent's id and the client."""
    parent = office.world.quickbooks.add_customer(office.next_number("Group"))
    name = office.next_number("Client")
    return parent, office.take_on(name, customer=office.world.quickbooks.add_customer(name, parent_id=parent))


def parent_pays_job(office: Office) -> PlantedDecoy:
    """The parent pays the invoice of one of its jobs."""
    parent, engagement = _new_job(office)
    bill = _new_bill(office, engagement, Decimal(office.chance.randint(10, 40) * 50))
    office.world.quickbooks.receive_payment(
        parent, bill.amount, on=office.today, apply={bill.twin: bill.amount}, reference=office.next_number("CHK")
    )
    return planted(office, "parent pays job", f"{bill.number} of a job was paid by its parent", bill)


def parent_credits_job(office: Office) -> PlantedDecoy:
    """A credit memo of the parent is put on the invoice of one of its jobs: bill with parent."""
    parent, engagement = _new_job(office)
    bill, books = _new_bill(office, engagement, Decimal(office.chance.randint(10, 40) * 50)), office.world.quickbooks
    memo = books.create_credit_memo(parent, office.next_number("CM"), bill.amount / 2, on=office.today)
    books.apply_credit(memo, bill.twin, bill.amount / 2, on=office.today)
    return planted(office, "bill with parent", f"{bill.number} of a job was credited from its parent's memo", bill)


def tax_in_both(office: Office) -> PlantedDecoy:
    """Invoice and credit both include their tax."""
    engagement = office.take_on(office.next_number("Client"))
    amount = Decimal(office.chance.randint(10, 40) * 110)
    bill, books = _new_bill(office, engagement, amount, tax=amount / 11), office.world.quickbooks
    customer = office.customer(bill)
    memo = books.create_credit_memo(customer, office.next_number("CM"), 110, on=office.today, tax=10)
    books.apply_credit(memo, bill.twin, 110, on=office.today)
    return planted(office, "tax in both", f"{bill.number} and its credit both include tax", bill)


def rounded_currency(office: Office) -> PlantedDecoy:
    """An invoice in euros that the two systems round differently, by one cent."""
    name = office.next_number("Client")
    customer = office.world.quickbooks.add_customer(name, currency="EUR")
    bill = _new_bill(office, office.take_on(name, customer=customer), Decimal(office.chance.randint(10, 40) * 50))
    office.world.quickbooks.edit_invoice(bill.twin, amount=bill.amount - _CENT)
    return planted(office, "rounded in another currency", f"{bill.number} in euros differs by one cent", bill)


def number_used_again(office: Office) -> PlantedDecoy | None:
    """An invoice and its supplement 9.1, each with its twin, and a credit on the second."""
    bill = free_bill(office)
    if bill is None:
        return None
    number, world = f"{bill.number}.1", office.world
    amount = bill.amount / 2 + 5
    sid = world.bigtime.add_invoice(office.client_sid(bill.engagement), number, amount, on=office.today)
    twin, books = world.post(sid), world.quickbooks
    memo = books.create_credit_memo(office.customer(bill), office.next_number("CM"), 45, on=office.today)
    books.apply_credit(memo, twin, 45, on=office.today)
    words = f"{number} is a supplement to {bill.number}, and has a credit of its own"
    return planted(office, "number with suffix", words, bill, others=(number,))


def midnight(office: Office) -> PlantedDecoy | None:
    """BigTime dates a credit a day later than QuickBooks: one of them had already begun the next day.

    Over the end of a month that is the picture of a credit booked in two months: then it is a mistake by definition,
    and no decoy.
    """
    bill, tomorrow = free_bill(office), office.today + timedelta(days=1)
    if bill is None or tomorrow.month != office.today.month:
        return None
    amount = office.part(bill)
    office.credit(bill, amount)
    office.world.push_back(bill.sid, amount, on=tomorrow)
    return planted(office, "midnight", f"The credit on {bill.number} has tomorrow's date in BigTime", bill)


def in_flight(office: Office) -> PlantedDecoy | None:
    """A credit is applied after tonight's sync: it comes over tomorrow."""
    bill = free_bill(office)
    if bill is None:
        return None
    amount = office.part(bill)
    office.after_sync.append(lambda: office.credit(bill, amount))
    return planted(office, "sync under way", f"A credit is put on {bill.number} after tonight's sync", bill)


def reapplied_at_once(office: Office) -> PlantedDecoy | None:
    """A credit is taken off and put back, with the same amount and date, before anybody syncs."""
    bill = free_bill(office)
    if bill is None:
        return None
    amount, books = office.part(bill), office.world.quickbooks
    memo, on = office.credit(bill, amount), office.today

    def again() -> None:
        books.unapply(link_of(office, bill, memo), bill.twin)
        books.apply_credit(memo, bill.twin, amount, on=on)

    office.promise(again)
    return planted(office, "taken off and put back", f"The credit on {bill.number} is applied anew tomorrow", bill)


def note_says_voided(office: Office) -> PlantedDecoy | None:
    """A note speaks of something voided; the payment is not."""
    bill = free_bill(office)
    if bill is None:
        return None
    amount, books = office.part(bill, 35), office.world.quickbooks
    payment = office.receive([bill], [amount])
    office.promise(lambda: books.edit_payment(payment, note="replaces the cheque that was Voided last week"))
    return planted(office, "note says voided", f"The note of the payment on {bill.number} says voided", bill)


def refund_of_one_of_two(office: Office) -> PlantedDecoy | None:
    """Two equal credits: one is applied, the other is paid out and linked to the refund."""
    bill = free_bill(office)
    if bill is None:
        return None
    amount, books, customer = office.part(bill), office.world.quickbooks, office.customer(bill)
    on = office.today - timedelta(days=5)
    memo = books.create_credit_memo(customer, office.next_number("CM"), amount, on=on)
    office.credit(bill, amount)
    office.promise(lambda: books.refund_credit(memo, amount, on=office.today))
    words = f"One of two credits of {amount:,.2f} is on {bill.number}, the other is paid out"
    return planted(office, "refund of one of two credits", words, bill)


def text_in_closed_period(office: Office) -> PlantedDecoy | None:
    """Somebody with the password corrects the text of an old invoice, not its money."""
    old = sorted(number for number in office.long_ago if office.bills[number].twin)
    if not old:
        return None
    bill = office.bills[office.chance.choice(old)]
    office.world.quickbooks.edit_invoice(bill.twin, memo=f"Corrected on {office.today}")
    return planted(office, "closed period", f"The memo of {bill.number} was corrected long after", bill)


def merged_customers(office: Office) -> PlantedDecoy:
    """Two customers are merged; everything that was applied is still applied."""
    survivor, loser = (office.take_on(office.next_number("Client")) for _ in range(2))
    bills = [_new_bill(office, each, Decimal(office.chance.randint(10, 40) * 50)) for each in (survivor, loser)]
    books = office.world.quickbooks
    memo = books.create_credit_memo(office.customer(bills[1]), office.next_number("CM"), 200, on=office.today)
    books.apply_credit(memo, bills[1].twin, 200, on=office.today)
    keep, drop = (office.customer(bill) for bill in bills)
    office.promise(lambda: books.merge_customers(keep, drop))
    words = f"{loser.client} is merged into {survivor.client} tomorrow, with a credit on {bills[1].number}"
    return planted(office, "merged customers", words, bills[0], others=(bills[1].number,))


def client_left(office: Office) -> PlantedDecoy:
    """A client pays and is then made inactive in both systems."""
    engagement = office.take_on(office.next_number("Client"))
    bill = _new_bill(office, engagement, Decimal(office.chance.randint(10, 40) * 50))
    office.receive([bill], [bill.amount])

    def left() -> None:
        office.world.bigtime.deactivate_client(office.client_sid(engagement))
        office.world.quickbooks.deactivate_customer(office.customer(bill))

    office.promise(left)
    return planted(office, "inactive client", f"{engagement.client} pays {bill.number} and is made inactive", bill)


def posted_again_corrected(office: Office) -> PlantedDecoy | None:
    """A posting is taken back, the invoice corrected in BigTime, and posted again."""
    bill = free_bill(office)
    if bill is None:
        return None
    world = office.world
    world.unpost(bill.sid)
    total = world.bigtime.invoice(bill.sid).total_cents - cents(office.part(bill))
    world.bigtime.edit_invoice(bill.sid, amount=Decimal(total).scaleb(-2))
    office.promise(lambda: world.post(bill.sid))
    return planted(office, "posted again", f"The posting of {bill.number} was taken back for a correction", bill)


def paid_near_midnight(office: Office) -> PlantedDecoy | None:
    """Money is entered at half past eleven at night, firm's time: another day by Greenwich."""
    bill = free_bill(office)
    if bill is None:
        return None
    amount = office.part(bill, 35)
    moment = datetime.combine(office.today + timedelta(days=1), time(3, 30), tzinfo=office.clock.now().tzinfo)

    def late() -> None:
        day = office.today
        office.clock.advance_to(moment)
        office.world.quickbooks.receive_payment(
            office.customer(bill), amount, on=day, apply={bill.twin: amount}, reference=office.next_number("CHK")
        )

    office.after_sync.append(late)
    return planted(office, "late at night", f"A payment for {bill.number} is entered late tonight", bill)


MORE_DECOYS: tuple[Decoy, ...] = (
    monthly_credit,
    reversed_pair,
    credit_applied_later,
    mixed_over_two,
    late_application,
    parent_pays_job,
    parent_credits_job,
    tax_in_both,
    rounded_currency,
    number_used_again,
    midnight,
    in_flight,
    reapplied_at_once,
    note_says_voided,
    refund_of_one_of_two,
    text_in_closed_period,
    merged_customers,
    client_left,
    posted_again_corrected,
    paid_near_midnight,
)
