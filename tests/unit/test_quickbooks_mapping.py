"""Promises of the mapping from QuickBooks records to the shared model."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.model import (
    Client,
    Content,
    CreditMemo,
    Entry,
    Invoice,
    Kind,
    LineTarget,
    Payment,
    PaymentLine,
    Preferences,
    ReceivableLine,
    RefundReceipt,
    encode_content,
)
from mappings.problems import Problem
from mappings.quickbooks import (
    AUTO_LINK_NOTE,
    ENTITY_NAMES,
    KINDS_BY_ENTITY,
    MappedRecord,
    content_from_quickbooks,
    identity_of,
)

LINE_EX = {
    "any": [
        {
            "name": "{http://schema.intuit.com/finance/v3}NameValue",
            "value": {"Name": "txnOpenBalance", "Value": "100.00"},
        }
    ]
}
# Recorded in a QuickBooks sandbox: a credit memo applied to an invoice.
LINK_PAYMENT: dict[str, Any] = {
    "CustomerRef": {"value": "1", "name": "Amy's Bird Sanctuary"},
    "TotalAmt": 0,
    "UnappliedAmt": 0,
    "ProcessPayment": False,
    "domain": "QBO",
    "sparse": False,
    "Id": "74",
    "SyncToken": "1",
    "MetaData": {"CreateTime": "2026-04-07T12:51:28-07:00", "LastUpdatedTime": "2026-04-07T12:52:08-07:00"},
    "TxnDate": "2026-03-22",
    "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
    "PrivateNote": "Created by QB Online to link credits to charges.",
    "Line": [
        {"Amount": 100, "LinkedTxn": [{"TxnId": "71", "TxnType": "Invoice"}], "LineEx": LINE_EX},
        {"Amount": 100, "LinkedTxn": [{"TxnId": "73", "TxnType": "CreditMemo"}], "LineEx": LINE_EX},
    ],
}
META = {"CreateTime": "2026-04-07T12:51:28-07:00", "LastUpdatedTime": "2026-04-07T12:52:08-07:00"}
INVOICE: dict[str, Any] = {
    "Id": "71",
    "SyncToken": "2",
    "MetaData": META,
    "DocNumber": "1037",
    "TxnDate": "2026-04-07",
    "DueDate": "2026-05-07",
    "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
    "CustomerRef": {"value": "24", "name": "Sonnenschein Family Store"},
    "LinkedTxn": [{"TxnId": "74", "TxnType": "Payment"}],
    "Line": [
        {
            "Id": "1",
            "LineNum": 1,
            "Description": "Rock Fountain",
            "Amount": 275,
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {
                "ItemRef": {"value": "5", "name": "Rock Fountain"},
                "UnitPrice": 275,
                "Qty": 1,
                "TaxCodeRef": {"value": "TAX"},
            },
        },
        {"Amount": 335.25, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}},
    ],
    "TxnTaxDetail": {"TotalTax": 26.82},
    "TotalAmt": 362.07,
    "Balance": 100.5,
}


def read(kind: Kind, record: dict[str, Any]) -> Content:
    mapped = content_from_quickbooks(kind, json.dumps(record).encode())
    assert isinstance(mapped, MappedRecord), mapped
    assert mapped.content is not None
    return mapped.content


def refused(kind: Kind, raw: bytes) -> Problem:
    result = content_from_quickbooks(kind, raw)
    assert isinstance(result, Problem), result
    return result


def test_the_recorded_link_payment_keeps_both_lines_positive_and_is_no_void() -> None:
    assert read(Kind.PAYMENT, LINK_PAYMENT) == Payment(
        client_id="1",
        payment_id="74",
        currency="USD",
        total_minor=0,
        unapplied_minor=0,
        lines=(PaymentLine(LineTarget.INVOICE, "71", 10000), PaymentLine(LineTarget.CREDIT_MEMO, "73", 10000)),
        paid_on=date(2026, 3, 22),
        auto_linked=True,
        voided=False,
        revision="1",
        created_at=datetime(2026, 4, 7, 19, 51, 28, tzinfo=UTC),
        modified_at=datetime(2026, 4, 7, 19, 52, 8, tzinfo=UTC),
    )


def test_an_invoice_is_read_to_the_cent_and_in_utc() -> None:
    invoice = read(Kind.INVOICE, INVOICE)
    assert isinstance(invoice, Invoice)
    assert (36207, 10050, 2682) == (invoice.total_minor, invoice.balance_minor, invoice.tax_minor)
    assert ("24", "1037", "USD", "2") == (invoice.client_id, invoice.number, invoice.currency, invoice.revision)
    assert (date(2026, 4, 7), date(2026, 5, 7)) == (invoice.issued_on, invoice.due_on)
    assert datetime(2026, 4, 7, 19, 52, 8, tzinfo=UTC) == invoice.modified_at
    assert not invoice.voided


@pytest.mark.parametrize(("currency", "minor"), [("USD", 150000), ("JPY", 1500), ("KWD", 1500000)])
def test_an_amount_has_the_digits_of_its_currency(currency: str, minor: int) -> None:
    invoice = read(
        Kind.INVOICE,
        {**INVOICE, "CurrencyRef": {"value": currency}, "TotalAmt": 1500, "Balance": 0, "TxnTaxDetail": None},
    )
    assert isinstance(invoice, Invoice)
    assert minor == invoice.total_minor


def test_a_name_or_leaked_field_that_changes_does_not_change_the_content() -> None:
    renamed = json.loads(json.dumps({**INVOICE, "Payments": [1, {"x": None}]}).replace('Rock Fountain"}', 'Basalt"}'))
    renamed["CustomerRef"]["name"] = "Somebody Else"
    renamed["Line"][0]["LineEx"] = LINE_EX
    renamed["Line"][0]["Id"] = "7"
    assert encode_content(read(Kind.INVOICE, INVOICE)) == encode_content(read(Kind.INVOICE, renamed))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Amount", 276),
        ("Description", "Rock"),
        ("ItemRef", {"value": "6"}),
        ("Qty", 2),
        ("UnitPrice", 274.99),
        ("TaxCodeRef", {"value": "NON"}),
    ],
)
def test_an_edit_of_a_line_that_leaves_the_total_alone_is_seen(field: str, value: object) -> None:
    edited = json.loads(json.dumps(INVOICE))
    line = edited["Line"][0]
    (line if field in line else line["SalesItemLineDetail"])[field] = value
    before, after = read(Kind.INVOICE, INVOICE), read(Kind.INVOICE, edited)
    assert isinstance(before, Invoice)
    assert isinstance(after, Invoice)
    assert before.content_digest != after.content_digest


def test_an_edit_inside_a_bundle_is_seen() -> None:
    def bundle(amount: int) -> dict[str, Any]:
        detail = {"GroupItemRef": {"value": "9", "name": "x"}, "Line": [{"Amount": amount}]}
        return {**INVOICE, "Line": [{"DetailType": "GroupLineDetail", "GroupLineDetail": detail}]}

    first, second = read(Kind.INVOICE, bundle(1)), read(Kind.INVOICE, bundle(2))
    assert encode_content(first) != encode_content(second)


@pytest.mark.parametrize("spelling", ["275.0", "275.00", "275"])
def test_the_spelling_of_a_number_is_no_edit(spelling: str) -> None:
    raw = json.dumps(INVOICE).replace("275", spelling).encode()
    mapped = content_from_quickbooks(Kind.INVOICE, raw)
    assert isinstance(mapped, MappedRecord)
    assert read(Kind.INVOICE, INVOICE) == mapped.content


@given(st.text())
def test_zeros_inside_a_description_are_kept_apart(text: str) -> None:
    def described(description: str) -> str:
        content = read(Kind.INVOICE, {**INVOICE, "Line": [{"Amount": 1, "Description": description}]})
        assert isinstance(content, Invoice)
        return content.content_digest

    assert described(text + '":1.5}') != described(text + '":1.50}')


@pytest.mark.parametrize(
    ("total", "note", "voided"),
    [
        (0, "Voided", True),
        (0, "Voided - entered twice", True),
        (0, "voided by Ann", True),
        (0, "", False),
        (0, "was voided once", False),
        (0, "Voidedness", False),
        (10, "Voided", False),
    ],
)
def test_an_invoice_is_voided_when_its_total_is_0_and_the_note_begins_with_the_word(
    total: int, note: str, voided: bool
) -> None:
    invoice = read(Kind.INVOICE, {**INVOICE, "TotalAmt": total, "Balance": 0, "PrivateNote": note})
    assert isinstance(invoice, Invoice)
    assert voided == invoice.voided


def test_a_payment_whose_note_says_voided_but_which_links_a_credit_is_no_void() -> None:
    payment = read(Kind.PAYMENT, {**LINK_PAYMENT, "PrivateNote": "Voided cheque 12, credit used instead"})
    assert isinstance(payment, Payment)
    assert not payment.voided
    emptied = read(Kind.PAYMENT, {**LINK_PAYMENT, "PrivateNote": "Voided", "Line": []})
    assert isinstance(emptied, Payment)
    assert emptied.voided


def test_a_stub_of_a_deleted_record_has_no_content() -> None:
    stub = {"domain": "QBO", "status": "Deleted", "Id": "65", "MetaData": {"LastUpdatedTime": "2026-04-07T12:00:00Z"}}
    expected = MappedRecord(id="65", content=None, modified_at=datetime(2026, 4, 7, 12, tzinfo=UTC))
    for kind in ENTITY_NAMES:
        assert expected == content_from_quickbooks(kind, json.dumps(stub).encode())


def test_a_credit_memo_without_remaining_credit_falls_back_to_its_balance() -> None:
    memo = {"Id": "73", "TotalAmt": 100, "Balance": 25.5, "CustomerRef": {"value": "1"}}
    content = read(Kind.CREDIT_MEMO, memo)
    assert isinstance(content, CreditMemo)
    assert (10000, 2550, "USD") == (content.total_minor, content.remaining_minor, content.currency)
    refused(Kind.CREDIT_MEMO, json.dumps({**memo, "Balance": None}).encode())


def test_a_journal_entry_has_the_lines_of_customers_signed_by_posting_type() -> None:
    def line(id_: str, posting: str, amount: float, kind: str | None) -> dict[str, Any]:
        entity = {"Type": kind, "EntityRef": {"value": "12", "name": "Acme"}} if kind else None
        detail = {"PostingType": posting, "AccountRef": {"value": "84", "name": "A/R"}, "Entity": entity}
        return {"Id": id_, "Amount": amount, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}

    lines = [
        line("0", "Credit", 50, "Customer"),
        line("1", "Debit", 20.5, "Customer"),
        line("2", "Debit", 29.5, None),
        line("3", "Debit", 1, "Vendor"),
    ]
    content = read(Kind.JOURNAL_ENTRY, {"Id": "9", "TotalAmt": 0, "Line": lines, "DocNumber": "J-1"})
    assert isinstance(content, Entry)
    assert (ReceivableLine("0", "12", "84", -5000), ReceivableLine("1", "12", "84", 2050)) == content.lines
    refused(Kind.JOURNAL_ENTRY, json.dumps({"Id": "9", "Line": [line("0", "Sideways", 1, "Customer")]}).encode())


def expense(*, billable: str | None = None, customer: str = "", **record: Any) -> dict[str, Any]:
    detail = {
        "AccountRef": {"value": "84"},
        "BillableStatus": billable,
        "CustomerRef": {"value": customer} if customer else None,
    }
    line = {
        "Id": "1",
        "Amount": 200,
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": detail,
    }
    return {"Id": "8", "TotalAmt": 200, "Line": [line], **record}


@pytest.mark.parametrize(
    ("record", "lines"),
    [
        (expense(customer="12"), (ReceivableLine("1", "12", "84", 20000),)),
        (expense(EntityRef={"value": "13", "type": "Customer"}), (ReceivableLine("1", "13", "84", 20000),)),
        (
            expense(customer="12", EntityRef={"value": "13", "type": "Customer"}),
            (ReceivableLine("1", "12", "84", 20000),),
        ),
        (expense(customer="12", Credit=True), (ReceivableLine("1", "12", "84", -20000),)),
        (expense(EntityRef={"value": "13", "type": "Vendor"}), ()),
        (expense(customer="12", billable="Billable"), ()),
    ],
)
def test_an_expense_charges_the_customer_it_names(record: dict[str, Any], lines: tuple[ReceivableLine, ...]) -> None:
    content = read(Kind.PURCHASE, record)
    assert isinstance(content, Entry)
    assert lines == content.lines


@pytest.mark.parametrize(
    "entity",
    [{"value": "12", "name": "Acme", "type": "CUSTOMER"}, {"Type": "Customer", "EntityRef": {"value": "12"}}],
)
def test_a_deposit_line_of_a_customer_credits_him_unless_it_banks_a_payment(entity: dict[str, Any]) -> None:
    detail = {"Entity": entity, "AccountRef": {"value": "84"}}
    line = {"Id": "1", "Amount": 75, "DetailType": "DepositLineDetail", "DepositLineDetail": detail}
    banked = {**line, "LinkedTxn": [{"TxnId": "5", "TxnType": "Payment", "TxnLineId": "0"}]}
    content = read(Kind.DEPOSIT, {"Id": "4", "TotalAmt": 150, "Line": [line, banked]})
    assert isinstance(content, Entry)
    assert (ReceivableLine("1", "12", "84", -7500),) == content.lines


def test_a_customer_keeps_his_balance_and_name_but_not_his_time() -> None:
    record = {
        "Id": "7",
        "SyncToken": "0",
        "DisplayName": "Acme (deleted)",
        "FullyQualifiedName": "Parent:Acme",
        "Active": False,
        "Job": True,
        "ParentRef": {"value": "3"},
        "BillWithParent": True,
        "Balance": -261,
        "BalanceWithJobs": 562.5,
        "MetaData": META,
        "CurrencyRef": {"value": "USD"},
    }
    expected = Client(
        name="Acme",
        parent_id="3",
        active=False,
        is_job=True,
        bill_with_parent=True,
        currency="USD",
        balance_minor=-26100,
        balance_with_jobs_minor=56250,
        revision="0",
    )
    assert expected == read(Kind.CUSTOMER, record)


def test_preferences_say_what_happens_to_credits() -> None:
    record = {
        "Id": "1",
        "SalesFormsPrefs": {"AutoApplyCredit": True, "AutoApplyPayments": False, "CustomField": []},
        "CurrencyPrefs": {"HomeCurrency": {"value": "USD"}, "MultiCurrencyEnabled": False},
        "AccountingInfoPrefs": {"BookCloseDate": "2025-12-31"},
    }
    expected = Preferences(auto_apply_credit=True, book_close_on=date(2025, 12, 31), home_currency="USD")
    assert expected == read(Kind.PREFERENCES, record)
    assert Preferences() == read(Kind.PREFERENCES, {"Id": "1"})


def test_a_refund_receipt_has_no_line_on_receivables() -> None:
    content = read(Kind.REFUND_RECEIPT, {"Id": "66", "TotalAmt": 87.5, "TxnDate": "2026-04-01", "Balance": 0})
    assert isinstance(content, RefundReceipt)
    assert 8750 == content.total_minor


def test_every_kind_has_an_entity_name_and_back() -> None:
    assert all(KINDS_BY_ENTITY[name] is kind for kind, name in ENTITY_NAMES.items())
    assert "JournalEntry" == ENTITY_NAMES[Kind.JOURNAL_ENTRY]


GOOD = json.dumps(INVOICE)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"Id": null}',
        b'{"Id": ""}',
        b'{"Id": 71, "TotalAmt": 1}',
        b'{"Id": "a b", "TotalAmt": 1}',
        b'{"Id": "' + b"9" * 100 + b'", "TotalAmt": 1}',
        b'{"Id": "71"}',
        GOOD.replace("362.07", "NaN").encode(),
        GOOD.replace("362.07", '"NaN"').encode(),
        GOOD.replace("362.07", '"Infinity"').encode(),
        GOOD.replace("362.07", "1e400").encode(),
        GOOD.replace("362.07", "1e99999999999999999999").encode(),
        GOOD.replace("362.07", "9" * 5000).encode(),
        GOOD.replace("362.07", "true").encode(),
        GOOD.replace("362.07", "362.075").encode(),
        GOOD.replace("1037", "\\u0000").encode(),
        GOOD.replace("1037", "\\ud800").encode(),
        GOOD.replace("1037", "\udc80").encode("utf-8", "surrogateescape"),
        GOOD.replace('"2026-04-07"', '"yesterday"').encode(),
        GOOD.replace("12:52:08-07:00", "12:52:08").encode(),
        GOOD.replace("2026-04-07T12:52:08-07:00", "0001-01-01T00:00:00+14:00").encode(),
        GOOD.replace('"USD"', '"dollars"').encode(),
        GOOD.replace('"Line": [', '"Line": [7, ').encode(),
        b'{"Id": "71", "TotalAmt": 1, "x": ' + b"[" * 200_000 + b"}",
        b'{"Id": "71", "TotalAmt": 1, "x": ' + b'{"x":' * 200_000 + b"}",
    ],
)
def test_poison_is_a_problem_and_never_an_exception(raw: bytes) -> None:
    problem = refused(Kind.INVOICE, raw)
    assert "Sonnenschein" not in str(problem)
    assert len(str(problem)) < 600
    assert identity_of(raw) in {"71", ""}


@given(st.binary(max_size=200), st.sampled_from(sorted(ENTITY_NAMES)))
def test_any_bytes_give_a_record_or_a_problem(raw: bytes, kind: Kind) -> None:
    assert isinstance(content_from_quickbooks(kind, raw), Problem | MappedRecord)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.just("2026-01-01"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "Amount", "Line"]), inner),
    max_leaves=5,
)


@given(st.fixed_dictionaries({"Id": st.just("5")}, optional={name: JSON for name in INVOICE if name != "Id"}))
def test_wrong_types_give_a_record_or_a_problem(record: dict[str, Any]) -> None:
    for kind in ENTITY_NAMES:
        assert isinstance(content_from_quickbooks(kind, json.dumps(record).encode()), Problem | MappedRecord)


def test_a_payment_line_that_links_two_records_is_refused() -> None:
    links = [{"TxnId": "1", "TxnType": "Invoice"}, {"TxnId": "2", "TxnType": "Invoice"}]
    record = {**LINK_PAYMENT, "Line": [{"Amount": 1, "LinkedTxn": links}]}
    assert "Line.LinkedTxn" == refused(Kind.PAYMENT, json.dumps(record).encode()).where


def test_a_link_type_we_have_not_met_is_kept() -> None:
    record = {**LINK_PAYMENT, "Line": [{"Amount": 1, "LinkedTxn": [{"TxnId": "1", "TxnType": "Barter"}]}]}
    content = read(Kind.PAYMENT, record)
    assert isinstance(content, Payment)
    assert (PaymentLine(LineTarget.OTHER, "1", 100),) == content.lines


def test_the_id_of_what_is_set_aside_is_its_own_and_not_that_of_a_line() -> None:
    assert "71" == identity_of(b'{"Line": [{"Id": "1"}], "Id": "71"}')
    assert "" == identity_of(b'{"Line": [{"Id": "1"}]}')


def test_the_auto_link_note_is_recognised_only_as_a_whole() -> None:
    payment = read(Kind.PAYMENT, {**LINK_PAYMENT, "PrivateNote": "Not " + AUTO_LINK_NOTE})
    assert isinstance(payment, Payment)
    assert not payment.auto_linked
