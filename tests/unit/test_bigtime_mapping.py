"""Promises of the mapping from BigTime rows to the shared model."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.bigtime import client_from_bigtime, identity_of, invoice_from_bigtime, payments_from_bigtime
from mappings.model import Client, Invoice, LineTarget, Method, Payment, PaymentLine, Posted
from mappings.problems import Problem
from mappings.quickbooks import MappedRecord
from mappings.vocabulary import Vocabulary

WORDS = Vocabulary()
# The row that the fact sheet constructs from BigTime's own field table.
PAYMENT: dict[str, Any] = {
    "PaymentSid": 51001,
    "PayerName": "Acme",
    "PaymentNumber": "CHK-778",
    "DueDate": "2025-03-31",
    "InvoiceSid": 9001,
    "InvoiceNumber": "INV-1042",
    "TotalAmount": 1500.0,
    "PaidDate": "2025-03-20T00:00:00",
    "AppliedAmount": 1000.0,
    "AppliedDate": "2025-03-21T00:00:00",
    "BalanceDue": "250.00",
    "ClientName": "Acme",
    "ClientSid": "301",
    "ProjectSid": "7001",
    "BatchDepositDate": None,
    "PaymentMethod": "AccountCredit",
    "IsAutoPay": False,
}
INVOICE: dict[str, Any] = {
    "Sid": 9001,
    "InvoiceNbr": "INV-1042",
    "InvoiceDt": "2025-03-01",
    "InvoiceDtDue": "2025-03-31",
    "ClientSid": 301,
    "ProjectSid": 7001,
    "InvoiceAmt": 1000,
    "Subtotal": 1000,
    "SalesTaxAmt": 80.5,
    "TotalAmt": 1080.5,
    "PaidAmt": 0,
    "TotalAmtDue": "1,080.50",
    "IsPaid": False,
    "Status": 2,
    "StatusTxt": "Sent",
    "PostedStatus": "Posted",
    "DaysOutstanding": 12,
}


def invoice(row: dict[str, Any], currency: str = "USD") -> Invoice:
    mapped = invoice_from_bigtime(json.dumps(row).encode(), WORDS, currency, is_draft=False)
    assert isinstance(mapped, MappedRecord), mapped
    assert isinstance(mapped.content, Invoice)
    return mapped.content


def refused_invoice(row: dict[str, Any]) -> Problem:
    result = invoice_from_bigtime(json.dumps(row).encode(), WORDS, "USD", is_draft=False)
    assert isinstance(result, Problem)
    return result


def payments(*rows: dict[str, Any]) -> tuple[MappedRecord | Problem, ...]:
    return payments_from_bigtime([json.dumps(row).encode() for row in rows], WORDS, "USD")


def payment(row: dict[str, Any]) -> Payment:
    (mapped,) = payments(row)
    assert isinstance(mapped, MappedRecord), mapped
    assert isinstance(mapped.content, Payment)
    return mapped.content


def test_a_payment_row_is_one_application_to_one_invoice() -> None:
    expected = Payment(
        client_id="301",
        payment_id="51001",
        currency="USD",
        total_minor=150000,
        lines=(PaymentLine(LineTarget.INVOICE, "9001", 100000),),
        paid_on=date(2025, 3, 20),
        applied_on=date(2025, 3, 21),
        method=Method.ACCOUNT_CREDIT,
        method_name="AccountCredit",
        reference="CHK-778",
        invoice_number="INV-1042",
    )
    assert (MappedRecord(id="51001:9001:2025-03-21:1", content=expected),) == payments(PAYMENT)


def test_the_current_state_of_the_invoice_is_not_part_of_a_payment_row() -> None:
    assert payments(PAYMENT) == payments({**PAYMENT, "BalanceDue": "0.00", "DueDate": "2026-01-01", "PayerName": "X"})


SPELLINGS = st.sampled_from([str.lower, str.upper, str.title, str.swapcase])


@given(SPELLINGS, st.booleans(), st.booleans())
def test_case_of_keys_and_numbers_as_text_make_no_difference(
    spell: Any,
    amounts_as_text: bool,
    ids_as_text: bool,
) -> None:
    row = dict(PAYMENT)
    if amounts_as_text:
        row |= {"TotalAmount": "$1,500.00", "AppliedAmount": "1,000.00"}
    if ids_as_text:
        row |= {"PaymentSid": "51001", "InvoiceSid": 9001.0, "ClientSid": 301}
    assert payments(PAYMENT) == payments({spell(key): value for key, value in row.items()})


@given(st.permutations(range(6)))
def test_ids_of_rows_do_not_depend_on_the_order_of_arrival(order: list[int]) -> None:
    rows = [
        PAYMENT,
        {**PAYMENT, "AppliedAmount": -1000},
        {**PAYMENT, "PaymentMethod": "Check"},
        {**PAYMENT, "PaymentNumber": "CHK-779"},
        {**PAYMENT, "AppliedDate": None},
        {**PAYMENT, "InvoiceSid": 9002},
    ]

    def named(results: tuple[MappedRecord | Problem, ...]) -> set[tuple[str, object]]:
        return {(record.id, record.content) for record in results if isinstance(record, MappedRecord)}

    assert named(payments(*rows)) == named(payments(*(rows[place] for place in order)))
    assert 6 == len({id_ for id_, _ in named(payments(*rows))})


def test_two_equal_rows_are_two_records() -> None:
    ids = [record.id for record in payments(PAYMENT, PAYMENT) if isinstance(record, MappedRecord)]
    assert ["51001:9001:2025-03-21:1", "51001:9001:2025-03-21:2"] == ids


def test_a_row_that_cannot_be_read_leaves_the_others_in_their_place() -> None:
    results = payments(PAYMENT, {**PAYMENT, "PaymentSid": 0}, {**PAYMENT, "InvoiceSid": 9002})
    assert [True, False, True] == [isinstance(result, MappedRecord) for result in results]


def test_an_applied_amount_may_be_negative_but_not_missing() -> None:
    assert -5000 == payment({**PAYMENT, "AppliedAmount": "(50.00)"}).lines[0].amount_minor
    for missing in (None, "", " "):
        (result,) = payments({**PAYMENT, "AppliedAmount": missing})
        assert isinstance(result, Problem)


def test_a_missing_total_of_the_payment_shows_the_row_itself() -> None:
    assert 100000 == payment({**PAYMENT, "TotalAmount": None}).total_minor


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-20", date(2025, 3, 20)),
        ("2025-03-20T23:59:59", date(2025, 3, 20)),
        ("2025-03-20T23:59:59.1234567", date(2025, 3, 20)),
        ("2025-03-20T23:59:59Z", date(2025, 3, 20)),
        ("2025-03-20T23:59:59.5-08:00", date(2025, 3, 20)),
        ("2025-03-20 00:00:00", date(2025, 3, 20)),
        ("/Date(1742428800000)/", date(2025, 3, 20)),
        ("/Date(1742428800000-0500)/", date(2025, 3, 19)),
        ("/Date(-1000)/", date(1969, 12, 31)),
        ("0001-01-01T00:00:00", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_the_calendar_date_as_written(text: str | None, expected: date | None) -> None:
    assert expected == payment({**PAYMENT, "PaidDate": text}).paid_on


@pytest.mark.parametrize("text", ["03/20/2025", "20.03.2025", "2025-02-30", "2025-03-20x", "/Date(999999999999999)/"])
def test_a_date_that_could_mean_two_things_is_refused(text: str) -> None:
    (result,) = payments({**PAYMENT, "AppliedDate": text})
    assert isinstance(result, Problem)
    assert "AppliedDate" == result.where


@pytest.mark.parametrize(
    ("word", "method"),
    [
        ("AccountCredit", Method.ACCOUNT_CREDIT),
        ("account  credit", Method.ACCOUNT_CREDIT),
        ("CHECK", Method.MONEY),
        ("credit card", Method.MONEY),
        ("Credit Memo", Method.CREDIT_MEMO),
        ("", Method.NONE),
        (None, Method.NONE),
        ("Barter", Method.UNKNOWN),
        ("Credit", Method.UNKNOWN),
    ],
)
def test_a_payment_type_is_looked_up_and_never_guessed(word: str | None, method: Method) -> None:
    assert method is payment({**PAYMENT, "PaymentMethod": word}).method


def test_an_invoice_row_keeps_totals_balance_and_the_raw_flags() -> None:
    expected = Invoice(
        client_id="301",
        number="INV-1042",
        currency="USD",
        total_minor=108050,
        balance_minor=108050,
        tax_minor=8050,
        paid_minor=0,
        issued_on=date(2025, 3, 1),
        due_on=date(2025, 3, 31),
        posted=Posted.YES,
        posted_status="Posted",
        status="Sent",
        project_id="7001",
    )
    assert expected == invoice(INVOICE)


@pytest.mark.parametrize("state", ["Posted", "posted", " POSTED "])
def test_a_configured_word_means_posted(state: str) -> None:
    assert Posted.YES is invoice({**INVOICE, "PostedStatus": state}).posted


@pytest.mark.parametrize(
    ("state", "posted"),
    [(None, Posted.NO), ("", Posted.NO), ("Not Posted", Posted.NO), (1, Posted.UNKNOWN), (True, Posted.UNKNOWN),
     ("Queued", Posted.UNKNOWN)],
)  # fmt: skip
def test_an_unknown_state_is_never_taken_for_not_posted(state: object, posted: Posted) -> None:
    assert posted is invoice({**INVOICE, "PostedStatus": state}).posted


def test_a_firm_can_configure_a_number_or_a_flag_as_its_word() -> None:
    words = Vocabulary(posted=frozenset({"3", "TRUE"}))
    assert Posted.YES is words.posted_of("3")
    assert Posted.YES is words.posted_of("true")
    assert Posted.UNKNOWN is words.posted_of("Posted")


@pytest.mark.parametrize(
    ("amounts", "total"),
    [
        ({"TotalAmt": 0, "InvoiceAmt": 10, "Subtotal": 10, "SalesTaxAmt": 0}, 0),
        ({"TotalAmt": None, "InvoiceAmt": 10, "Subtotal": 10, "SalesTaxAmt": 1}, 1100),
        ({"TotalAmt": None, "InvoiceAmt": 11, "Subtotal": 10, "SalesTaxAmt": 1}, 1100),
        ({"TotalAmt": None, "InvoiceAmt": None, "Subtotal": 10, "SalesTaxAmt": 1}, 1100),
        ({"TotalAmt": None, "InvoiceAmt": 11, "Subtotal": 10, "SalesTaxAmt": None}, 1100),
        ({"TotalAmt": None, "InvoiceAmt": 10, "Subtotal": None, "SalesTaxAmt": None}, 1000),
        ({"TotalAmt": None, "InvoiceAmt": 10, "Subtotal": None, "SalesTaxAmt": 0}, 1000),
        ({"TotalAmt": None, "InvoiceAmt": 10, "Subtotal": None, "SalesTaxAmt": 1}, None),
        ({"TotalAmt": None, "InvoiceAmt": 12, "Subtotal": 10, "SalesTaxAmt": 1}, None),
        ({"TotalAmt": None, "InvoiceAmt": None, "Subtotal": None, "SalesTaxAmt": None}, None),
        ({"TotalAmt": "-50.00"}, -5000),
        ({"TotalAmt": "1.234,50"}, None),
        ({"TotalAmt": True}, None),
        ({"TotalAmt": 10.005}, None),
        ({"TotalAmt": 0.30000000000000004}, 30),
    ],
)
def test_the_total_is_what_the_row_says_and_never_a_guess(amounts: dict[str, Any], total: int | None) -> None:
    row = {**INVOICE, **amounts}
    if total is None:
        refused_invoice(row)
    else:
        assert total == invoice(row).total_minor


def test_balance_and_paid_amount_are_unknown_when_the_row_does_not_say() -> None:
    content = invoice({**INVOICE, "TotalAmtDue": None, "PaidAmt": ""})
    assert (None, None) == (content.balance_minor, content.paid_minor)


def test_lines_are_digested_by_what_is_material() -> None:
    lines = [{"Nm": "Work", "Amt": 1000.00, "LineNbr": 1}]
    same = [{"nm": "Work", "amt": "1000.0", "linenbr": 2, "isdeleted": False}, {"Nm": "old", "IsDeleted": True}]
    other = [{"Nm": "Work", "Amt": 999, "LineNbr": 1}]
    digests = [invoice({**INVOICE, "Lines": value}).content_digest for value in (lines, same, other, [], None)]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]
    assert ["", ""] == digests[3:]


def test_a_client_is_named_by_his_system_id_and_not_by_the_code() -> None:
    row = {"SystemId": 301, "Nm": "Acme", "ClientID": "AC-1", "IsInactive": "true", "QBCustomerId": "12"}
    expected = Client(name="Acme", active=False, quickbooks_id="12", code="AC-1")
    assert MappedRecord(id="301", content=expected) == client_from_bigtime(json.dumps(row).encode())
    unlinked = client_from_bigtime(json.dumps({**row, "QBCustomerId": 0}).encode())
    assert isinstance(unlinked, MappedRecord)
    assert isinstance(unlinked.content, Client)
    assert "" == unlinked.content.quickbooks_id


@pytest.mark.parametrize("sid", [0, "0", "", None, "0.0"])
def test_an_invoice_without_an_id_is_refused(sid: object) -> None:
    assert "Sid" == refused_invoice({**INVOICE, "Sid": sid}).where


def test_two_spellings_of_one_key_must_agree() -> None:
    assert invoice({**INVOICE, "sid": 9001}) == invoice(INVOICE)
    refused_invoice({**INVOICE, "sid": 9002})


POISON = [
    b"",
    b"null",
    b"[1]",
    b"{}",
    b"\xff",
    b'{"Sid": 1, "TotalAmt": NaN}',
    b'{"Sid": 1, "TotalAmt": "NaN"}',
    b'{"Sid": 1, "TotalAmt": 1e400}',
    b'{"Sid": 1, "TotalAmt": 1e99999999999999999999}',
    b'{"Sid": 1, "TotalAmt": ' + b"9" * 5000 + b"}",
    b'{"Sid": 1, "TotalAmt": {"a": 1}}',
    b'{"Sid": 1, "TotalAmt": 1, "InvoiceNbr": "\\u0000"}',
    b'{"Sid": 1, "TotalAmt": 1, "InvoiceNbr": "\\ud800"}',
    b'{"Sid": 1, "TotalAmt": 1, "InvoiceNbr": ["x"]}',
    b'{"Sid": 1, "TotalAmt": 1, "IsPaid": "perhaps"}',
    b'{"Sid": "1:2", "TotalAmt": 1}',
    b'{"Sid": 1, "TotalAmt": 1, "x": ' + b"[" * 200_000 + b"}",
]


@pytest.mark.parametrize("raw", POISON)
def test_poison_is_a_problem_and_never_an_exception(raw: bytes) -> None:
    assert isinstance(invoice_from_bigtime(raw, WORDS, "USD", is_draft=False), Problem)
    assert isinstance(client_from_bigtime(raw), Problem)
    (result,) = payments_from_bigtime([raw], WORDS, "USD")
    assert isinstance(result, Problem)
    assert identity_of(raw) in {"1", ""}


SCALARS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just([]) | st.just({})
)


@given(st.dictionaries(st.sampled_from(sorted({*PAYMENT, *INVOICE, "SystemId", "Lines"})), SCALARS))
def test_wrong_types_give_a_record_or_a_problem(row: dict[str, Any]) -> None:
    raw = json.dumps({"Sid": 1, "PaymentSid": 2, "SystemId": 3, **row}).encode()
    assert isinstance(invoice_from_bigtime(raw, WORDS, "USD", is_draft=True), Problem | MappedRecord)
    assert isinstance(client_from_bigtime(raw), Problem | MappedRecord)
    assert isinstance(payments_from_bigtime([raw], WORDS, "USD")[0], Problem | MappedRecord)


def test_what_is_set_aside_is_named_by_its_own_id() -> None:
    assert "51001" == identity_of(json.dumps(PAYMENT).encode())
    assert "9001" == identity_of(json.dumps(INVOICE).encode())
    assert "301" == identity_of(b'{"systemid": "301"}')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-31", False),
        ("2025-03-31T00:00:00", False),
        ("2025-03-31T00:00:00.000Z", False),
        ("2025-03-31 00:00", False),
        ("2025-03-31T00:00:01", True),
        ("2025-03-31T00:30:00", True),
        ("2025-04-01T03:30:00Z", True),
        ("2025-03-31T23:30:00-04:00", True),
        ("/Date(1743480000000)/", True),
        ("/Date(1743465600000)/", False),
        ("/Date(1743480000000-0400)/", False),
    ],
)
def test_a_day_that_was_written_with_a_time_of_day_is_known_as_such(text: str, *, expected: bool) -> None:
    assert expected == payment({**PAYMENT, "AppliedDate": text}).has_time_of_day
