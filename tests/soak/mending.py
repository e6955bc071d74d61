"""How people put a planted mistake right again, by its code. What was wrong must be gone from both systems after it."""

from collections.abc import Callable
from decimal import Decimal

from connectors.sandbox.bigtime_ledger import PaymentRow, cents
from connectors.sandbox.story_mistakes import PlantedMistake
from connectors.sandbox.story_office import Bill, Office

Mend = Callable[[Office, Bill, PlantedMistake], None]


def _rows(office: Office, bill: Bill, amount: Decimal) -> list[PaymentRow]:
    return [row for row in office.world.bigtime.rows_on(bill.sid) if row.applied_cents == cents(amount)]


def _take_row_away(office: Office, bill: Bill, mistake: PlantedMistake) -> None:
    """Delete the newest row of the amount in BigTime: the extra one, or the one whose twin is gone."""
    row = _rows(office, bill, mistake.amount)[-1]
    office.world.bigtime.delete_payment(row.payment_id, bill.sid)


def _take_typed_row_away(office: Office, bill: Bill, mistake: PlantedMistake) -> None:
    row = _rows(office, bill, mistake.amount)[0]
    office.world.bigtime.delete_payment(row.payment_id, bill.sid)


def _take_account_credit_away(office: Office, bill: Bill, mistake: PlantedMistake) -> None:
    rows = [row for row in office.world.bigtime.rows_on(bill.sid) if row.method == "AccountCredit"]
    office.world.bigtime.delete_payment(rows[-1].payment_id, bill.sid)


def _enter_in_bigtime(office: Office, bill: Bill, mistake: PlantedMistake) -> None:
    label = office.world.bigtime.switches.pushed_credit_label
    office.world.bigtime.add_payment({bill.sid: mistake.amount}, method=label, on=mistake.day)


def _apply_again(office: Office, bill: Bill, mistake: PlantedMistake) -> None:
    """The money or the credit that came loose is put back on the invoice in QuickBooks."""
    books, customer = office.world.quickbooks, office.customer(bill)
    for payment in books.objects("Payment"):
        if payment["CustomerRef"]["value"] == customer and payment.get("UnappliedAmt") == mistake.amount:
            books.apply_payment(str(payment["Id"]), bill.twin, mistake.amount)
            return
    (memo,) = (
        each
        for each in books.objects("CreditMemo")
        if each["CustomerRef"]["value"] == customer and each["RemainingCredit"] == mistake.amount
    )
    books.apply_credit(str(memo["Id"]), bill.twin, mistake.amount, on=office.today)


def _correct_amount(office: Office, bill: Bill, mistake: PlantedMistake) -> None:
    """The one row on the invoice is brought to what QuickBooks has."""
    (row,) = office.world.bigtime.rows_on(bill.sid)
    assert mistake.claim is not None
    right = Decimal(row.applied_cents).scaleb(-2) + mistake.claim
    office.world.bigtime.edit_payment(row.payment_id, bill.sid, amount=right)


def _raise_in_bigtime(office: Office, bill: Bill, mistake: PlantedMistake) -> None:
    office.world.bigtime.edit_invoice(bill.sid, amount=bill.amount)


def _lower_in_quickbooks(office: Office, bill: Bill, mistake: PlantedMistake) -> None:
    office.world.quickbooks.edit_invoice(bill.twin, amount=bill.amount)


def _unmark(office: Office, bill: Bill, mistake: PlantedMistake) -> None:
    office.world.bigtime.unmark_paid(bill.sid)


MENDING: dict[str, Mend] = {
    "A1": _take_account_credit_away,
    "A4": _take_account_credit_away,
    "A5": _unmark,
    "B2": _take_row_away,
    "B5": _take_typed_row_away,
    "C3": _enter_in_bigtime,
    "C4": _take_row_away,
    "C6b": _apply_again,
    "D1": _correct_amount,
    "E1": _raise_in_bigtime,
    "E2": _correct_amount,
    "E4": _take_row_away,
    "E5": _apply_again,
    "E7": _lower_in_quickbooks,
}
