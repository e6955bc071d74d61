"""BigTime's ledger refuses what its screens would not offer, and its own proof sees what is wrong."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from connectors.sandbox.bigtime_ledger import BigTimeLedger, LedgerRefused
from connectors.sandbox.bigtime_switches import Deleted
from connectors.sandbox.clock import SimulatedClock

TODAY = date(2026, 3, 5)


@pytest.fixture
def ledger() -> BigTimeLedger:
    made = BigTimeLedger(SimulatedClock(datetime(2026, 3, 5, 15, tzinfo=UTC)))
    made.add_invoice(made.add_client("Acme"), "INV-1", 1000, on=TODAY)
    return made


def test_what_is_due_follows_every_operation(ledger: BigTimeLedger) -> None:
    (sid,) = ledger.invoices
    payment = ledger.add_payment({sid: 400}, method="Check", on=TODAY)
    dues = [ledger.invoice(sid).due_cents]
    ledger.edit_payment(payment, sid, amount=450)
    dues.append(ledger.invoice(sid).due_cents)
    ledger.edit_invoice(sid, amount=900)
    dues.append(ledger.invoice(sid).due_cents)
    ledger.delete_payment(payment)
    dues.append(ledger.invoice(sid).due_cents)
    assert [60_000, 55_000, 45_000, 90_000] == dues
    assert [] == ledger.check_identities()


def test_a_payment_that_a_negative_row_took_back_cannot_be_edited(ledger: BigTimeLedger) -> None:
    ledger.switches = replace(ledger.switches, deleted_payment=Deleted.NEGATIVE_ROW)
    (sid,) = ledger.invoices
    payment = ledger.add_payment({sid: 400}, method="Check", on=TODAY)
    ledger.edit_payment(payment, sid, amount=300)
    ledger.delete_payment(payment)
    with pytest.raises(LedgerRefused, match="deleted"):
        ledger.edit_payment(payment, sid, amount=250)
    assert 100_000 == ledger.invoice(sid).due_cents
    assert [] == ledger.check_identities()


def test_a_balance_that_does_not_follow_is_seen(ledger: BigTimeLedger) -> None:
    (sid,) = ledger.invoices
    ledger.add_payment({sid: 400}, method="Check", on=TODAY)
    ledger.invoices[sid] = replace(ledger.invoices[sid], due_cents=1)
    assert ["I5: invoice INV-1: 1 due, 40000 of 100000 paid"] == ledger.check_identities()


def test_a_payment_that_gives_more_than_it_has_is_seen(ledger: BigTimeLedger) -> None:
    (sid,) = ledger.invoices
    ledger.add_payment({sid: 400}, method="Check", on=TODAY, total=300)
    assert ["payment 51001 has 40000 applied of 30000"] == ledger.check_identities()


def test_deleting_an_invoice_takes_its_rows_along(ledger: BigTimeLedger) -> None:
    (sid,) = ledger.invoices
    ledger.add_payment({sid: 400}, method="Check", on=TODAY)
    ledger.delete_invoice(sid)
    assert ((), []) == (ledger.rows, ledger.check_identities())


def test_an_edit_changes_the_total_on_every_row_of_the_payment(ledger: BigTimeLedger) -> None:
    (first,) = ledger.invoices
    second = ledger.add_invoice(next(iter(ledger.clients)), "INV-2", 500, on=TODAY)
    payment = ledger.add_payment({first: 400, second: 100}, method="Check", on=TODAY)
    ledger.edit_payment(payment, second, amount=150)
    assert [(40_000, 55_000), (15_000, 55_000)] == [
        (row.applied_cents, row.total_cents) for row in ledger.rows_of(payment)
    ]


def test_what_the_screens_do_not_offer_is_refused(ledger: BigTimeLedger) -> None:
    (sid,) = ledger.invoices
    with pytest.raises(LedgerRefused, match="at least one invoice"):
        ledger.add_payment({}, method="Check", on=TODAY)
    with pytest.raises(LedgerRefused, match="no invoice with Sid 1"):
        ledger.mark_paid("1")
    with pytest.raises(LedgerRefused, match="no client with id 1"):
        ledger.add_invoice("1", "INV-9", 1, on=TODAY)
    with pytest.raises(LedgerRefused, match="re-import skips it"):
        ledger.reimport_invoice(sid)
    with pytest.raises(LedgerRefused, match="has nothing on invoice"):
        ledger.delete_payment("51001", sid)


def test_marking_as_paid_can_be_taken_back(ledger: BigTimeLedger) -> None:
    (sid,) = ledger.invoices
    ledger.mark_paid(sid)
    ledger.unmark_paid(sid)
    assert (False, 100_000) == (ledger.invoice(sid).marked_paid, ledger.invoice(sid).due_cents)
