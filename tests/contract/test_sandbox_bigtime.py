"""The simulator of BigTime, over real HTTP: what is documented holds, and every unknown follows its switch."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import requests

from connectors.sandbox.bigtime import API_TOKEN, PASSWORD, PAYMENT_REPORT_ID, USER_ID, Staffer, serve
from connectors.sandbox.bigtime_ledger import BigTimeLedger
from connectors.sandbox.bigtime_switches import (
    Absent,
    BigTimeSwitches,
    Casing,
    Deleted,
    FilteredBy,
    InvoiceFilteredBy,
    Numbers,
    Spelling,
    Timestamp,
)
from connectors.sandbox.clock import SimulatedClock

MARCH = {"startDt": "2026-03-01", "endDt": "2026-03-31"}
MARCH_PAYMENTS = {"startDate": "2026-03-01", "endDate": "2026-03-31"}


class Firm:
    """A ledger with one client and one invoice, and a client of its API."""

    def __init__(self, switches: BigTimeSwitches | None = None) -> None:
        self.clock = SimulatedClock(datetime(2026, 3, 20, 15, tzinfo=UTC))
        self.ledger = BigTimeLedger(self.clock, switches=switches)
        self.acme = self.ledger.add_client("Acme", code="ACME", quickbooks_id="12")
        self.invoice = self.ledger.add_invoice(self.acme, "INV-101", "1000.50", on=date(2026, 3, 1))
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers.update(
            {"Accept": "application/json", "X-Auth-ApiToken": API_TOKEN, "X-Auth-Realm": self.ledger.firm}
        )
        self.staffers: tuple[Staffer, ...] = ()

    def __enter__(self) -> "Firm":
        self.server = serve(self.ledger, staffers=self.staffers)
        return self

    def __exit__(self, *unused: object) -> None:
        self.http.close()
        self.server.stop()

    def get(
        self, path: str, params: dict[str, str] | None = None, headers: dict[str, str | None] | None = None
    ) -> requests.Response:
        return self.http.get(f"{self.server.url}/BigtimeData/api/v2{path}", params=params, headers=headers, timeout=5)

    def post(self, path: str, body: object) -> requests.Response:
        return self.http.post(f"{self.server.url}/BigtimeData/api/v2{path}", json=body, timeout=5)

    def rows(self, path: str, params: dict[str, str] | None = None) -> list[dict[str, Any]]:
        reply = self.get(path, params)
        assert reply.status_code == 200, reply.text
        return msgspec.json.Decoder(list[dict[str, Any]], float_hook=Decimal).decode(reply.content)

    def payment_rows(self) -> list[dict[str, Any]]:
        return self.rows("/payment/history", MARCH_PAYMENTS)


@pytest.fixture
def firm() -> Iterator[Firm]:
    with Firm() as running:
        yield running
        assert [] == running.server.crashes


def switched(**switches: Any) -> Firm:
    return Firm(replace(BigTimeSwitches(), **switches))


def test_an_invoice_is_listed_with_total_paid_and_due(firm: Firm) -> None:
    firm.ledger.add_payment({firm.invoice: "400.25"}, method="Check", on=date(2026, 3, 5))
    (row,) = firm.rows("/invoice/history", MARCH)
    assert (9001, 301, "INV-101", "2026-03-01") == (row["Sid"], row["ClientSid"], row["InvoiceNbr"], row["InvoiceDt"])
    assert [Decimal("1000.5"), Decimal("400.25"), Decimal("600.25")] == [
        row["TotalAmt"],
        row["PaidAmt"],
        row["TotalAmtDue"],
    ]


def test_paths_do_not_care_about_case(firm: Firm) -> None:
    reply = firm.http.get(f"{firm.server.url}/BigTimeData/API/v2/Invoice/History", params=MARCH, timeout=5)
    assert 200 == reply.status_code


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/invoice/history", {}),
        ("/invoice/history", {"startDt": "2026-03-01"}),
        ("/invoice/history", MARCH_PAYMENTS),
        ("/payment/history", MARCH),
        ("/payment/history", {"startDate": "2026-03-01", "endDate": "31/03/2026"}),
    ],
)
def test_a_list_without_both_of_its_own_dates_is_400(firm: Firm, path: str, params: dict[str, str]) -> None:
    assert 400 == firm.get(path, params).status_code


def test_a_split_payment_repeats_its_total_on_each_row(firm: Firm) -> None:
    second = firm.ledger.add_invoice(firm.acme, "INV-102", 500, on=date(2026, 3, 2))
    firm.ledger.add_payment({firm.invoice: 1000, second: 500}, method="Check", on=date(2026, 3, 5), number="778")
    rows = firm.payment_rows()
    assert [(51001, 9001, 1000, 1500), (51001, 9002, 500, 1500)] == [
        (row["PaymentSid"], row["InvoiceSid"], row["AppliedAmount"], row["TotalAmount"]) for row in rows
    ]
    assert [("301", "7001", "0.50"), ("301", "7001", "0.00")] == [
        (row["ClientSid"], row["ProjectSid"], row["BalanceDue"]) for row in rows
    ]


def test_an_account_credit_sits_beside_cash_in_the_history(firm: Firm) -> None:
    firm.ledger.add_payment({firm.invoice: 100}, method="Check", on=date(2026, 3, 5))
    firm.ledger.apply_account_credit(firm.invoice, 200, on=date(2026, 3, 6))
    assert ["Check", "AccountCredit"] == [row["PaymentMethod"] for row in firm.payment_rows()]


def test_drafts_are_not_in_the_history_unless_the_switch_says_so(firm: Firm) -> None:
    firm.ledger.add_invoice(firm.acme, "INV-102", 5, on=date(2026, 3, 3), draft=True)
    assert ["INV-101"] == [row["InvoiceNbr"] for row in firm.rows("/invoice/history", MARCH)]
    assert ["INV-102"] == [row["InvoiceNbr"] for row in firm.rows("/invoice/drafts")]
    firm.ledger.switches = replace(firm.ledger.switches, drafts_in_history=True)
    assert ["INV-101", "INV-102"] == [row["InvoiceNbr"] for row in firm.rows("/invoice/history", MARCH)]


def test_a_session_opens_the_api_until_it_expires(firm: Firm) -> None:
    reply = firm.post("/session", {"UserId": USER_ID, "Pwd": PASSWORD}).json()
    assert {"firm", "staffsid", "userid", "token"} <= reply.keys()
    firm.http.headers.pop("X-Auth-ApiToken")
    firm.http.headers["X-Auth-Token"] = reply["token"]
    assert 200 == firm.get("/client").status_code
    firm.clock.advance(hours=24)
    assert 401 == firm.get("/client").status_code


def test_a_session_may_last_seven_days() -> None:
    with switched(session_hours=168) as firm:
        token = firm.post("/session", {"userid": USER_ID, "pwd": PASSWORD}).json()["token"]
        firm.http.headers.pop("X-Auth-ApiToken")
        firm.clock.advance(days=6)
        assert 200 == firm.get("/client", headers={"X-Auth-Token": token}).status_code


def test_a_wrong_password_key_or_realm_is_401(firm: Firm) -> None:
    assert 401 == firm.post("/session", {"UserId": USER_ID, "Pwd": "wrong"}).status_code
    assert 401 == firm.get("/client", headers={"X-Auth-ApiToken": "wrong"}).status_code
    assert 401 == firm.get("/client", headers={"X-Auth-Realm": "other-firm-0001"}).status_code
    assert 401 == firm.get("/client", headers={"X-Auth-Realm": None}).status_code


def test_the_thirty_first_call_of_a_minute_is_503_with_a_pause_and_a_page(firm: Firm) -> None:
    assert {200} == {firm.get("/client").status_code for _ in range(30)}
    firm.clock.advance(seconds=20)
    refused = firm.get("/client")
    assert (503, "40") == (refused.status_code, refused.headers["Retry-After"])
    assert refused.text.startswith("<!DOCTYPE html>")
    firm.clock.advance(seconds=40)
    assert 200 == firm.get("/client").status_code


def test_missing_rights_are_405_and_trimmed_lists_are_silent() -> None:
    firm = Firm()
    other = firm.ledger.add_client("Other")
    firm.ledger.add_invoice(other, "INV-9", 9, on=date(2026, 3, 3))
    firm.staffers = (
        Staffer(api_token="no-money", may_read_money=False),
        Staffer(api_token="one-client", visible_clients=frozenset({other})),
    )
    with firm:
        assert 405 == firm.get("/invoice/history", MARCH, headers={"X-Auth-ApiToken": "no-money"}).status_code
        trimmed = firm.get("/invoice/history", MARCH, headers={"X-Auth-ApiToken": "one-client"})
        assert ["INV-9"] == [row["InvoiceNbr"] for row in trimmed.json()]


def test_inactive_clients_are_hidden_unless_asked_for(firm: Firm) -> None:
    firm.ledger.deactivate_client(firm.acme)
    assert [] == firm.rows("/client")
    assert [True] == [row["IsInactive"] for row in firm.rows("/client", {"ShowInactive": "true"})]


def test_only_the_detailed_view_of_a_client_names_quickbooks(firm: Firm) -> None:
    assert "QBCustomerId" not in firm.rows("/client")[0]
    assert "QBCustomerId" not in firm.get("/client/detail/301").json()
    assert "12" == firm.get("/client/detail/301", {"View": "Detailed"}).json()["QBCustomerId"]
    assert 404 == firm.get("/client/detail/999").status_code


def test_an_invoice_has_lines_in_detail_only(firm: Firm) -> None:
    assert "Lines" not in firm.rows("/invoice/history", MARCH)[0]
    assert 1000.5 == firm.get("/invoice/detail/9001").json()["Lines"][0]["Amt"]
    assert 404 == firm.get("/invoice/detail/1").status_code


def test_projects_are_listed_with_the_key_of_their_client(firm: Firm) -> None:
    assert [(7001, 301)] == [(row["SystemId"], row["ClientId"]) for row in firm.rows("/project")]
    assert "12" == firm.get("/project/detail/7001", {"View": "Detailed"}).json()["QBCustomerId"]


def test_a_report_is_positional_with_a_field_list(firm: Firm) -> None:
    firm.ledger.apply_account_credit(firm.invoice, 200, on=date(2026, 3, 6))
    body = {"DT_BEGIN": "2026-03-01", "DT_END": "2026-03-31"}
    reply = firm.post(f"/report/data/{PAYMENT_REPORT_ID}", body).json()
    names = [field["FieldNm"] for field in reply["FieldList"]]
    assert "AccountCredit" == reply["Data"][0][names.index("pypaymenttype")]
    assert reply == firm.get(f"/report/data/{PAYMENT_REPORT_ID}").json()


def test_what_is_not_modelled_is_refused_with_501_and_listed(firm: Firm) -> None:
    assert 501 == firm.get("/invoice/pdf").status_code
    assert 501 == firm.post("/invoice/detail/9001", {"TotalAmt": 1}).status_code
    assert 501 == firm.http.get(f"{firm.server.url}/api/v1/client", timeout=5).status_code
    assert 3 == len(firm.server.unmodelled)


def test_a_client_that_names_no_format_gets_xml(firm: Firm) -> None:
    assert firm.get("/client", headers={"Accept": "*/*"}).text.startswith("<?xml")


@pytest.mark.parametrize(
    ("style", "written"),
    [
        (Timestamp.DATE, "2026-03-05"),
        (Timestamp.SECONDS, "2026-03-05T00:00:00"),
        (Timestamp.FRACTION, "2026-03-05T00:00:00.0000000"),
        (Timestamp.ZULU, "2026-03-05T00:00:00Z"),
        (Timestamp.OFFSET, "2026-03-05T00:00:00-05:00"),
        (Timestamp.MILLISECONDS, "/Date(1772668800000)/"),
    ],
)
def test_dates_of_payments_are_written_as_switched(style: Timestamp, written: str) -> None:
    with switched(payment_timestamp=style) as firm:
        firm.ledger.add_payment({firm.invoice: 1}, method="Check", on=date(2026, 3, 5))
        assert written == firm.payment_rows()[0]["PaidDate"]


@pytest.mark.parametrize(
    ("numbers", "written"),
    [
        (Numbers.NUMBER, Decimal("1000.5")),
        (Numbers.STRING, "1000.50"),
        (Numbers.GROUPED, "1,000.50"),
        (Numbers.DOLLARS, "$1,000.50"),
    ],
)
def test_amounts_are_written_as_switched(numbers: Numbers, written: object) -> None:
    with switched(numbers=numbers) as firm:
        assert written == firm.rows("/invoice/history", MARCH)[0]["TotalAmt"]


def test_none_is_written_as_switched() -> None:
    written = {}
    for absent in Absent:
        with switched(absent=absent) as firm:
            firm.ledger.add_payment({firm.invoice: 1}, method="Check", on=date(2026, 3, 5))
            row = firm.payment_rows()[0]
            written[absent] = (row.get("WalletTransactionSid", "no key"), row.get("DepositDate", "no key"))
    assert {
        Absent.NULL: (None, None),
        Absent.MISSING: ("no key", "no key"),
        Absent.EMPTY: ("", ""),
        Absent.ZERO: (0, None),
    } == written


def test_keys_are_cased_as_switched() -> None:
    for casing, key in ((Casing.PASCAL, "InvoiceNbr"), (Casing.CAMEL, "invoiceNbr"), (Casing.LOWER, "invoicenbr")):
        with switched(casing=casing) as firm:
            assert key in firm.rows("/invoice/history", MARCH)[0]


def test_the_date_that_filters_is_switched() -> None:
    for filtered_by, count in ((FilteredBy.PAID, 0), (FilteredBy.APPLIED, 1)):
        with switched(payments_filtered_by=filtered_by) as firm:
            firm.ledger.add_payment(
                {firm.invoice: 1}, method="Check", on=date(2026, 2, 27), applied_on=date(2026, 3, 2)
            )
            assert count == len(firm.payment_rows())
    for invoices_by, count in ((InvoiceFilteredBy.ISSUED, 1), (InvoiceFilteredBy.SENT, 0)):
        with switched(invoices_filtered_by=invoices_by) as firm:
            firm.ledger.send_invoice(firm.invoice, on=date(2026, 4, 2))
            assert count == len(firm.rows("/invoice/history", MARCH))


def test_the_words_are_switched() -> None:
    with switched(spelling=Spelling.SPACED, posted_word="Exported", not_posted_word="Open") as firm:
        firm.ledger.apply_account_credit(firm.invoice, 1, on=date(2026, 3, 5))
        assert "Account Credit" == firm.payment_rows()[0]["PaymentMethod"]
        assert "Open" == firm.rows("/invoice/history", MARCH)[0]["PostedStatus"]
        firm.ledger.set_posted(firm.invoice)
        assert "Exported" == firm.rows("/invoice/history", MARCH)[0]["PostedStatus"]
        assert ["Open", "Exported"] == [row["Name"] for row in firm.rows("/picklist/FieldValues/InvoicePostTypes")]


def test_a_deleted_payment_vanishes_or_is_taken_back_by_a_second_row() -> None:
    seen = {}
    for deleted in Deleted:
        with switched(deleted_payment=deleted) as firm:
            payment = firm.ledger.add_payment({firm.invoice: 100}, method="Check", on=date(2026, 3, 5))
            firm.ledger.delete_payment(payment)
            seen[deleted] = [row["AppliedAmount"] for row in firm.payment_rows()]
            assert [] == firm.ledger.check_identities()
    assert {Deleted.VANISHES: [], Deleted.NEGATIVE_ROW: [100, -100]} == seen


def test_a_capped_list_is_cut_without_a_word() -> None:
    with switched(row_cap=1) as firm:
        firm.ledger.add_invoice(firm.acme, "INV-102", 5, on=date(2026, 3, 3))
        assert ["INV-101"] == [row["InvoiceNbr"] for row in firm.rows("/invoice/history", MARCH)]


def test_an_invoice_marked_as_paid_shows_nothing_due_and_no_payment(firm: Firm) -> None:
    firm.ledger.mark_paid(firm.invoice)
    row = firm.rows("/invoice/history", MARCH)[0]
    assert (True, 0, 0, "Paid/Closed") == (row["IsPaid"], row["TotalAmtDue"], row["PaidAmt"], row["StatusTxt"])
    assert [] == firm.payment_rows()


def test_a_reimported_invoice_may_get_another_sid() -> None:
    for changes, sid in ((False, 9002), (True, 9003)):
        with switched(sid_changes_on_reimport=changes) as firm:
            imported = firm.ledger.add_invoice(firm.acme, "QB-5", 50, on=date(2026, 3, 4), imported=True)
            firm.ledger.add_payment({imported: 20}, method="Check", on=date(2026, 3, 5))
            firm.ledger.reimport_invoice(imported)
            assert [9001, sid] == [row["Sid"] for row in firm.rows("/invoice/history", MARCH)]
            assert [sid] == [row["InvoiceSid"] for row in firm.payment_rows()]
            assert [] == firm.ledger.check_identities()


def test_a_rejected_wallet_payment_pays_nothing_and_says_why(firm: Firm) -> None:
    payment = firm.ledger.add_wallet_payment(firm.invoice, 300, on=date(2026, 3, 5))
    assert "Pending" == firm.payment_rows()[0]["PaymentSettlementStatus"]
    firm.ledger.settle_wallet_payment(payment, "Rejected", reason="R01 insufficient funds")
    row = firm.payment_rows()[0]
    assert ("Rejected", "R01 insufficient funds", 0) == (
        row["PaymentSettlementStatus"],
        row["PaymentSettlementStatusMsg"],
        row["AppliedAmount"],
    )
