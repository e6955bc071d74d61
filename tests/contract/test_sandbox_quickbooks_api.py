"""The simulated Accounting API on the wire: what the fact sheet says about queries, changes, limits and tokens."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import requests

from connectors.sandbox.bulk import Volume, load_bulk
from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.faults import Match, during, lost_reply
from connectors.sandbox.quickbooks import QuickBooksServer, serve
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches, Scope, ThrottleShape, TooManyAsked
from connectors.sandbox.quickbooks_tokens import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH

START = datetime(2026, 11, 2, 17, 0, 0, tzinfo=UTC)
DAY = date(2026, 10, 1)


class Company:
    """A served ledger and a client with a token for it."""

    def __init__(self, switches: QuickBooksSwitches | None = None, *, pace: SimulatedClock | None = None) -> None:
        self.clock = SimulatedClock(START)
        self.ledger = QuickBooksLedger(self.clock, switches=switches)
        self.server: QuickBooksServer = serve(self.ledger, pace=pace)
        self.tokens = self.server.tokens.connect()
        self.http = requests.Session()
        self.acme = self.ledger.add_customer("Acme")

    def get(self, path: str, **params: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.tokens.access_token}", "Accept": "application/json"}
        url = f"{self.server.url}/v3/company/{self.ledger.realm_id}/{path}"
        return self.http.get(url, params=params, headers=headers, timeout=10)

    def query(self, statement: str) -> dict[str, Any]:
        reply = self.get("query", query=statement)
        assert reply.status_code == 200, reply.text
        content: dict[str, Any] = reply.json()
        return content

    def ids(self, statement: str) -> list[str]:
        found = self.query(statement)["QueryResponse"]
        return [row["Id"] for row in next((value for value in found.values() if isinstance(value, list)), [])]

    def refresh(self, refresh_token: str, **headers: str) -> requests.Response:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        url = self.server.url + TOKEN_PATH
        return self.http.post(url, data=form, auth=(CLIENT_ID, CLIENT_SECRET), headers=headers, timeout=10)

    def invoice(self, number: str, amount: str = "10") -> str:
        return self.ledger.create_invoice(self.acme, number, amount, on=DAY)


@pytest.fixture
def switches() -> QuickBooksSwitches:
    return QuickBooksSwitches()


@pytest.fixture
def company(switches: QuickBooksSwitches) -> Iterator[Company]:
    made = Company(switches)
    with made.server, made.http:
        yield made
    assert made.server.crashes == []


def with_switches(**given: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("switches", [QuickBooksSwitches(**given)])


# Queries


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM Invoice WHERE DocNumber = 'A' OR DocNumber = 'B'",
        "SELECT * FROM Invoice JOIN Customer",
        "SELECT * FROM Invoice GROUP BY DocNumber",
        "SELECT * FROM Invoice WHERE Id > '5'",
        "SELECT * FROM Invoice WHERE PrivateNote = 'x'",
        "SELECT * FROM Payment WHERE UnappliedAmt > '0'",
        "SELECT * FROM Invoice STARTPOSITION 0",
        "SELECT * FROM Invoice MAXRESULTS 10 STARTPOSITION 1",
        "SELECT * FROM Invoice ORDER DocNumber",
        "SELECT * FROM Invoice WHERE DocNumber = 'unterminated",
        "SELECT * FROM Invoice WHERE DocNumber = 'O'Hara'",
        "SELECT * FROM Invoice WHERE MetaData.LastUpdatedTime > 'yesterday'",
        "SELECT * FROM Nonsense",
        "SELECT * FROM Invoice WHERE TxnDate LIKE '2026%'",
        "DELETE FROM Invoice",
        "",
    ],
)
def test_a_statement_outside_the_grammar_is_refused_with_4001(company: Company, statement: str) -> None:
    reply = company.get("query", query=statement)
    assert reply.status_code == 400
    assert reply.json()["Fault"]["Error"][0]["code"] == "4001"
    assert reply.json()["Fault"]["type"] == "ValidationFault"
    assert reply.headers["intuit_tid"]


def test_start_position_zero_is_refused_in_quickbooks_own_words(company: Company) -> None:
    detail = company.get("query", query="SELECT * FROM Invoice STARTPOSITION 0").json()["Fault"]["Error"][0]["Detail"]
    assert detail == "QueryValidationError: value 0 is too small. Min allowed value is 1"


def test_names_keywords_and_values_are_compared_without_regard_to_case(company: Company) -> None:
    first, second = company.invoice("Inv-A", "10"), company.invoice("inv-b", "20.50")
    assert company.ids("select * from INVOICE where docnumber in ('INV-A', 'INV-B') orderby docnumber desc") == [
        second,
        first,
    ]
    assert company.ids("SELECT * FROM Invoice WHERE DocNumber LIKE 'INV%' ORDER BY TotalAmt") == [first, second]
    assert company.ids("SELECT * FROM Invoice WHERE TotalAmt > '10' AND TotalAmt <= '20.5'") == [second]
    assert company.ids("SELECT * FROM Invoice WHERE TxnDate >= '2026-10-02'") == []


def test_quotes_and_backslashes_are_escaped_by_a_backslash(company: Company) -> None:
    hara = company.ledger.add_customer("O'Hara \\ Sons")
    assert company.ids(r"SELECT * FROM Customer WHERE DisplayName = 'O\'Hara \\ Sons'") == [hara]


def test_a_page_has_the_envelope_of_its_entity(company: Company) -> None:
    invoice = company.invoice("1")
    company.ledger.receive_payment(company.acme, "10", on=DAY, apply={invoice: "10"})
    found = company.query("SELECT * FROM Invoice")
    assert {name: found["QueryResponse"][name] for name in ("startPosition", "maxResults", "totalCount")} == {
        "startPosition": 1,
        "maxResults": 1,
        "totalCount": 1,
    }
    assert found["time"] == "2026-11-02T09:00:00.000-08:00"
    assert "totalCount" not in company.query("SELECT * FROM Payment")["QueryResponse"]
    assert company.query("SELECT * FROM Deposit")["QueryResponse"] == {}
    assert company.query("SELECT COUNT(*) FROM Payment")["QueryResponse"] == {"totalCount": 1}


def fill(company: Company, count: int, *, per_second: int = 1) -> list[str]:
    made = []
    for number in range(count):
        if number % per_second == 0:
            company.clock.advance(seconds=1)
        made.append(company.invoice(f"{number}"))
    return made


def test_a_hundred_rows_come_by_default_and_a_thousand_at_most(company: Company) -> None:
    load_bulk(company.ledger, Volume(invoices=1_200, payments=0, credit_memos=0, customers=3, per_second=100))
    assert len(company.ids("SELECT * FROM Invoice")) == 100
    assert len(company.ids("SELECT * FROM Invoice MAXRESULTS 5000")) == 1_000
    assert len(company.ids("SELECT * FROM Invoice STARTPOSITION 1001 MAXRESULTS 1000")) == 200


@with_switches(too_many_asked=TooManyAsked.REFUSE)
def test_more_than_a_thousand_rows_are_refused_by_the_switch(company: Company) -> None:
    assert company.get("query", query="SELECT * FROM Invoice MAXRESULTS 1001").status_code == 400


def test_a_window_on_the_last_change_is_exact_at_both_ends(company: Company) -> None:
    made = fill(company, 5)
    third = "2026-11-02T09:00:03-08:00"
    head = "SELECT * FROM Invoice WHERE MetaData.LastUpdatedTime"
    tail = "ORDERBY MetaData.LastUpdatedTime"
    assert company.ids(f"{head} >= '{third}' {tail}") == made[2:]
    assert company.ids(f"{head} > '{third}' {tail}") == made[3:]
    assert company.ids(f"{head} = '2026-11-02T17:00:03Z' {tail}") == [made[2]]
    assert company.ids(f"{head} < '{third}' {tail} DESC") == [made[1], made[0]]
    assert company.ids(f"{head} <= '{third}' AND MetaData.CreateTime >= '{third}' {tail}") == [made[2]]
    assert company.ids(f"{head} >= '{third}' AND MetaData.LastUpdatedTime < '{third}' {tail}") == []
    assert company.ids(f"{head} >= '2026-11-02T09:00:03' {tail} STARTPOSITION 2 MAXRESULTS 1") == [made[3]]


@with_switches(naive_time_is_pacific=False)
def test_a_time_without_offset_is_utc_by_the_switch(company: Company) -> None:
    made = fill(company, 2)
    assert company.ids("SELECT * FROM Invoice WHERE MetaData.LastUpdatedTime = '2026-11-02T17:00:02'") == [made[1]]


def test_the_fast_and_the_slow_way_to_a_page_agree(company: Company) -> None:
    fill(company, 40, per_second=7)
    for order in ("ASC", "DESC"):
        for start in (1, 5, 39, 41):
            page = f"ORDERBY MetaData.LastUpdatedTime {order} STARTPOSITION {start} MAXRESULTS 9"
            fast = company.ids(f"SELECT * FROM Invoice {page}")
            slow = company.ids(f"SELECT * FROM Invoice WHERE TotalAmt > '0' {page}")
            assert fast == slow
            assert slow == company.ids(f"SELECT * FROM Invoice WHERE CustomerRef = '{company.acme}' {page}")


@with_switches(scramble_ties=True)
def test_ties_may_come_in_an_order_that_is_not_by_id_but_is_stable(company: Company) -> None:
    made = fill(company, 20, per_second=20)
    statement = "SELECT * FROM Invoice ORDERBY MetaData.LastUpdatedTime"
    first = company.ids(statement)
    assert first != made
    assert sorted(first, key=int) == made
    assert company.ids(statement) == first
    for invoice in made:
        company.ledger.edit_invoice(invoice, memo="x")
    assert company.ids(statement) == first


def test_an_edit_between_two_pages_moves_a_row_past_the_border(company: Company) -> None:
    made = fill(company, 6)
    company.clock.advance(seconds=1)
    edit = during(lambda: company.ledger.edit_invoice(made[0], memo="late"))
    company.server.faults.add(edit, on=Match(contains="STARTPOSITION 4"))
    pages = [
        company.ids(f"SELECT * FROM Invoice ORDERBY MetaData.LastUpdatedTime STARTPOSITION {start} MAXRESULTS 3")
        for start in (1, 4)
    ]
    assert pages == [made[:3], [made[4], made[5], made[0]]]
    assert company.server.faults.pending == ()


def test_inactive_customers_are_hidden_and_named_as_deleted_when_asked_for(company: Company) -> None:
    gone = company.ledger.add_customer("Gone")
    company.ledger.deactivate_customer(gone)
    assert company.ids("SELECT * FROM Customer") == [company.acme]
    assert company.ids("SELECT * FROM Customer WHERE Active = false") == [gone]
    assert company.ids("SELECT * FROM Customer WHERE Active IN (true, false)") == [company.acme, gone]
    assert company.query("SELECT COUNT(*) FROM Customer")["QueryResponse"]["totalCount"] == 1


def test_whole_amounts_have_no_decimals_on_the_wire(company: Company) -> None:
    company.invoice("1", "205.00")
    company.invoice("2", "85.50")
    text = company.get("query", query="SELECT * FROM Invoice ORDERBY DocNumber").text
    assert '"TotalAmt":205,' in text
    assert '"TotalAmt":85.5,' in text


# Change data capture


def changes(company: Company, entities: str, since: datetime) -> list[dict[str, Any]]:
    reply = company.get("cdc", entities=entities, changedSince=since.isoformat())
    assert reply.status_code == 200, reply.text
    groups: list[dict[str, Any]] = reply.json()["CDCResponse"][0]["QueryResponse"]
    return groups


def test_changes_come_in_one_group_per_entity_with_deletions_last(company: Company) -> None:
    first, second = fill(company, 2)
    company.clock.advance(seconds=1)
    company.ledger.delete_invoice(first)
    company.clock.advance(seconds=1)
    company.ledger.edit_invoice(second, memo="x")
    invoices, payments, customers = changes(company, "Invoice,Payment,Customer", START)
    assert payments == {}
    assert [row["Id"] for row in customers["Customer"]] == [company.acme]
    assert [row["Id"] for row in invoices["Invoice"]] == [second, first]
    assert invoices["Invoice"][1] == {
        "domain": "QBO",
        "status": "Deleted",
        "Id": first,
        "MetaData": {"LastUpdatedTime": "2026-11-02T09:00:03-08:00"},
    }


def test_changes_reach_back_thirty_days_and_no_further(company: Company) -> None:
    assert changes(company, "Invoice", START - timedelta(days=30)) == [{}]
    reply = company.get("cdc", entities="Invoice", changedSince=(START - timedelta(days=30, seconds=1)).isoformat())
    assert (reply.status_code, reply.json()["Fault"]["Error"][0]["code"]) == (400, "4001")


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        (QuickBooksSwitches(cdc_cap=5), (5, 0)),
        (QuickBooksSwitches(cdc_cap=5, cdc_cap_counts=Scope.ENTITY), (5, 5)),
        (QuickBooksSwitches(cdc_cap=20), (7, 6)),
    ],
)
def test_the_cap_cuts_the_deletions_off_first(company: Company, expected: tuple[int, int]) -> None:
    made = fill(company, 7)
    for invoice in made[:6]:
        company.ledger.receive_payment(company.acme, "10", on=DAY, apply={invoice: "10"})
    company.ledger.delete_invoice(made[6])
    invoices, payments = changes(company, "Invoice,Payment", START)
    assert (len(invoices["Invoice"]), len(payments.get("Payment", []))) == expected
    has_stub = any(row.get("status") == "Deleted" for row in invoices["Invoice"])
    assert has_stub == (expected[0] == 7)


def test_a_cdc_call_with_paging_or_an_entity_that_is_not_modelled_is_refused(company: Company) -> None:
    since = START.isoformat()
    assert company.get("cdc", entities="Invoice", changedSince=since, startPosition="2").status_code == 501
    assert company.get("cdc", entities="Vendor", changedSince=since).status_code == 501
    assert len(company.server.unmodelled) == 2


# Limits


@with_switches(throttled=True)
def test_the_eleventh_request_of_a_second_is_throttled_in_xml(company: Company) -> None:
    statuses = [company.get("query", query="SELECT COUNT(*) FROM Invoice").status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    reply = company.get("preferences")
    assert reply.headers["Content-Type"] == "application/xml"
    assert "ThrottleExceeded; errorCode=003001" in reply.text
    assert "Retry-After" not in reply.headers
    company.clock.advance(seconds=1)
    assert company.get("preferences").status_code == 200


@with_switches(throttled=True, per_second=1000, throttle_shape=ThrottleShape.JSON, retry_after="60")
def test_the_501st_request_of_a_minute_is_throttled(company: Company) -> None:
    for number in range(500):
        assert company.get("preferences").status_code == 200, number
    reply = company.get("preferences")
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "60")
    assert reply.json()["Fault"]["Error"][0]["code"] == "3001"
    company.clock.advance(seconds=60)
    assert company.get("preferences").status_code == 200


def test_only_successful_reads_are_metered(company: Company) -> None:
    company.get("preferences")
    company.get("query", query="SELECT * FROM Invoice")
    company.get("cdc", entities="Invoice", changedSince=START.isoformat())
    company.get("invoice/1")
    company.get("query", query="nonsense")
    assert company.server.limits.metered == {"2026-11": 3}


@with_switches(monthly_cap=2)
def test_a_spent_month_is_blocked_until_the_next(company: Company) -> None:
    statuses = [company.get("preferences").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    company.clock.advance(days=30)
    company.tokens = company.server.tokens.connect()
    assert company.get("preferences").status_code == 200


# Access


def test_a_missing_token_is_refused_with_a_fault_in_lower_case(company: Company) -> None:
    url = f"{company.server.url}/v3/company/{company.ledger.realm_id}/preferences"
    reply = company.http.get(url, timeout=10)
    assert reply.status_code == 401
    assert reply.json()["fault"]["error"][0]["code"] == "3200"
    assert "invalid_token" in reply.headers["www-authenticate"]


def test_the_hard_end_of_a_refresh_token_is_told_to_those_who_ask(company: Company) -> None:
    plain = company.refresh(company.tokens.refresh_token).json()
    assert "x_refresh_token_hard_expires_in" not in plain
    told = company.refresh(company.tokens.refresh_token, **{"x-include-refresh-token-hard-expires-in": "true"}).json()
    assert told["x_refresh_token_hard_expires_in"] == 5 * 365 * 86_400


def test_a_refresh_token_lasts_by_being_used_but_not_beyond_five_years(company: Company) -> None:
    token, days = company.tokens.refresh_token, 0
    while (reply := company.refresh(token)).status_code == 200:
        token = reply.json()["refresh_token"]
        company.clock.advance(days=90)
        days += 90
    assert days == 1_890  # the first multiple of 90 days past five years
    assert reply.json() == {"error": "invalid_grant", "error_description": "Incorrect or invalid refresh token"}


def test_a_refresh_token_that_is_not_used_dies(company: Company) -> None:
    company.clock.advance(days=101)
    assert company.refresh(company.tokens.refresh_token).status_code == 400


@pytest.mark.parametrize(
    ("switches", "hours", "status"),
    [
        (QuickBooksSwitches(), 0, 400),
        (QuickBooksSwitches(old_refresh_token_grace=timedelta(hours=24)), 23, 200),
        (QuickBooksSwitches(old_refresh_token_grace=timedelta(hours=24)), 24, 400),
    ],
)
def test_a_replaced_refresh_token_holds_for_its_grace(company: Company, hours: int, status: int) -> None:
    company.clock.advance(hours=24)
    assert company.refresh(company.tokens.refresh_token).status_code == 200
    company.clock.advance(hours=hours)
    assert company.refresh(company.tokens.refresh_token).status_code == status


def test_a_lost_reply_to_a_rotation_severs_the_connection(company: Company) -> None:
    company.clock.advance(hours=25)
    company.server.faults.add(lost_reply(), on=Match(path=TOKEN_PATH))
    with pytest.raises(requests.ConnectionError):
        company.refresh(company.tokens.refresh_token)
    assert company.refresh(company.tokens.refresh_token).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("switches", "after"),
    [(QuickBooksSwitches(), 400), (QuickBooksSwitches(concurrent_refresh_revokes=False), 200)],
)
def test_two_refreshes_at_the_same_time_may_end_the_connection(company: Company, after: int) -> None:
    both = threading.Barrier(2, timeout=5)

    def meet() -> None:
        both.wait()

    company.server.tokens.before_refresh = meet
    threads = [threading.Thread(target=company.refresh, args=(company.tokens.refresh_token,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    company.server.tokens.before_refresh = lambda: None
    assert company.refresh(company.tokens.refresh_token).status_code == after


def test_a_client_with_a_wrong_secret_is_refused(company: Company) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": company.tokens.refresh_token}
    reply = company.http.post(company.server.url + TOKEN_PATH, data=form, auth=(CLIENT_ID, "wrong"), timeout=10)
    assert (reply.status_code, reply.json()) == (401, {"error": "invalid_client"})


# Scale


def test_a_large_company_keeps_the_identities_and_shares_seconds(company: Company) -> None:
    load_bulk(company.ledger, Volume(invoices=2_000, payments=1_600, credit_memos=200, customers=50))
    assert company.ledger.check_identities() == []
    assert company.query("SELECT COUNT(*) FROM Payment")["QueryResponse"]["totalCount"] == 1_600
    page = company.get("query", query="SELECT * FROM Invoice ORDERBY MetaData.LastUpdatedTime MAXRESULTS 1000")
    times = [row["MetaData"]["LastUpdatedTime"] for row in page.json()["QueryResponse"]["Invoice"]]
    assert times == sorted(times, key=datetime.fromisoformat)
    assert len(set(times)) < 20
    assert 2_000 < len(page.content) / 1_000 < 3_000
    company.ledger.void_invoice(company.ids("SELECT * FROM Invoice MAXRESULTS 1")[0])
    assert company.ledger.check_identities() == []
