"""However BigTime may write things, the shared model reads the same: every switch, over real HTTP."""

from datetime import UTC, date, datetime

import msgspec
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sandbox.bigtime import API_TOKEN, serve
from connectors.sandbox.bigtime_ledger import BigTimeLedger
from connectors.sandbox.bigtime_switches import Absent, BigTimeSwitches, Casing, Numbers, Spelling, Timestamp
from connectors.sandbox.clock import SimulatedClock
from mappings.bigtime import invoice_from_bigtime, payments_from_bigtime
from mappings.model import Content, Method, Payment, Posted
from mappings.problems import Problem
from mappings.vocabulary import Vocabulary

MARCH_5 = date(2026, 3, 5)
WAYS_TO_WRITE = st.builds(
    BigTimeSwitches,
    spelling=st.sampled_from(Spelling),
    payment_timestamp=st.sampled_from(Timestamp),
    invoice_timestamp=st.sampled_from(Timestamp),
    numbers=st.sampled_from(Numbers),
    absent=st.sampled_from(Absent),
    casing=st.sampled_from(Casing),
    not_posted_word=st.sampled_from(["", "Not Posted"]),
    quickbooks_id_in_client_list=st.booleans(),
)


def firm(switches: BigTimeSwitches) -> BigTimeLedger:
    """A client with two invoices, one of them paid in part by a cheque over both and by a client credit."""
    ledger = BigTimeLedger(SimulatedClock(datetime(2026, 3, 20, 15, tzinfo=UTC)), switches=switches)
    acme = ledger.add_client("Acme")
    first = ledger.add_invoice(acme, "INV-101", "12345.60", on=date(2026, 3, 1), tax="45.60")
    second = ledger.add_invoice(acme, "INV-102", 500, on=date(2026, 3, 2))
    ledger.set_posted(first)
    ledger.add_payment({first: "1000.05", second: 20}, method="Credit Card", on=MARCH_5, number="778")
    ledger.apply_account_credit(first, 200, on=MARCH_5)
    return ledger


def contents(ledger: BigTimeLedger) -> list[Content | None]:
    """All invoices and payments of March, as the shared model understands them."""
    vocabulary = Vocabulary()
    with serve(ledger) as server, requests.Session() as http:
        http.trust_env = False
        headers = {"Accept": "application/json", "X-Auth-ApiToken": API_TOKEN, "X-Auth-Realm": ledger.firm}
        http.headers.update(headers)
        origin = f"{server.url}/BigtimeData/api/v2"
        invoices = http.get(f"{origin}/invoice/history?startDt=2026-03-01&endDt=2026-03-31", timeout=5).content
        payments = http.get(f"{origin}/payment/history?startDate=2026-03-01&endDate=2026-03-31", timeout=5).content
    rows = [bytes(raw) for raw in msgspec.json.decode(invoices, type=list[msgspec.Raw])]
    paid = [bytes(raw) for raw in msgspec.json.decode(payments, type=list[msgspec.Raw])]
    mapped = [
        *(invoice_from_bigtime(raw, vocabulary, "USD", is_draft=False) for raw in rows),
        *payments_from_bigtime(paid, vocabulary, "USD"),
    ]
    problems = [str(each) for each in mapped if isinstance(each, Problem)]
    assert [] == problems
    return [each.content for each in mapped if not isinstance(each, Problem)]


def comparable(content: Content | None) -> Content | None:
    """The content without the word of its payment type, which is the system's own spelling."""
    return msgspec.structs.replace(content, method_name="") if isinstance(content, Payment) else content


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(switches=WAYS_TO_WRITE)
def test_every_way_to_write_reads_the_same(switches: BigTimeSwitches) -> None:
    plain = contents(firm(BigTimeSwitches(not_posted_word=switches.not_posted_word)))
    switched = contents(firm(switches))
    assert [comparable(each) for each in plain] == [comparable(each) for each in switched]


def test_what_is_read_is_what_the_ledger_holds() -> None:
    first, second, split, rest, credit = contents(firm(BigTimeSwitches()))
    assert (1234560, 4560, 1114555, Posted.YES, date(2026, 3, 1)) == (
        getattr(first, "total_minor", None),
        getattr(first, "tax_minor", None),
        getattr(first, "balance_minor", None),
        getattr(first, "posted", None),
        getattr(first, "issued_on", None),
    )
    assert Posted.NO == getattr(second, "posted", None)
    payments = [each for each in (split, rest, credit) if isinstance(each, Payment)]
    assert [(102005, 100005), (102005, 2000), (20000, 20000)] == [
        (each.total_minor, each.lines[0].amount_minor) for each in payments
    ]
    assert [Method.MONEY, Method.MONEY, Method.ACCOUNT_CREDIT] == [each.method for each in payments]
