"""`tieout explain` on the credit ledger: why a client has a credit, what paid an invoice, and who may be meant."""

import json
from decimal import Decimal
from typing import Any

from tests.office import Office


def told(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["label"], row["amount"]) for row in rows]


def explained(office: Office, subject: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(office.run("explain", subject, "--format", "json").stdout)
    assert ("tieout.report/1", "explain") == (document["schema"], document["report"])
    return document


def prepaid(office: Office) -> str:
    """A client who paid 500.00 in advance and has used 110.00 of it."""
    acme = office.books.add_customer("Acme")
    payment = office.books.receive_payment(acme, "500", on=office.at("2026-09-10"), reference="4711")
    office.read()
    invoice = office.books.create_invoice(acme, "1001", "110", on=office.at("2026-10-05"))
    office.books.apply_payment(payment, invoice, "110")
    office.read()
    return acme


def test_why_does_this_client_have_a_credit_of_390(office: Office) -> None:
    prepaid(office)
    document = explained(office, "Acme")
    assert [
        ("2026-09-10: prepayment 4711 gave credit", "500.00"),
        ("2026-10-05: prepayment 4711 was used on 1001", "-110.00"),
        ("Credit of Acme in QuickBooks", "390.00"),
    ] == told(document["rows"])
    given, used, _ = document["rows"]
    assert ("prepayment", "500.00", "390.00") == (given["origin"], given["amount"], given["current"])
    assert [("payment", "invoice")] == [tuple(record["kind"] for record in used["records"])]
    assert all(record["version"].startswith("sha256:") for row in (given, used) for record in row["records"])
    table = office.run("explain", "acme").stdout
    assert "Acme has a credit of 390.00 USD, because:" in table
    assert "390.00" in table
    assert max(map(len, table.splitlines())) <= 100


def posted(office: Office) -> tuple[str, str]:
    """An invoice of 1,000.00 that is in both systems: BigTime's id and QuickBooks'."""
    client = office.world.add_client("Borealis")
    ours = office.world.bigtime.add_invoice(client, "INV-7", "1000.00", on=office.at("2026-09-05"))
    return ours, office.world.post(ours)


def test_the_occasions_stand_before_the_waterfall_and_add_up_to_the_credit(office: Office) -> None:
    ours, twin = posted(office)
    customer = office.world.customer_of(office.world.bigtime.invoice(ours).client_id)
    memo = office.books.create_credit_memo(customer, "CM-1", "300", on=office.at("2026-09-08"))
    office.books.apply_credit(memo, twin, "120", on=office.at("2026-09-08"))
    office.world.sync()
    office.read()
    document = explained(office, "Borealis")
    assert [
        ("credit", "2026-09-08: credit memo CM-1 gave credit", "300.00"),
        ("credit", "2026-09-08: credit memo CM-1 was used on INV-7", "-120.00"),
        ("credit", "Credit of Borealis in QuickBooks", "180.00"),
        ("tie_out", "Balance in BigTime", "880.00"),
        ("tie_out", "Balance in QuickBooks", "880.00"),
    ] == [(row["section"], row["label"], row["amount"]) for row in document["rows"]]
    assert ["Borealis has a credit of 180.00 USD, because:"] == document["answer"][:1]


def test_an_invoice_is_explained_from_what_it_is_for_to_what_is_open(office: Office) -> None:
    ours, twin = posted(office)
    customer = office.world.customer_of(office.world.bigtime.invoice(ours).client_id)
    paid = office.books.receive_payment(
        customer, "700", on=office.at("2026-09-06"), reference="CHK-1", apply={twin: "400"}
    )
    office.read()
    memo = office.books.create_credit_memo(customer, "CM-1", "300", on=office.at("2026-09-08"))
    office.books.apply_credit(memo, twin, "120", on=office.at("2026-09-08"))
    office.at("2026-09-20")
    office.books.apply_payment(paid, twin, "100")
    office.world.sync()
    office.read()
    document = explained(office, "INV-7")
    assert [
        ("Invoice INV-7", "1000.00"),
        ("2026-09-08: credit memo CM-1 was used", "-120.00"),
        ("2026-09-20: overpayment CHK-1 was used", "-100.00"),
        ("2026-09-06: payment CHK-1", "-400.00"),
        ("Open in QuickBooks", "380.00"),
    ] == told(document["settled"])
    amounts = [Decimal(row["amount"]) for row in document["settled"]]
    assert sum(amounts[:-1]) == amounts[-1]
    assert {"tie_out"} == {row["section"] for row in document["rows"]}


def test_an_invoice_that_is_only_in_quickbooks_and_a_client_without_credit_are_explained(office: Office) -> None:
    prepaid(office)
    assert [
        ("Invoice 1001", "110.00"),
        ("2026-10-05: prepayment 4711 was used", "-110.00"),
        ("Open in QuickBooks", "0.00"),
    ] == told(explained(office, "1001")["settled"])
    office.books.add_customer("Cobalt")
    office.at("2026-10-08")  # customers are read once a day
    office.read()
    document = explained(office, "Cobalt")
    assert ([], ["Cobalt never had a credit in QuickBooks."]) == (document["rows"], document["answer"])


def test_a_name_that_nobody_has_is_answered_with_names_that_are_near(office: Office) -> None:
    prepaid(office)
    said = office.run("explain", "Acmee", code=2)
    assert "no invoice or client is called 'Acmee': did you mean 'Acme'?" in said.stderr
