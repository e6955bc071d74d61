"""Answers are opened record by record; one that cannot be read does not take its neighbours along."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import ConnectorError, ContractBroken, Rejected, Throttled, Unavailable
from connectors.quickbooks.faults import fault_in
from connectors.quickbooks.slicing import find_id
from connectors.quickbooks.wire import head_of, read_changes, read_count, read_rows, time_of
from connectors.transport import Reply
from mappings.model import Kind

GOOD = b'{"Id":"1","SyncToken":"0","MetaData":{"LastUpdatedTime":"2026-01-01T00:00:00-08:00"},"Note":"a]}{[\\"b"}'
NEIGHBOUR = b'{"Id":"3"}'
POISON = {
    "not UTF-8": b'{"Id":"2","PrivateNote":"\xff\xfe"}',
    "a lone surrogate": b'{"Line":[{"Id":"9"}],"Id":"2","PrivateNote":"\\ud800"}',
    "not a number": b'{"Id":"2","TotalAmt":NaN}',
    "beyond any number": b'{"Id":"2","TotalAmt":1e999999}',
    "five thousand digits": b'{"Id":"2","TotalAmt":' + b"9" * 5000 + b"}",
    "a control character": b'{"Id":"2","N":"a\x01b"}',
    "very deep": b'{"Id":"2","X":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


def rows_answer(*rows: bytes, time: str = "2026-01-01T00:00:00.123-08:00") -> Reply:
    return Reply(
        200, {}, b'{"QueryResponse":{"Invoice":[%s],"maxResults":3},"time":"%s"}' % (b", ".join(rows), time.encode())
    )


def changes_answer(*rows: bytes) -> Reply:
    body = b'{"CDCResponse":[{"QueryResponse":[{},{"Payment":[%s],"totalCount":9}]}],"time":"2026-01-01T00:00:00Z"}'
    return Reply(200, {}, body % b",".join(rows))


def test_rows_are_the_text_that_was_sent() -> None:
    batch = read_rows(rows_answer(GOOD, NEIGHBOUR), "Invoice", "page")
    assert batch.records == (GOOD, NEIGHBOUR)
    assert batch.server_time == datetime(2026, 1, 1, 8, 0, 0, 123000, tzinfo=UTC)


def test_an_answer_without_rows_has_none() -> None:
    assert (
        read_rows(Reply(200, {}, b'{"QueryResponse":{},"time":"2026-01-01T00:00:00Z"}'), "Invoice", "page").records
        == ()
    )


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
def test_a_poisoned_record_leaves_its_neighbours_alone(poison: bytes) -> None:
    assert read_rows(rows_answer(GOOD, poison, NEIGHBOUR), "Invoice", "page").records == (GOOD, poison, NEIGHBOUR)
    assert read_changes(changes_answer(GOOD, poison, NEIGHBOUR), "changes").records == {
        Kind.PAYMENT: (GOOD, poison, NEIGHBOUR)
    }
    assert find_id(poison) == "2"
    time_of(poison)
    head_of(poison)


def test_rows_that_are_no_records_are_handed_on_as_they_are() -> None:
    nan = b'{"Id":"2","TotalAmt":NaN}'
    assert read_rows(rows_answer(b"null", b"7", nan), "Invoice", "page").records == (b"null", b"7", nan)


@settings(deadline=None)
@given(st.integers(1, 300))
def test_an_answer_that_is_cut_off_anywhere_is_no_answer(cut: int) -> None:
    whole = rows_answer(GOOD, NEIGHBOUR).body
    with pytest.raises(Unavailable):
        read_rows(Reply(200, {}, whole[: -min(cut, len(whole) - 1)]), "Invoice", "page")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"QueryResponse":null,"time":"2026-01-01T00:00:00Z"}', ContractBroken),
        (b'{"QueryResponse":{"Invoice":{}},"time":"2026-01-01T00:00:00Z"}', ContractBroken),
        (b'{"QueryResponse":{}}', ContractBroken),
        (b'{"QueryResponse":{},"time":"2026-01-01T00:00:00"}', ContractBroken),
        (b'{"QueryResponse":{},"time":"yesterday"}', ContractBroken),
        (b'{"QueryResponse":{"Fault":{"Error":[{"code":"3001"}]}},"time":"2026-01-01T00:00:00Z"}', Throttled),
        (b"{", Unavailable),
        (b'{"QueryResponse":{},"time":"2026-01-01T00:00:00Z"}}', Unavailable),
    ],
)
def test_another_form_of_answer_is_refused(body: bytes, expected: type[ConnectorError]) -> None:
    with pytest.raises(expected):
        read_rows(Reply(200, {}, body), "Invoice", "page")


def test_changes_come_by_kind_with_stubs_and_an_unknown_entity_is_skipped() -> None:
    stub = {"domain": "QBO", "status": "Deleted", "Id": "65"}
    groups = [{"Invoice": [{"Id": "1"}, stub]}, {}, {"Galaxy": [{"Id": "7"}]}, {"Invoice": [{"Id": "2"}]}]
    body = json.dumps({"CDCResponse": [{"QueryResponse": groups}], "time": "2026-01-01T00:00:00-08:00"}).encode()
    changes = read_changes(Reply(200, {}, body), "changes")
    assert [json.loads(raw)["Id"] for raw in changes.records[Kind.INVOICE]] == ["1", "65", "2"]
    assert changes.total == 3


@pytest.mark.parametrize("where", ["group", "set"])
def test_a_fault_inside_a_change_list_is_not_an_empty_list(where: str) -> None:
    fault = {"Fault": {"Error": [{"Message": "m", "code": "4001"}], "type": "ValidationFault"}}
    inner: object = {"QueryResponse": [fault]} if where == "group" else fault
    body = json.dumps({"CDCResponse": [inner], "time": "2026-01-01T00:00:00Z"}).encode()
    with pytest.raises(Rejected):
        read_changes(Reply(200, {}, body), "changes")


@pytest.mark.parametrize("name", ["Fault", "fault"])
def test_a_fault_beside_the_rows_of_an_answer_too_long_to_be_searched_is_not_missed(name: str) -> None:
    fault = {"Error": [{"Message": "m", "code": "4001"}], "type": "ValidationFault"}
    rows = [{"Id": str(number), "PrivateNote": "n" * 400} for number in range(1000)]
    body = json.dumps({"QueryResponse": {"Invoice": rows}, "time": "2026-01-01T00:00:00Z", name: fault}).encode()
    assert fault_in(Reply(200, {}, body), "page") is None
    with pytest.raises(Rejected):
        read_rows(Reply(200, {}, body), "Invoice", "page")
    changes = {"CDCResponse": [{"QueryResponse": []}], "time": "2026-01-01T00:00:00Z", name: fault}
    with pytest.raises(Rejected):
        read_changes(Reply(200, {}, json.dumps(changes).encode()), "changes")


@pytest.mark.parametrize(("body", "expected"), [(b'{"QueryResponse":{"totalCount":7}}', 7)])
def test_a_count_is_read(body: bytes, expected: int) -> None:
    assert read_count(Reply(200, {}, body), "count") == expected


@pytest.mark.parametrize(
    "body", [b'{"QueryResponse":{}}', b'{"QueryResponse":{"totalCount":-1}}', b'{"QueryResponse":{"totalCount":"7"}}']
)
def test_a_count_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(ContractBroken):
        read_count(Reply(200, {}, body), "count")


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_make_looking_for_an_id_or_time_fail(raw: bytes) -> None:
    assert isinstance(find_id(raw), str)
    time_of(raw)
    head_of(raw)


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(st.text(), st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.integers())))
)
def test_slicing_finds_what_decoding_finds(rows: list[dict[str, object]]) -> None:
    texts = [json.dumps(row).encode() for row in rows]
    nan = b'{"Id":"2","TotalAmt":NaN}'
    sliced = read_rows(rows_answer(*texts, nan), "Invoice", "page").records
    assert sliced == (*texts, nan)
