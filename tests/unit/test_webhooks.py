"""Webhooks mark companies as having news, and nothing that a stranger, a repetition or a disorder sends does more."""

import base64
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.quickbooks.webhooks import Delivery, is_signed, parse_delivery, sign
from mappings.problems import Problem
from sync.answering import Question
from sync.webhook_intake import WebhookIntake, WebhookRoute

TOKEN = "verifier-token-of-the-app"
ROUTES = (
    WebhookRoute(alias="acme", realm_id="310687", verifier_token=TOKEN),
    WebhookRoute(alias="birch", realm_id="310688", verifier_token=TOKEN),
    WebhookRoute(alias="cedar", realm_id="310689", verifier_token="another-app"),
)


def cloud_event(number: int, realm: str = "310687", kind: str = "qbo.invoice.updated.v1") -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"88cd52aa-{number}",
        "source": "intuit.dsnBgbse=",
        "type": kind,
        "datacontenttype": "application/json",
        "time": "2025-09-10T21:31:25.179851517Z",
        "intuitentityid": "1234",
        "intuitaccountid": realm,
        "data": {},
    }


def older(*entities: dict[str, str], realm: str = "310687") -> dict[str, Any]:
    return {"eventNotifications": [{"realmId": realm, "dataChangeEvent": {"entities": list(entities)}}]}


ENTITY = {"id": "1234", "operation": "Update", "name": "Invoice", "lastUpdated": "2025-09-08T20:52:31.657Z"}


class Desk:
    """An intake, and whom it has marked."""

    def __init__(self) -> None:
        self.marked: list[str] = []
        self.intake = WebhookIntake(ROUTES, self.marked.append)

    def send(self, document: object, *, token: str = TOKEN) -> int:
        body = json.dumps(document).encode()
        return self.intake.receive(Question(headers={"intuit-signature": sign(body, token)}, body=body)).status


BODY = json.dumps([cloud_event(1)]).encode()
GOOD = sign(BODY, TOKEN)


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (BODY, None),
        (BODY, ""),
        (BODY, " "),
        (BODY, "not base64!"),
        (BODY, "Zm9v"),
        (BODY, GOOD[:-4]),
        (BODY, GOOD.replace("=", "")),
        (BODY, GOOD.lower()),
        (BODY, "é" + GOOD),
        (BODY, GOOD + "\x00"),
        (BODY, sign(BODY, "another token")),
        (BODY, sign(BODY, "")),
        (BODY, sign(b"", TOKEN)),
        (BODY, base64.b64encode(b"\x00" * 32).decode()),
        (BODY + b" ", GOOD),
        (BODY.replace(b"310687", b"310688"), GOOD),
        (b"", GOOD),
        (json.dumps(json.loads(BODY), indent=1).encode(), GOOD),  # the same document in other bytes
    ],
)
def test_a_forged_delivery_is_refused_and_marks_nobody(body: bytes, signature: str | None) -> None:
    desk = Desk()
    headers = {} if signature is None else {"intuit-signature": signature}
    assert 401 == desk.intake.receive(Question(headers=headers, body=body)).status
    assert ([], {"forged": 1}) == (desk.marked, desk.intake.counts())


def test_an_empty_verifier_token_signs_nothing() -> None:
    assert not is_signed(BODY, sign(BODY, ""), "")


def test_a_true_delivery_is_accepted() -> None:
    assert is_signed(BODY, GOOD, TOKEN)
    assert is_signed(BODY, f" {GOOD}\n", TOKEN)


def test_one_delivery_speaks_of_several_companies_and_marks_each_once() -> None:
    desk = Desk()
    document = [cloud_event(1), cloud_event(2, "310688"), cloud_event(3), cloud_event(4, "999")]
    assert 200 == desk.send(document)
    assert ["acme", "birch"] == desk.marked
    assert {"accepted": 3, "of another company": 1} == desk.intake.counts()


def test_a_company_is_only_marked_by_its_own_app() -> None:
    desk = Desk()
    document = [cloud_event(1), cloud_event(2, "310689")]
    assert 200 == desk.send(document, token="another-app")
    assert ["cedar"] == desk.marked


def test_the_older_form_is_read_too() -> None:
    desk = Desk()
    assert 200 == desk.send(older(ENTITY, {**ENTITY, "name": "Payment", "id": "9"}))
    assert 200 == desk.send(
        older({**ENTITY, "name": "Customer", "operation": "Merge", "deletedId": "7"}, realm="310688")
    )
    assert ["acme", "birch"] == desk.marked


def test_a_delivery_that_comes_again_marks_nobody() -> None:
    desk = Desk()
    for document in ([cloud_event(1)], older(ENTITY)):
        for _ in range(5):
            assert 200 == desk.send(document)
    assert ["acme", "acme"] == desk.marked
    assert 8 == desk.intake.counts()["repeated"]


def test_the_order_of_deliveries_does_not_matter() -> None:
    deliveries = [[cloud_event(1)], [cloud_event(2, "310688")], [cloud_event(1), cloud_event(3, "310688")]]
    outcomes = set()
    for order in itertools.permutations(deliveries):
        desk = Desk()
        for document in order:
            desk.send(document)
        outcomes.add((frozenset(desk.marked), desk.intake.counts()["accepted"]))
    assert {(frozenset({"acme", "birch"}), 3)} == outcomes


def test_news_that_is_not_read_needs_no_turn() -> None:
    desk = Desk()
    assert 200 == desk.send(
        [cloud_event(1, kind="qbo.employee.updated.v1"), cloud_event(2, kind="qbo.bill.created.v1")]
    )
    assert [] == desk.marked


@pytest.mark.parametrize("operation", ["Updated", "UPDATED", "voided", "deleted", "merged", "emailed", "new"])
@pytest.mark.parametrize("entity", ["invoice", "Invoice", "creditmemo", "CreditMemo", "payment", "refundreceipt"])
def test_every_spelling_and_operation_of_what_is_read_is_news(entity: str, operation: str) -> None:
    desk = Desk()
    assert 200 == desk.send([cloud_event(1, kind=f"qbo.{entity}.{operation}.v1")])
    assert ["acme"] == desk.marked


@pytest.mark.parametrize("document", [[], {}, "text", 7, None, {"eventNotifications": "x"}, [[]], [None], {"a": [1]}])
def test_a_signed_delivery_that_is_not_understood_is_accepted_and_marks_nobody(document: object) -> None:
    desk = Desk()
    assert 200 == desk.send(document)
    assert [] == desk.marked


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading(body: bytes) -> None:
    assert isinstance(parse_delivery(body), Delivery | Problem)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["eventNotifications", "realmId", "dataChangeEvent", "entities", "id", "type", "name"]),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
def test_no_document_breaks_the_reading(document: object) -> None:
    assert isinstance(parse_delivery(json.dumps(document).encode()), Delivery | Problem)


def test_a_deep_document_is_not_understood() -> None:
    assert isinstance(parse_delivery(b"[" * 200_000), Problem)


def test_no_more_than_so_many_events_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.webhook_intake._MOST_REMEMBERED", 3)
    desk = Desk()
    for number in range(10):
        desk.send([cloud_event(number)])
    assert 3 == len(desk.intake._seen)
