"""The vendor's own libraries, unmodified, against the simulated QuickBooks Online.

Only addresses are set: the discovery document's for intuit-oauth, the API's origin for python-quickbooks.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError
from quickbooks import QuickBooks
from quickbooks.batch import batch_create
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import (
    AuthorizationException,
    ObjectNotFoundException,
    QuickbooksException,
    ValidationException,
)
from quickbooks.objects import Account, CreditMemo, Customer, Invoice, JournalEntry, Payment, Preferences
from quickbooks.objects.base import LinkedTxn, Ref
from quickbooks.objects.company_info import CompanyInfo
from quickbooks.objects.detailline import SalesItemLine, SalesItemLineDetail
from quickbooks.objects.payment import PaymentLine

from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.quickbooks import QuickBooksServer, serve
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches
from connectors.sandbox.quickbooks_tokens import CLIENT_ID, CLIENT_SECRET

START = datetime(2026, 11, 2, 17, 0, 0, tzinfo=UTC)
DAY = date(2026, 10, 1)
CALLBACK = "http://127.0.0.1:1/callback"


class World:
    """A served company with the vendor's clients connected to it."""

    def __init__(self, switches: QuickBooksSwitches | None = None) -> None:
        self.clock = SimulatedClock(START)
        self.ledger = QuickBooksLedger(self.clock, switches=switches)
        self.server: QuickBooksServer = serve(self.ledger)

    def auth_client(self, **given: str) -> AuthClient:
        return AuthClient(CLIENT_ID, CLIENT_SECRET, CALLBACK, self.server.discovery_url, **given)

    def quickbooks(self, *, access_token: str | None = None, realm_id: str | None = None) -> QuickBooks:
        token = access_token or self.server.tokens.connect().access_token
        with self.auth_client(access_token=token) as auth:
            client = QuickBooks(auth_client=auth, company_id=realm_id or self.ledger.realm_id, minorversion=75)
        client.api_url_v3 = f"{self.server.url}/v3"
        return client


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    # oauthlib refuses plain HTTP otherwise; the simulator is on loopback.
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    made = World()
    with made.server:
        yield made
    assert made.server.crashes == []
    assert made.ledger.check_identities() == []


@pytest.fixture
def qb(world: World) -> Iterator[QuickBooks]:
    client = world.quickbooks()
    yield client
    client.session.close()


def consent(auth: AuthClient) -> dict[str, str]:
    """Do what the browser does: follow the authorization address and read the redirect."""
    reply = requests.get(auth.get_authorization_url([Scopes.ACCOUNTING]), allow_redirects=False, timeout=5)
    assert reply.status_code == 302
    return dict(parse_qsl(urlsplit(reply.headers["Location"]).query))


def test_a_consent_gives_a_code_that_is_exchanged_once(world: World) -> None:
    with world.auth_client(state_token="state-1") as auth:
        answer = consent(auth)
        assert (answer["state"], answer["realmId"]) == ("state-1", world.ledger.realm_id)
        auth.get_bearer_token(answer["code"], realm_id=answer["realmId"])
        assert (auth.expires_in, auth.x_refresh_token_expires_in) == (3600, 8_726_400)
        assert world.server.tokens.realm_of(auth.access_token) == world.ledger.realm_id
        with pytest.raises(AuthClientError) as refusal:
            auth.get_bearer_token(answer["code"])
    assert refusal.value.status_code == 400
    assert b'"invalid_grant"' in refusal.value.content
    assert refusal.value.intuit_tid.startswith("1-sim-")


def test_a_refresh_token_keeps_its_value_for_a_day_and_then_the_old_one_dies(world: World) -> None:
    first = world.server.tokens.connect()
    with world.auth_client(refresh_token=first.refresh_token) as auth:
        world.clock.advance(hours=23)
        auth.refresh()
        assert auth.refresh_token == first.refresh_token
        assert auth.access_token != first.access_token
        world.clock.advance(hours=2)
        auth.refresh()
        assert auth.refresh_token != first.refresh_token
        with pytest.raises(AuthClientError, match="invalid_grant"):
            auth.refresh(refresh_token=first.refresh_token)
        auth.refresh()


def test_a_revoked_connection_neither_reads_nor_refreshes(world: World) -> None:
    tokens = world.server.tokens.connect()
    client = world.quickbooks(access_token=tokens.access_token)
    with world.auth_client(refresh_token=tokens.refresh_token) as auth:
        assert auth.revoke()
        with pytest.raises(AuthClientError, match="invalid_grant"):
            auth.refresh()
    with client.session, pytest.raises(AuthorizationException) as refusal:
        Customer.all(qb=client)
    assert '"fault"' in refusal.value.detail


def test_an_access_token_ends_after_an_hour(world: World, qb: QuickBooks) -> None:
    assert Customer.all(qb=qb) == []
    world.clock.advance(seconds=3600)
    with pytest.raises(AuthorizationException):
        Customer.all(qb=qb)


def test_a_token_of_another_company_is_refused_with_3100(world: World) -> None:
    client = world.quickbooks(realm_id="1")
    with client.session, pytest.raises(ValidationException) as refusal:
        Customer.all(qb=client)
    assert refusal.value.error_code == 3100


def filled(world: World) -> SimpleNamespace:
    """Three customers; the first has an invoice of 205 that a memo of 150 pays in part."""
    books = world.ledger
    acme, other = books.add_customer("Acme"), books.add_customer("O'Hara \\ Sons")
    gone = books.add_customer("Gone")
    books.deactivate_customer(gone)
    invoice = books.create_invoice(acme, "INV-101", "205.00", on=DAY, tax="5")
    world.clock.advance(seconds=40)
    second = books.create_invoice(other, "INV-102", "85.50", on=DAY + timedelta(days=1))
    memo = books.create_credit_memo(acme, "CM-7", "150", on=DAY)
    zero = books.apply_credit(memo, invoice, "100", on=DAY, auto=True)
    return SimpleNamespace(acme=acme, other=other, gone=gone, invoice=invoice, second=second, memo=memo, zero=zero)


def test_the_library_lists_filters_counts_and_reads(world: World, qb: QuickBooks) -> None:
    made = filled(world)
    assert [row.DisplayName for row in Customer.all(qb=qb)] == ["Acme", "O'Hara \\ Sons"]
    assert [row.DisplayName for row in Customer.where("Active IN (true, false)", qb=qb)][1] == "Gone (deleted)"
    assert Customer.filter(Active=False, qb=qb)[0].Id == made.gone
    assert [row.Id for row in Invoice.filter(DocNumber="INV-102", qb=qb)] == [made.second]
    assert [row.Id for row in Invoice.where("Balance > '100'", order_by="TxnDate DESC", qb=qb)] == [made.invoice]
    assert Invoice.count(qb=qb) == 2
    assert Invoice.count("CustomerRef = '1'", qb=qb) == 1
    assert [row.Id for row in Invoice.choose([made.second, "99"], qb=qb)] == [made.second]
    assert Invoice.get(made.invoice, qb=qb).Balance == 105
    assert CreditMemo.get(made.memo, qb=qb).RemainingCredit == 50
    assert Account.filter(AccountType="Accounts Receivable", qb=qb)[0].Name == "Accounts Receivable (A/R)"
    assert world.server.unmodelled == []


def test_a_payment_that_links_a_credit_totals_zero_and_has_positive_lines(world: World, qb: QuickBooks) -> None:
    made = filled(world)
    payment = Payment.get(made.zero, qb=qb)
    assert (payment.TotalAmt, payment.UnappliedAmt) == (0, 0)
    assert payment.PrivateNote == "Created by QB Online to link credits to charges."
    lines = [(line.Amount, line.LinkedTxn[0].TxnType, line.LinkedTxn[0].TxnId) for line in payment.Line]
    assert lines == [(100, "Invoice", made.invoice), (100, "CreditMemo", made.memo)]


def test_transactions_come_latest_first_and_all_takes_a_hundred(world: World, qb: QuickBooks) -> None:
    customer = world.ledger.add_customer("Acme")
    for number in range(105):
        world.clock.advance(seconds=1)
        world.ledger.create_invoice(customer, f"INV-{number}", "10", on=DAY)
    rows = Invoice.all(qb=qb)
    assert [row.DocNumber for row in rows[:2]] == ["INV-104", "INV-103"]
    assert len(rows) == 100
    ordered = Invoice.all(order_by="MetaData.LastUpdatedTime ASC", start_position=3, max_results=2, qb=qb)
    assert [row.DocNumber for row in ordered] == ["INV-2", "INV-3"]


def test_change_data_capture_names_what_changed_and_what_was_deleted(world: World, qb: QuickBooks) -> None:
    made = filled(world)
    world.ledger.delete_invoice(made.second)
    found = change_data_capture([Invoice, Payment, CreditMemo, JournalEntry], "2026-11-02T00:00:00-08:00", qb=qb)
    assert [(row.Id, getattr(row, "status", "")) for row in found.Invoice] == [
        (made.invoice, ""),
        (made.second, "Deleted"),
    ]
    assert [row.Id for row in found.Payment] == [made.zero]
    assert not hasattr(found, "JournalEntry")


def test_the_library_creates_edits_voids_and_deletes_an_invoice(world: World, qb: QuickBooks) -> None:
    saved = new_invoice(qb, "120.50")
    assert (saved.TotalAmt, saved.Balance, saved.SyncToken) == (120.5, 120.5, "0")
    saved.Line = [sale_line(200)]
    edited = saved.save(qb=qb)
    assert (edited.TotalAmt, edited.SyncToken) == (200, "1")
    with pytest.raises(QuickbooksException) as stale:
        saved.save(qb=qb)
    assert stale.value.error_code == 5010
    edited.void(qb=qb)
    voided = Invoice.get(edited.Id, qb=qb)
    assert (voided.TotalAmt, voided.Balance, voided.PrivateNote) == (0, 0, "Voided")
    assert voided.delete(qb=qb)["Invoice"]["status"] == "Deleted"
    with pytest.raises(ObjectNotFoundException):
        Invoice.get(edited.Id, qb=qb)
    assert world.server.unmodelled == []


def test_the_library_receives_applies_voids_and_deletes_a_payment(world: World, qb: QuickBooks) -> None:
    invoice = new_invoice(qb, 100)
    memo = CreditMemo()
    memo.CustomerRef, memo.DocNumber, memo.TxnDate = invoice.CustomerRef, "CM-1", "2026-10-02"
    memo.Line = [sale_line(30)]
    memo = memo.save(qb=qb)
    payment = Payment()
    payment.CustomerRef, payment.TotalAmt, payment.TxnDate = invoice.CustomerRef, 50, "2026-10-03"
    payment.Line = [payment_line(invoice.Id, "Invoice", 70), payment_line(memo.Id, "CreditMemo", 30)]
    saved = payment.save(qb=qb)
    assert (saved.TotalAmt, saved.UnappliedAmt) == (50, 10)
    assert Invoice.get(invoice.Id, qb=qb).Balance == 30
    assert CreditMemo.get(memo.Id, qb=qb).RemainingCredit == 0
    saved.void(qb=qb)
    assert Invoice.get(invoice.Id, qb=qb).Balance == 100
    voided = Payment.get(saved.Id, qb=qb)
    assert (voided.TotalAmt, voided.Line, voided.PrivateNote) == (0, [], "Voided")
    voided.delete(qb=qb)
    CreditMemo.get(memo.Id, qb=qb).delete(qb=qb)
    assert (Payment.count(qb=qb), CreditMemo.count(qb=qb)) == (0, 0)


def test_a_request_id_writes_once(world: World, qb: QuickBooks) -> None:
    first, second = Customer(), Customer()
    first.DisplayName = second.DisplayName = "Acme"
    assert first.save(qb=qb, request_id="r-1").Id == second.save(qb=qb, request_id="r-1").Id
    third = Customer()
    third.DisplayName = "Acme"
    with pytest.raises(QuickbooksException) as duplicate:
        third.save(qb=qb, request_id="r-2")
    assert duplicate.value.error_code == 6240
    assert Customer.count(qb=qb) == 1


def test_preferences_and_company_are_readable(world: World, qb: QuickBooks) -> None:
    world.ledger.set_preferences(auto_apply_credit=True, book_close_on=date(2026, 9, 30))
    preferences = Preferences.get(qb=qb)
    assert preferences.SalesFormsPrefs.AutoApplyCredit is True
    assert preferences.AccountingInfoPrefs.BookCloseDate == "2026-09-30"
    assert qb.query("SELECT * FROM Preferences")["QueryResponse"]["Preferences"][0]["Id"] == "1"
    assert CompanyInfo.get(world.ledger.realm_id, qb=qb).CompanyName == "Simulated Company"


def test_what_is_not_modelled_is_refused_and_listed(world: World, qb: QuickBooks) -> None:
    customer = Customer()
    customer.DisplayName = "Acme"
    with pytest.raises(QuickbooksException, match="501"):
        batch_create([customer], qb=qb)
    with pytest.raises(QuickbooksException, match="501"):
        qb.query("SELECT * FROM Item")
    with pytest.raises(QuickbooksException, match="501"):
        qb.get_report("AgedReceivables")
    assert len(world.server.unmodelled) == 3
    assert "batch" in world.server.unmodelled[0]
    assert Customer.count(qb=qb) == 0


def new_invoice(qb: QuickBooks, amount: float | str) -> Invoice:
    customer = Customer()
    customer.DisplayName = "Acme"
    customer = customer.save(qb=qb)
    invoice = Invoice()
    invoice.CustomerRef = customer.to_ref()
    invoice.DocNumber, invoice.TxnDate = "INV-1", "2026-10-01"
    invoice.Line = [sale_line(float(amount))]
    return invoice.save(qb=qb)


def sale_line(amount: float) -> SalesItemLine:
    line = SalesItemLine()
    line.Amount, line.Description = amount, "Work"
    line.SalesItemLineDetail = SalesItemLineDetail()
    line.SalesItemLineDetail.ItemRef = Ref()
    line.SalesItemLineDetail.ItemRef.value = "1"
    return line


def payment_line(target_id: str, kind: str, amount: float) -> PaymentLine:
    line, linked = PaymentLine(), LinkedTxn()
    linked.TxnId, linked.TxnType = target_id, kind
    line.Amount, line.LinkedTxn = amount, [linked]
    return line
