"""Mistakes with payments and credits once both systems have them: further ones than the demonstration tells.

Source: facts/field.md §8, groups B to F.
"""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from connectors.sandbox.story_mistakes import (
    Corrected,
    Mistake,
    NextDay,
    Outcome,
    PlantedMistake,
    link_of,
    planted,
    row_of,
)
from connectors.sandbox.story_mistakes_of_posting import two_of_one_client
from connectors.sandbox.story_office import Bill, Office

_NOTHING = Decimal(0)


def _a_month_before(day: date) -> date:
    """A day of the month before, and at least two days earlier."""
    return min(day.replace(day=1) - timedelta(days=1), day - timedelta(days=2))


def _money_pushed_twice(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill, 35)
    office.receive([bill], [amount])
    office.doubled_tonight.add(bill.sid)
    words = f"The payment of {amount:,.2f} on {bill.number} will arrive in BigTime twice"
    return planted(office, bill, words, code="B2", amount=amount, claim=-amount)


def _hidden_by_mark_as_paid(office: Office, bill: Bill) -> Outcome:
    office.receive([bill], [bill.amount])
    office.doubled_tonight.add(bill.sid)
    words = f"The payment of {bill.amount:,.2f} on {bill.number} will arrive in BigTime twice"
    echo = planted(office, bill, words, code="B2", amount=bill.amount, claim=-bill.amount)
    words = f"{bill.number} will show {-bill.amount:,.2f} in BigTime"
    below = planted(office, bill, words, code="F1", amount=bill.amount, claim=_NOTHING)

    def hidden() -> Outcome:
        office.world.bigtime.mark_paid(bill.sid)
        words = f"{bill.number} was marked as paid in BigTime, which hides the {-bill.amount:,.2f}"
        inflated = planted(office, bill, words, code="F2", amount=bill.amount, claim=bill.amount)
        return (Corrected(mistake=below[0], day=office.today, words=words), *inflated)

    return (*echo, *below, NextDay(hidden))


def _money_never_in_quickbooks(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill, 35)
    method = bill.engagement.method
    office.world.bigtime.add_payment(
        {bill.sid: amount}, method=method, on=office.today, number=office.next_number("CHK")
    )
    words = f"A payment of {amount:,.2f} for {bill.number} was entered in BigTime only"
    return planted(office, bill, words, code="C4", amount=amount, claim=-amount)


def _written_off(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    books = office.world.quickbooks
    lines: list[tuple[str, str | None, str, Decimal]] = [
        ("Bad Debts", None, "Debit", amount),
        ("Accounts Receivable (A/R)", office.customer(bill), "Credit", amount),
    ]
    entry = books.journal_entry(lines, on=office.today, number=office.next_number("WO"), note="write-off")
    books.apply_credit(entry, bill.twin, amount, on=office.today)
    office.lost_tonight.add(bill.sid)
    words = f"{amount:,.2f} of {bill.number} were written off in QuickBooks by a journal entry, and not in BigTime"
    return planted(office, bill, words, code="C8", amount=amount, claim=amount)


def _applied_automatically(office: Office, bill: Bill) -> Outcome | None:
    pair = two_of_one_client(office, bill)
    if pair is None:
        return None
    meant, taken = pair
    amount, books = min(office.part(meant), taken.amount), office.world.quickbooks
    memo = books.create_credit_memo(office.customer(meant), office.next_number("CM"), amount, on=office.today)
    books.apply_credit(memo, taken.twin, amount, on=office.today, auto=True)
    office.lost_tonight.add(taken.sid)
    office.world.bigtime.add_payment({meant.sid: amount}, method="Credit Memo", on=office.today)
    words = f"QuickBooks put a credit of {amount:,.2f} on {taken.number} by itself; BigTime has it on {meant.number}"
    return planted(office, meant, words, code="D2", amount=amount, claim=_NOTHING, others=(taken.number,))


def _dated_into_last_month(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    office.credit(bill, amount)
    office.world.push_back(bill.sid, amount, on=_a_month_before(office.today))
    words = f"The credit of {amount:,.2f} on {bill.number} arrived in BigTime with a date of last month"
    return planted(office, bill, words, code="D4", amount=amount, claim=_NOTHING)


def _arrived_in_parts(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    part = (amount / 3).quantize(Decimal("0.01"))
    office.credit(bill, amount)
    office.lost_tonight.add(bill.sid)
    for each in (part, amount - part):
        office.world.bigtime.add_payment({bill.sid: each}, method="Credit Memo", on=office.today)
    words = f"The credit of {amount:,.2f} on {bill.number} arrived in BigTime in two parts"
    return planted(office, bill, words, code="D8", amount=amount, claim=_NOTHING)


def _row_deleted(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill, 35)
    office.receive([bill], [amount])

    def deleted() -> Outcome:
        office.world.bigtime.delete_payment(row_of(office, bill, amount).payment_id)
        words = f"The payment of {amount:,.2f} on {bill.number} was deleted in BigTime, QuickBooks still has it"
        return planted(office, bill, words, code="E2", amount=amount, claim=amount)

    return (NextDay(deleted),)


def _gone_after_push(office: Office, bill: Bill, code: str, gone: Callable[[str], str]) -> Outcome:
    """A credit that reached BigTime and is then gone in QuickBooks; `gone` does it and says how."""
    amount = office.part(bill)
    memo = office.credit(bill, amount)

    def happens() -> Outcome:
        words = f"The credit of {amount:,.2f} on {bill.number} {gone(memo)} in QuickBooks; BigTime still has it"
        return planted(office, bill, words, code=code, amount=amount, claim=-amount)

    return (NextDay(happens),)


def _memo_deleted(office: Office, bill: Bill) -> Outcome:
    def gone(memo: str) -> str:
        office.world.quickbooks.delete_credit_memo(memo)
        return "was deleted"

    return _gone_after_push(office, bill, "E4", gone)


def _link_deleted(office: Office, bill: Bill) -> Outcome:
    def gone(memo: str) -> str:
        office.world.quickbooks.delete_payment(link_of(office, bill, memo))
        return "came loose with the payment that linked it, which was deleted"

    return _gone_after_push(office, bill, "E5", gone)


def _invoice_deleted(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill, 35)
    office.receive([bill], [amount])

    def deleted() -> Outcome:
        office.world.quickbooks.delete_invoice(bill.twin)
        words = f"{bill.number} was deleted in QuickBooks with a payment of {amount:,.2f} on it"
        return planted(office, bill, words, code="E6", amount=amount, claim=None)

    return (NextDay(deleted),)


def _raised_in_bigtime(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill)
    total = Decimal(office.world.bigtime.invoice(bill.sid).total_cents).scaleb(-2)
    office.world.bigtime.edit_invoice(bill.sid, amount=total + amount)
    words = f"{bill.number} was raised by {amount:,.2f} in BigTime after posting"
    return planted(office, bill, words, code="E1", amount=amount, claim=amount)


def _renumbered(office: Office, bill: Bill) -> Outcome:
    number = f"{bill.number}-OLD"
    office.world.quickbooks.edit_invoice(bill.twin, number=number)
    words = f"{bill.number} was given the number {number} in QuickBooks"
    amount = Decimal(str(office.world.quickbooks.read("Invoice", bill.twin)["TotalAmt"]))
    return planted(office, bill, words, code="E9", amount=amount, claim=_NOTHING, others=(number,))


def _payment_redated(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill, 35)
    payment, received_on = office.receive([bill], [amount]), office.today

    def redated() -> Outcome:
        day = _a_month_before(received_on)
        office.world.quickbooks.edit_payment(payment, on=day)
        words = f"The payment of {amount:,.2f} on {bill.number} was given the date {day} in QuickBooks"
        months = planted(office, bill, words, code="D4", amount=amount, claim=_NOTHING)
        return (*months, _on_account(office, bill, words, code="E9", amount=amount))

    return (NextDay(redated),)


def _on_account(office: Office, bill: Bill, words: str, *, code: str, amount: Decimal) -> PlantedMistake:
    return PlantedMistake(
        code=code,
        invoice="",
        amount=amount,
        claim=_NOTHING,
        day=office.today,
        words=words,
        customer=office.customer(bill),
    )


def _taken_off_and_put_back(office: Office, bill: Bill) -> Outcome:
    amount = office.part(bill, 35)
    payment = office.receive([bill], [amount])

    def taken_off() -> Outcome:
        office.world.quickbooks.unapply(payment, bill.twin)
        words = f"The payment of {amount:,.2f} came loose from {bill.number} in QuickBooks"
        mistakes = planted(office, bill, words, code="C6b", amount=amount, claim=-amount)

        def put_back() -> Outcome:
            office.world.quickbooks.apply_payment(payment, bill.twin, amount)
            words = f"The payment of {amount:,.2f} was put on {bill.number} again in QuickBooks"
            office.say(words)
            again = _on_account(office, bill, words, code="E11", amount=amount)
            return (Corrected(mistake=mistakes[0], day=office.today, words=words), again)

        return (*mistakes, NextDay(put_back))

    return (NextDay(taken_off),)


def _edited_in_closed_period(office: Office, bill: Bill) -> Outcome | None:
    del bill  # it happens to an invoice of long ago
    old = [each for each in office.bills.values() if each.number in office.long_ago and each.twin]
    if not old:
        return None
    chosen = office.chance.choice(sorted(old, key=lambda each: each.number))
    office.long_ago.discard(chosen.number)
    books, amount = office.world.quickbooks, office.part(chosen)
    closing = max(each.written_on for each in old)
    already = books.preferences.book_close_on is not None
    books.set_preferences(book_close_on=closing)
    news = () if already else (_of_company(office, "G9", f"The books were closed up to {closing}"),)

    def raised() -> Outcome:
        total = Decimal(str(books.read("Invoice", chosen.twin)["TotalAmt"]))
        books.edit_invoice(chosen.twin, amount=total + amount)
        words = f"{chosen.number} of {chosen.written_on} was raised by {amount:,.2f} after its period was closed"
        edited = planted(office, chosen, words, code="E7", amount=amount, claim=-amount)
        closed = planted(office, chosen, words, code="E8", amount=amount, claim=_NOTHING)
        return (*edited, *closed)

    return (*news, NextDay(raised))


def _of_company(office: Office, code: str, words: str) -> PlantedMistake:
    office.say(words)
    return PlantedMistake(code=code, invoice="", amount=_NOTHING, claim=_NOTHING, day=office.today, words=words)


def _unknown_word(office: Office, bill: Bill) -> Outcome:
    amount, word = office.part(bill), office.next_number("Lockbox")
    office.credit(bill, amount)
    office.world.push_back(bill.sid, amount, on=office.today, method=word)
    words = f"The credit of {amount:,.2f} on {bill.number} arrived in BigTime as {word!r}, a word nobody has configured"
    return (_of_company(office, "G5", words),)


MISTAKES_AFTER_SYNC = (
    Mistake(code="B2", happens=_money_pushed_twice),
    Mistake(code="F2", happens=_hidden_by_mark_as_paid, shares=False),
    Mistake(code="C4", happens=_money_never_in_quickbooks),
    Mistake(code="C8", happens=_written_off),
    Mistake(code="D2", happens=_applied_automatically, shares=False),
    Mistake(code="D4", happens=_dated_into_last_month),
    Mistake(code="D8", happens=_arrived_in_parts),
    Mistake(code="E2", happens=_row_deleted),
    Mistake(code="E4", happens=_memo_deleted),
    Mistake(code="E5", happens=_link_deleted),
    Mistake(code="E6", happens=_invoice_deleted, shares=False),
    Mistake(code="E1", happens=_raised_in_bigtime),
    Mistake(code="E9", happens=_renumbered),
    Mistake(code="E9", happens=_payment_redated),
    Mistake(code="E11", happens=_taken_off_and_put_back),
    Mistake(code="E8", happens=_edited_in_closed_period, is_on_account=True, shares=False),
    Mistake(code="G5", happens=_unknown_word),
)
