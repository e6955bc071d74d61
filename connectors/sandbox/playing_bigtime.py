"""What the lines of a scenario do in BigTime. One function a kind of line, listed at the end."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from connectors.sandbox.scenario import Step
from connectors.sandbox.stage import Stage


def _word(step: Step, index: int = 0) -> str:
    return str(step.values[index])


def _amount(step: Step, index: int) -> Decimal:
    return Decimal(str(step.values[index]))


def client(stage: Stage, step: Step) -> None:
    """A client whose shown name differs from his name in the scenario, or who is in one system only."""
    parent = step.text("parent")
    stage.make_client(
        _word(step),
        _word(step, 1),
        only_in=step.text("only in") or "",
        parent_id=stage.customer_of(parent) if parent else None,
    )


def invoice(stage: Stage, step: Step) -> None:
    """An invoice written in BigTime, and posted when the line says so."""
    posted = step.day("posted")
    issued = step.day("issued") or posted or stage.today
    stage.go_to(issued)
    owner = stage.client(_word(step, 1), step.text("<currency>"))
    stage.invoices[_word(step)] = stage.world.bigtime.add_invoice(
        owner.bigtime,
        _word(step),
        _amount(step, 2),
        on=issued,
        due=step.day("due"),
        tax=step.amount("tax") or 0,
        draft=step.has("draft"),
    )
    if posted is not None:
        stage.go_to(posted)
        _post(stage, step)


def post(stage: Stage, step: Step) -> None:
    """Post an invoice to QuickBooks."""
    stage.booked_on(step)
    _post(stage, step)


def _post(stage: Stage, step: Step) -> None:
    number = step.text("as")
    sid = stage.invoice(_word(step))
    twin = stage.world.post(sid, net_of_credits=step.has("net"), number=number)
    if number is not None:
        stage.quickbooks_invoices[number] = twin


def pushed_back(stage: Stage, step: Step) -> None:
    """One application of QuickBooks arrives as a payment."""
    on = stage.booked_on(step)
    stage.world.push_back(stage.invoice(_word(step)), _amount(step, 1), on=on, method=step.text("method"))


def payment(stage: Stage, step: Step) -> None:
    """A payment that somebody types into BigTime; what the whole is beyond its parts becomes a client credit."""
    on = stage.booked_on(step)
    applied = {stage.invoice(_word(step, 1)): _amount(step, 2)}
    applied |= {stage.invoice(str(also)): Decimal(str(amount)) for also, amount in step.all_of("also")}
    stage.world.bigtime.add_payment(
        applied,
        method=_word(step),
        on=on,
        applied_on=step.day("applied on"),
        total=step.amount("whole"),
        number=step.text("number") or "",
    )


def edit_payment(stage: Stage, step: Step) -> None:
    """Change a payment row, found by its invoice and amount."""
    stage.booked_on(step)
    row = stage.payment_row(_word(step), _amount(step, 1))
    stage.world.bigtime.edit_payment(
        row.payment_id,
        row.invoice_id,
        amount=step.amount("amount"),
        on=step.day("date"),
        method=step.text("method"),
    )


def delete_payment(stage: Stage, step: Step) -> None:
    """Delete a payment row, found by its invoice and amount."""
    stage.booked_on(step)
    row = stage.payment_row(_word(step), _amount(step, 1))
    stage.world.bigtime.delete_payment(row.payment_id, row.invoice_id)


def edit_invoice(stage: Stage, step: Step) -> None:
    """Change an invoice in BigTime only."""
    stage.booked_on(step)
    stage.world.bigtime.edit_invoice(
        stage.invoice(_word(step)),
        amount=step.amount("amount"),
        tax=step.amount("tax"),
        number=step.text("number"),
        on=step.day("date"),
        note=step.text("note"),
    )


def delete_invoice(stage: Stage, step: Step) -> None:
    """Delete an invoice in BigTime only."""
    stage.booked_on(step)
    stage.world.bigtime.delete_invoice(stage.invoice(_word(step)))


def unpost(stage: Stage, step: Step) -> None:
    """Take a posting back."""
    stage.booked_on(step)
    stage.world.unpost(stage.invoice(_word(step)))


def send(stage: Stage, step: Step) -> None:
    """Mark an invoice as sent."""
    stage.world.bigtime.send_invoice(stage.invoice(_word(step)), on=stage.booked_on(step))


def mark_paid(stage: Stage, step: Step) -> None:
    """The bulk action *Mark as Paid*."""
    stage.booked_on(step)
    stage.world.bigtime.mark_paid(stage.invoice(_word(step)))


def unmark_paid(stage: Stage, step: Step) -> None:
    """Take *Mark as Paid* back."""
    stage.booked_on(step)
    stage.world.bigtime.unmark_paid(stage.invoice(_word(step)))


def posted_status(stage: Stage, step: Step) -> None:
    """Set `PostedStatus` to some word."""
    stage.booked_on(step)
    stage.world.bigtime.set_posted(stage.invoice(_word(step)), _word(step, 1))


def rename_client(stage: Stage, step: Step) -> None:
    """Give a client another name in BigTime only."""
    stage.booked_on(step)
    stage.world.bigtime.rename_client(stage.client(_word(step)).bigtime, _word(step, 1))


def deactivate_client(stage: Stage, step: Step) -> None:
    """Hide a client in BigTime only."""
    stage.booked_on(step)
    stage.world.bigtime.deactivate_client(stage.client(_word(step)).bigtime)


BIGTIME_LINES: Mapping[str, Callable[[Stage, Step], None]] = {
    "client": client,
    "invoice": invoice,
    "bigtime post": post,
    "bigtime unpost": unpost,
    "bigtime payment pushed back": pushed_back,
    "bigtime payment": payment,
    "bigtime edit payment": edit_payment,
    "bigtime delete payment": delete_payment,
    "bigtime edit invoice": edit_invoice,
    "bigtime delete invoice": delete_invoice,
    "bigtime send": send,
    "bigtime mark paid": mark_paid,
    "bigtime unmark paid": unmark_paid,
    "bigtime posted status": posted_status,
    "bigtime rename client": rename_client,
    "bigtime deactivate client": deactivate_client,
}
