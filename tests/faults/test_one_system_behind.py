"""A half that has merely not been read yet is not missing: one system moves on while the other is read, or is down."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from connectors.sandbox.faults import FaultTable, Match, during, throttled
from tests.faults.installation import Installation, installed, must_be_right


@pytest.fixture
def quickbooks() -> FaultTable:
    return FaultTable()


@pytest.fixture
def bigtime() -> FaultTable:
    return FaultTable()


@pytest.fixture
def firm(tmp_path: Path, quickbooks: FaultTable, bigtime: FaultTable) -> Iterator[Installation]:
    with installed(tmp_path / "firm", quickbooks=quickbooks, bigtime=bigtime) as installation:
        yield installation


def _pay_and_push(firm: Installation, number: str = "CHK-2") -> None:
    """A payment of 100.00 is applied in QuickBooks and reaches BigTime at once."""
    world = firm.served.world
    (invoice_id,) = world.bigtime.invoices
    world.quickbooks.receive_payment(
        world.customer_of(world.bigtime.invoice(invoice_id).client_id),
        "100.00",
        on=date(2026, 3, 4),
        apply={world.twins_of(invoice_id)[0]: "100.00"},
        reference=number,
    )
    world.sync()


def test_a_payment_that_is_pushed_while_the_two_systems_are_read_is_no_finding(
    firm: Installation, bigtime: FaultTable
) -> None:
    bigtime.add(during(lambda: _pay_and_push(firm)), on=Match(path="/payment/history"))
    meanwhile = firm.reconcile()
    assert bigtime.pending == ()
    assert (1, ["A1"]) == (meanwhile.code, meanwhile.codes)
    assert meanwhile.document is not None
    assert ["0.00"] == [line["residual"] for line in meanwhile.document["tie_out"]]
    firm.clock.advance(minutes=15)
    must_be_right(firm.reconcile())


def test_what_bigtime_shows_while_quickbooks_is_down_waits_until_quickbooks_can_be_read(
    firm: Installation, quickbooks: FaultTable
) -> None:
    quickbooks.add(throttled(), on=Match(path="/v3/company"), times=None)
    down = firm.reconcile()
    assert (3, ["A1"]) == (down.code, [code for code in down.codes if code[0] != "G"])
    assert down.document is not None
    waiting = [found for found in down.document["findings"] if found["code"] == "G4"]
    assert [("-300.00", "cannot_tell")] == [(found["claim"], found["proof"]) for found in waiting]
    assert [("-500.00", "0.00")] == [(line["difference"], line["residual"]) for line in down.document["tie_out"]]
    assert 0 == firm.run("findings", "verify", waiting[0]["id"]).code
    quickbooks.clear()
    firm.clock.advance(hours=1)
    must_be_right(firm.reconcile())


def test_a_comparison_after_an_outage_still_knows_that_quickbooks_was_not_read(
    firm: Installation, quickbooks: FaultTable
) -> None:
    quickbooks.add(throttled(), on=Match(path="/v3/company"), times=None)
    firm.reconcile()
    again = firm.reconcile("--no-pull", "--full")
    assert (3, ["A1"]) == (again.code, [code for code in again.codes if code[0] != "G"])


def test_a_payment_that_only_bigtime_has_is_told_once_quickbooks_can_be_read(
    firm: Installation, quickbooks: FaultTable
) -> None:
    world = firm.served.world
    (invoice_id,) = world.bigtime.invoices
    world.bigtime.add_payment({invoice_id: "50.00"}, on=date(2026, 3, 4), method="Check", number="7")
    quickbooks.add(throttled(), on=Match(path="/v3/company"), times=None)
    assert "C4" not in firm.reconcile().codes
    quickbooks.clear()
    firm.clock.advance(hours=1)
    assert ["A1", "C4"] == firm.reconcile().codes
