"""What the lines of a scenario do in QuickBooks. One function a kind of line, listed at the end."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from connectors.sandbox.scenario import Step
from connectors.sandbox.stage import ClientIds, Stage


def _word(step: Step, index: int = 0) -> str:
    return str(step.values[index])


def _amount(step: Step, index: int) -> Decimal:
    return Decimal(str(step.values[index]))


def invoice(stage: Stage, step: Step) -> None:
    """An invoice that is made in QuickBooks and that BigTime never hears of."""
    on = stage.booked_on(step)
    stage.quickbooks_invoices[_word(step)] = stage.world.quickbooks.create_invoice(
        stage.customer_of(_word(step, 1)),
        _word(step),
        _amount(step, 2),
        on=on,
        due=step.day("due"),
        tax=step.amount("tax") or 0,
    )


def credit_memo(stage: Stage, step: Step) -> None:
    """A credit memo, applied to invoices when the line says so."""
    on = stage.booked_on(step)
    stage.client(_word(step, 1), step.text("<currency>"))
    memo = stage.world.quickbooks.create_credit_memo(
        stage.customer_of(_word(step, 1)), _word(step), _amount(step, 2), on=on, tax=step.amount("tax") or 0
    )
    stage.credit_memos[_word(step)] = memo
    for invoice_number, *amount in step.all_of("applied"):
        part = Decimal(str(amount[0])) if amount else _amount(step, 2)
        stage.world.quickbooks.apply_credit(memo, stage.quickbooks_invoice(str(invoice_number)), part, on=on)


def payment(stage: Stage, step: Step) -> None:
    """Money received, put on invoices together with credits when the line says so."""
    on = stage.booked_on(step)
    stage.client(_word(step, 1), step.text("<currency>"))
    credits_used = {stage.credit_memo(str(name)): Decimal(str(part)) for name, part in step.all_of("using")}
    whole = _amount(step, 2) + sum(credits_used.values(), Decimal(0))
    applied = {
        stage.quickbooks_invoice(str(number)): Decimal(str(part[0])) if part else whole
        for number, *part in step.all_of("applied")
    }
    stage.payments[_word(step)] = stage.world.quickbooks.receive_payment(
        stage.customer_of(_word(step, 1)),
        _amount(step, 2),
        on=on,
        apply=applied,
        credits=credits_used,
        reference="" if step.has("unreferenced") else _word(step),
        method=step.text("method") or "",
    )


def apply_source(stage: Stage, step: Step) -> None:
    """Put a credit memo, a journal credit, or what is left of a payment, on an invoice."""
    on = stage.booked_on(step)
    source, target, part = _word(step), stage.quickbooks_invoice(_word(step, 1)), _amount(step, 2)
    books = stage.world.quickbooks
    if source in stage.credit_memos or source in stage.entries:
        credit = stage.entries[source] if source in stage.entries else stage.credit_memo(source)
        books.apply_credit(credit, target, part, on=on, auto=step.has("automatically"))
    else:
        books.apply_payment(stage.payment(source), target, part)


def unapply(stage: Stage, step: Step) -> None:
    """Take a credit memo or a payment off an invoice."""
    stage.booked_on(step)
    source, number = _word(step), _word(step, 1)
    is_credit = source in stage.credit_memos
    payment_id = stage.link_payment(source, number) if is_credit else stage.payment(source)
    stage.world.quickbooks.unapply(payment_id, stage.quickbooks_invoice(number))


def void_invoice(stage: Stage, step: Step) -> None:
    """Void an invoice: what was applied to it goes back to the client."""
    stage.booked_on(step)
    stage.world.quickbooks.void_invoice(stage.quickbooks_invoice(_word(step)))


def void_payment(stage: Stage, step: Step) -> None:
    """Void a payment."""
    stage.booked_on(step)
    stage.world.quickbooks.void_payment(stage.payment(_word(step)))


def void_credit_memo(stage: Stage, step: Step) -> None:
    """Void a credit memo."""
    stage.booked_on(step)
    stage.world.quickbooks.void_credit_memo(stage.credit_memo(_word(step)))


def delete_invoice(stage: Stage, step: Step) -> None:
    """Delete an invoice."""
    stage.booked_on(step)
    stage.world.quickbooks.delete_invoice(stage.quickbooks_invoice(_word(step)))


def delete_payment(stage: Stage, step: Step) -> None:
    """Delete a payment."""
    stage.booked_on(step)
    stage.world.quickbooks.delete_payment(stage.payment(_word(step)))


def delete_credit_memo(stage: Stage, step: Step) -> None:
    """Delete a credit memo."""
    stage.booked_on(step)
    stage.world.quickbooks.delete_credit_memo(stage.credit_memo(_word(step)))


def edit_invoice(stage: Stage, step: Step) -> None:
    """Change an invoice in QuickBooks only."""
    stage.booked_on(step)
    owner = step.text("client")
    stage.world.quickbooks.edit_invoice(
        stage.quickbooks_invoice(_word(step)),
        amount=step.amount("amount"),
        number=step.text("number"),
        on=step.day("date"),
        due=step.day("due"),
        memo=step.text("memo"),
        customer_id=None if owner is None else stage.customer_of(owner),
    )


def edit_payment(stage: Stage, step: Step) -> None:
    """Change a payment."""
    stage.booked_on(step)
    stage.world.quickbooks.edit_payment(
        stage.payment(_word(step)),
        amount=step.amount("amount"),
        on=step.day("date"),
        reference=step.text("reference"),
        note=step.text("note"),
    )


def edit_credit_memo(stage: Stage, step: Step) -> None:
    """Change a credit memo."""
    stage.booked_on(step)
    memo = stage.credit_memo(_word(step))
    stage.world.quickbooks.edit_credit_memo(memo, amount=step.amount("amount"), on=step.day("date"))


def rename_client(stage: Stage, step: Step) -> None:
    """Give a customer another name in QuickBooks only."""
    stage.booked_on(step)
    stage.world.quickbooks.rename_customer(stage.customer_of(_word(step)), _word(step, 1))


def merge_client(stage: Stage, step: Step) -> None:
    """Merge a customer into another one: his transactions name the survivor from now on."""
    stage.booked_on(step)
    lost, survivor = stage.client(_word(step)), stage.customer_of(step.text("into") or "")
    stage.world.quickbooks.merge_customers(survivor, lost.quickbooks)
    stage.clients[_word(step)] = ClientIds(bigtime=lost.bigtime, quickbooks=survivor)


def deactivate_client(stage: Stage, step: Step) -> None:
    """Make a customer inactive in QuickBooks only."""
    stage.booked_on(step)
    stage.world.quickbooks.deactivate_customer(stage.customer_of(_word(step)))


def auto_apply(stage: Stage, step: Step) -> None:
    """Turn *Automatically apply credits* on or off."""
    stage.booked_on(step)
    stage.world.quickbooks.set_preferences(auto_apply_credit=_word(step) == "on")


def close_books(stage: Stage, step: Step) -> None:
    """Set the closing date."""
    stage.booked_on(step)
    closed = step.values[0]
    assert not isinstance(closed, str | Decimal)
    stage.world.quickbooks.set_preferences(book_close_on=closed)


def refund(stage: Stage, step: Step) -> None:
    """Pay a credit memo out with a cheque."""
    on = stage.booked_on(step)
    stage.world.quickbooks.refund_credit(stage.credit_memo(_word(step)), _amount(step, 1), on=on, method="Check")


def pay_client(stage: Stage, step: Step) -> None:
    """A cheque to the client on his receivable, linked to no credit."""
    on = stage.booked_on(step)
    stage.world.quickbooks.pay_customer(stage.customer_of(_word(step)), _amount(step, 1), on=on, method="Check")


def journal_entry(stage: Stage, step: Step) -> None:
    """An entry on the client's receivable, without any document."""
    on = stage.booked_on(step)
    side = _word(step, 2).title()
    other = "Credit" if side == "Debit" else "Debit"
    amount = _amount(step, 3)
    lines = [
        ("Accounts Receivable (A/R)", stage.customer_of(_word(step, 1)), side, amount),
        ("Bad Debts", None, other, amount),
    ]
    stage.entries[_word(step)] = stage.world.quickbooks.journal_entry(lines, on=on, number=_word(step))


QUICKBOOKS_LINES: Mapping[str, Callable[[Stage, Step], None]] = {
    "quickbooks invoice": invoice,
    "quickbooks credit memo": credit_memo,
    "quickbooks payment": payment,
    "quickbooks apply": apply_source,
    "quickbooks unapply": unapply,
    "quickbooks void invoice": void_invoice,
    "quickbooks void payment": void_payment,
    "quickbooks void credit memo": void_credit_memo,
    "quickbooks delete invoice": delete_invoice,
    "quickbooks delete payment": delete_payment,
    "quickbooks delete credit memo": delete_credit_memo,
    "quickbooks edit invoice": edit_invoice,
    "quickbooks edit payment": edit_payment,
    "quickbooks edit credit memo": edit_credit_memo,
    "quickbooks rename client": rename_client,
    "quickbooks merge client": merge_client,
    "quickbooks deactivate client": deactivate_client,
    "quickbooks auto-apply credits": auto_apply,
    "quickbooks close books": close_books,
    "quickbooks refund": refund,
    "quickbooks pay client": pay_client,
    "quickbooks journal entry": journal_entry,
}
