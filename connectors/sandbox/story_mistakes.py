"""Mistakes that people make between the two systems, each told as a small story over one day or two.

A mistake knows its cause and the money, never how anybody would find it. Some need a night between their two
halves, so that the first half reaches BigTime: those answer with what happens the next working day.
Source: facts/field.md §8; facts/bigtime.md §2.3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connectors.sandbox.bigtime_ledger import PaymentRow, cents
from connectors.sandbox.story_office import Bill, Office

_CENT = Decimal("0.01")
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedMistake:
    """What a worker should find: the code, the invoice, the money at stake, and from which day on.

    `claim` is the part of BigTime − QuickBooks that the mistake makes; None where the two cannot be compared any
    more (the twin is void). `others` are further invoices that it concerns. A mistake on a client's account rather
    than on an invoice has `invoice` "" and the QuickBooks `customer`; one on the whole company has neither.
    """

    code: str
    invoice: str
    amount: Decimal
    claim: Decimal | None
    day: date
    words: str
    others: tuple[str, ...] = ()
    customer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """Somebody has put a mistake right: a worker should have found it before, and not speak of it any more."""

    mistake: PlantedMistake
    day: date
    words: str


@dataclass(frozen=True, slots=True)
class NextDay:
    """The second half of a mistake, for the next working day."""

    happens: "Callable[[], Outcome]"


Outcome = tuple[PlantedMistake | Corrected | NextDay, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One kind of mistake.

    It happens to an invoice of at least `least`, to one written for it (`is_fresh`), or on the account of the client
    of an invoice that it leaves alone (`is_on_account`). `shares`: it leaves the invoice in a state in which further
    mistakes can happen to it and be told apart; `ends`: it can come to an invoice that has one, and ends that.
    """

    code: str
    happens: Callable[[Office, Bill], Outcome | None]
    least: int = 600
    is_fresh: bool = False
    is_on_account: bool = False
    shares: bool = True
    ends: bool = False

    def begin(self, office: Office) -> Outcome | None:
        """Let it happen today; None when the office has no invoice for it now, and nothing has happened."""
        if self.is_fresh:
            engagement = office.chance.choice([bill.engagement for bill in office.bills.values()])
            return self.happens(office, office.reserve(office.write(engagement)))
        if self.is_on_account:
            posted = [bill for bill in office.bills.values() if bill.twin]
            return self.happens(office, office.chance.choice(posted)) if posted else None
        bills = office.untouched_bills(least=self.least)
        return self.happens(office, office.reserve(office.chance.choice(bills))) if bills else None


def planted(
    office: Office,
    bill: Bill,
    words: str,
    *,
    code: str,
    amount: Decimal,
    claim: Decimal | None,
    others: tuple[str, ...] = (),
) -> tuple[PlantedMistake]:
    """Say what went wrong on an invoice, and note it."""
    office.say(words)
    return (
        PlantedMistake(
            code=code, invoice=bill.number, amount=amount, claim=claim, day=office.today, words=words, others=others
        ),
    )


def planted_on_account(
    office: Office, customer: str, words: str, *, code: str, amount: Decimal
) -> tuple[PlantedMistake]:
    """Say what went wrong on a client's account, and note it; it is part of no invoice's difference."""
    office.say(words)
    return (
        PlantedMistake(
            code=code, invoice="", amount=amount, claim=_NOTHING, day=office.today, words=words, customer=customer
        ),
    )


def _credited_after_posting(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    office.world.bigtime.apply_account_credit(bill.sid, amount, on=office.today)
    words = f"A client credit of {amount:,.2f} was applied in BigTime to {bill.number}, long posted"
    return planted(office, bill, words, code="A1", amount=amount, claim=-amount)


def _posted_gross(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    office.world.bigtime.apply_account_credit(bill.sid, amount, on=office.today)
    office.say(f"A client credit of {amount:,.2f} was applied in BigTime to {bill.number}, not posted yet")

    def posted() -> Outcome:
        office.post(bill)
        words = f"{bill.number} went to QuickBooks in full, without its credit of {amount:,.2f}"
        return planted(office, bill, words, code="A2", amount=amount, claim=-amount)

    return (NextDay(posted),)


def _credited_in_both(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    office.credit(bill, amount)
    office.world.bigtime.apply_account_credit(bill.sid, amount, on=office.today)
    words = f"The credit of {amount:,.2f} on {bill.number} was also applied in BigTime"
    return planted(office, bill, words, code="A4", amount=amount, claim=-amount)


def _credited_below_zero(office: Office, bill: Bill) -> Outcome:
    office.credit(bill, bill.amount)
    office.world.bigtime.apply_account_credit(bill.sid, bill.amount, on=office.today)
    words = f"{bill.number} was credited in full in both systems: BigTime shows {-bill.amount:,.2f}"
    office.say(words)
    return tuple(
        PlantedMistake(code=code, invoice=bill.number, amount=bill.amount, claim=claim, day=office.today, words=words)
        for code, claim in (("A4", -bill.amount), ("F1", _NOTHING))
    )


def _marked_as_paid(office: Office, bill: Bill) -> Outcome:
    due = Decimal(office.world.bigtime.invoice(bill.sid).due_cents).scaleb(-2)
    office.world.bigtime.mark_paid(bill.sid)
    words = f"{bill.number} was marked as paid in BigTime, with {due:,.2f} open"
    return planted(office, bill, words, code="A5", amount=due, claim=-due)


def _pushed_twice(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    office.credit(bill, amount)
    office.doubled_tonight.add(bill.sid)
    words = f"The credit of {amount:,.2f} on {bill.number} will arrive in BigTime twice"
    return planted(office, bill, words, code="B2", amount=amount, claim=-amount)


def _keyed_in_both(office: Office, bill: Bill) -> Outcome:
    amount, number = office.part(bill, 30), office.next_number("CHK")
    typed, method = number.removeprefix("CHK-"), bill.engagement.method
    office.world.bigtime.add_payment({bill.sid: amount}, method=method, on=office.today, number=typed)
    office.receive([bill], [amount], number=number)
    words = f"Payment {number} over {amount:,.2f} for {bill.number} was typed into BigTime and into QuickBooks"
    return planted(office, bill, words, code="B5", amount=amount, claim=-amount)


def _push_lost(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    office.credit(bill, amount)
    office.lost_tonight.add(bill.sid)
    words = f"The credit of {amount:,.2f} on {bill.number} will never reach BigTime"
    return planted(office, bill, words, code="C3", amount=amount, claim=amount)


def _payment_deleted(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill, 40)
    payment = office.receive([bill], [amount])

    def deleted() -> Outcome:
        office.world.quickbooks.delete_payment(payment)
        words = f"The payment of {amount:,.2f} on {bill.number} was deleted in QuickBooks, BigTime still has it"
        return planted(office, bill, words, code="C4", amount=amount, claim=-amount)

    return (NextDay(deleted),)


def _payment_unlinked(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill, 40)
    payment = office.receive([bill], [amount])

    def unlinked() -> Outcome:
        office.world.quickbooks.unapply(payment, bill.twin)
        words = f"The payment of {amount:,.2f} came loose from {bill.number} in QuickBooks, BigTime still has it"
        return planted(office, bill, words, code="C6b", amount=amount, claim=-amount)

    return (NextDay(unlinked),)


def _pushed_with_another_amount(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill) + 50
    office.credit(bill, amount)
    payment = office.world.push_back(bill.sid, amount, on=office.today)
    office.world.bigtime.edit_payment(payment, bill.sid, amount=amount - 50)
    words = f"The credit on {bill.number} is {amount:,.2f} in QuickBooks and {amount - 50:,.2f} in BigTime"
    return planted(office, bill, words, code="D1", amount=Decimal(50), claim=Decimal(50))


def _moved_to_another_invoice(office: Office, bill: Bill) -> Outcome | None:
    office.reserved.discard(bill.number)
    bills = office.untouched_bills(least=600)
    pairs = [(one, two) for one in bills for two in bills if one.engagement == two.engagement and one.sid < two.sid]
    if not pairs:
        return None
    bill, moved = (office.reserve(each) for each in office.chance.choice(pairs))
    amount = min(office.part(bill), moved.amount)
    memo = office.credit(bill, amount)
    office.world.push_back(bill.sid, amount, on=office.today)
    office.world.quickbooks.unapply(link_of(office, bill, memo), bill.twin)
    office.world.quickbooks.apply_credit(memo, moved.twin, amount, on=office.today)
    office.lost_tonight.add(moved.sid)
    words = f"The credit of {amount:,.2f} was moved in QuickBooks from {bill.number} to {moved.number}, not in BigTime"
    return planted(office, bill, words, code="D2", amount=amount, claim=_NOTHING, others=(moved.number,))


def _labelled_as_cheque(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    office.credit(bill, amount)
    office.world.push_back(bill.sid, amount, on=office.today, method="Check")
    words = f"The credit of {amount:,.2f} on {bill.number} arrived in BigTime as a cheque"
    return planted(office, bill, words, code="D7", amount=amount, claim=_NOTHING)


def _rounded(office: Office, bill: Bill) -> Outcome:
    twin = office.post(bill).twin
    office.world.quickbooks.edit_invoice(twin, amount=bill.amount - _CENT)
    words = f"{bill.number} differs by one cent of rounding"
    return planted(office, bill, words, code="D9", amount=_CENT, claim=_CENT)


def _lowered_in_bigtime(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    office.world.bigtime.edit_invoice(bill.sid, amount=bill.amount - amount)
    words = f"{bill.number} was lowered by {amount:,.2f} in BigTime after posting"
    return planted(office, bill, words, code="E1", amount=amount, claim=-amount)


def _payment_changed(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill, 40)
    office.receive([bill], [amount])

    def changed() -> Outcome:
        row = row_of(office, bill, amount)
        office.world.bigtime.edit_payment(row.payment_id, bill.sid, amount=amount + 75)
        words = f"The payment of {amount:,.2f} on {bill.number} was changed to {amount + 75:,.2f} in BigTime"
        return planted(office, bill, words, code="E2", amount=Decimal(75), claim=Decimal(-75))

    return (NextDay(changed),)


def _credit_memo_lowered(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill) + 80
    memo = office.credit(bill, amount, memo_amount=amount + 40)

    def lowered() -> Outcome:
        office.world.quickbooks.edit_credit_memo(memo, amount=amount - 60)
        words = f"The credit memo on {bill.number} was lowered by 100.00, below the {amount:,.2f} that were applied"
        return planted(office, bill, words, code="E3", amount=Decimal(60), claim=Decimal(-60))

    return (NextDay(lowered),)


def _credit_memo_voided(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    memo = office.credit(bill, amount)

    def voided() -> Outcome:
        office.world.quickbooks.void_credit_memo(memo)
        words = f"The credit memo of {amount:,.2f} on {bill.number} was voided in QuickBooks"
        return planted(office, bill, words, code="E4", amount=amount, claim=-amount)

    return (NextDay(voided),)


def _credit_taken_off(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    memo = office.credit(bill, amount)

    def taken_off() -> Outcome:
        office.world.quickbooks.unapply(link_of(office, bill, memo), bill.twin)
        words = f"The credit of {amount:,.2f} was taken off {bill.number} in QuickBooks without a trace"
        return planted(office, bill, words, code="E5", amount=amount, claim=-amount)

    return (NextDay(taken_off),)


def _invoice_voided(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    office.credit(bill, amount)

    def voided() -> Outcome:
        office.world.quickbooks.void_invoice(bill.twin)
        words = f"{bill.number} was voided in QuickBooks with a credit of {amount:,.2f} on it"
        return planted(office, bill, words, code="E6", amount=amount, claim=None)

    return (NextDay(voided),)


def _raised_in_quickbooks(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    office.world.quickbooks.edit_invoice(bill.twin, amount=bill.amount + amount)
    words = f"{bill.number} was raised by {amount:,.2f} in QuickBooks only"
    return planted(office, bill, words, code="E7", amount=amount, claim=-amount)


def row_of(office: Office, bill: Bill, amount: Decimal) -> PaymentRow:
    """The one row of this amount that BigTime has on the invoice."""
    (row,) = (each for each in office.world.bigtime.rows_on(bill.sid) if each.applied_cents == cents(amount))
    return row


def link_of(office: Office, bill: Bill, credit: str) -> str:
    """The one QuickBooks payment that ties this credit to this invoice."""
    wanted = {bill.twin, credit}
    (payment,) = (
        each
        for each in office.world.quickbooks.objects("Payment")
        if wanted <= {link["TxnId"] for line in each["Line"] for link in line["LinkedTxn"]}
    )
    return str(payment["Id"])


MISTAKES = (
    Mistake(code="A1", happens=_credited_after_posting),
    Mistake(code="A2", happens=_posted_gross, is_fresh=True),
    Mistake(code="A4", happens=_credited_in_both),
    Mistake(code="F1", happens=_credited_below_zero, least=0, shares=False),
    Mistake(code="A5", happens=_marked_as_paid, shares=False, ends=True),
    Mistake(code="B2", happens=_pushed_twice),
    Mistake(code="B5", happens=_keyed_in_both),
    Mistake(code="C3", happens=_push_lost),
    Mistake(code="C4", happens=_payment_deleted),
    Mistake(code="C6b", happens=_payment_unlinked),
    Mistake(code="D1", happens=_pushed_with_another_amount),
    Mistake(code="D2", happens=_moved_to_another_invoice, shares=False),
    Mistake(code="D7", happens=_labelled_as_cheque),
    Mistake(code="D9", happens=_rounded, is_fresh=True),
    Mistake(code="E1", happens=_lowered_in_bigtime),
    Mistake(code="E2", happens=_payment_changed),
    Mistake(code="E3", happens=_credit_memo_lowered),
    Mistake(code="E4", happens=_credit_memo_voided),
    Mistake(code="E5", happens=_credit_taken_off),
    Mistake(code="E6", happens=_invoice_voided, shares=False),
    Mistake(code="E7", happens=_raised_in_quickbooks),
)
