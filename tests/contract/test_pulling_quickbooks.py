"""The whole reading of QuickBooks against the simulator: the mirror is the truth, and what is not read is said."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from connectors.errors import AccessRevoked, ContractBroken
from connectors.sandbox import faults
from connectors.sandbox.faults import Match
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches, Scope
from mappings.model import Account, Invoice, Kind, Preferences, RecordKey, System
from sync.pulling.quickbooks import pull_quickbooks
from tests.fakes import SimulatedCrashError
from tests.quickbooks_bench import TODAY, Bench, a_bench

CUSTOMERS_LAG = frozenset({Kind.CUSTOMER})
SECOND = timedelta(seconds=1)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with a_bench() as bench:
        yield bench


def a_small_firm(bench: Bench) -> dict[str, str]:
    """A bit of everything."""
    books = bench.ledger
    amy = books.add_customer("Amy's Bird Sanctuary")
    job = books.add_customer("Aviary", parent_id=amy)
    bench.clock.advance(minutes=1)
    ids = {
        "amy": amy,
        "job": job,
        "paid": books.create_invoice(amy, "INV-1", "205.00", on=TODAY, tax="5.00"),
        "open": books.create_invoice(job, "INV-2", "1000.00", on=TODAY),
    }
    bench.clock.advance(minutes=1)
    ids["memo"] = books.create_credit_memo(amy, "CM-1", "100.00", on=TODAY)
    ids["credit"] = books.apply_credit(ids["memo"], ids["paid"], "100.00", on=TODAY)
    ids["cash"] = books.receive_payment(amy, "105.00", on=TODAY, apply={ids["paid"]: "105.00"}, reference="4711")
    ids["over"] = books.receive_payment(job, "300.00", on=TODAY)
    ids["entry"] = books.journal_entry(
        [("Bad Debts", None, "Debit", "50.00"), ("Accounts Receivable (A/R)", amy, "Credit", "50.00")], on=TODAY
    )
    ids["receipt"] = books.refund_receipt(amy, "RR-1", "12.00", on=TODAY)
    ids["purchase"] = books.refund_overpayment(ids["over"], "20.00", on=TODAY)
    bench.clock.advance(hours=1)
    return ids


def seen(bench: Bench, kind: Kind, id_: str) -> RecordKey:
    return RecordKey(System.QUICKBOOKS, kind, id_)


def test_the_first_load_is_the_truth(bench: Bench) -> None:
    a_small_firm(bench)
    outcome = bench.pull()
    assert outcome.gaps == ()
    bench.assert_mirror_is_truth()
    assert outcome.read["invoice"] == 2
    assert outcome.metered == outcome.sent
    assert set(outcome.changed) == set(bench.store.versions)


def test_an_empty_company_is_read_without_a_gap(bench: Bench) -> None:
    outcome = bench.pull()
    assert outcome.gaps == ()
    bench.assert_mirror_is_truth()


def test_preferences_and_receivable_accounts_are_known_after_the_first_load(bench: Bench) -> None:
    a_small_firm(bench)
    bench.pull()
    content = bench.store.load_contents([RecordKey(System.QUICKBOOKS, Kind.PREFERENCES, "1")])
    assert [type(found) for found in content.values()] == [Preferences]
    accounts = bench.store.load_contents([RecordKey(System.QUICKBOOKS, Kind.ACCOUNT, "1")])
    assert [("Accounts Receivable (A/R)", True, True)] == [
        (found.name, found.is_receivable, found.active) for found in accounts.values() if isinstance(found, Account)
    ]


def test_a_receivable_account_that_is_renamed_is_a_new_version_of_the_next_day(bench: Bench) -> None:
    a_small_firm(bench)
    second = bench.ledger.add_account("Accounts Receivable (A/R) - Retainers", "Accounts Receivable")
    bench.pull()
    bench.ledger.rename_account(second, "Retainers")
    bench.clock.advance(days=2)
    bench.pull()
    history = bench.store.load_history(RecordKey(System.QUICKBOOKS, Kind.ACCOUNT, second))
    assert history is not None
    names = [version.content.name for version in history.versions if isinstance(version.content, Account)]
    assert ["Accounts Receivable (A/R) - Retainers", "Retainers"] == names


def test_an_inactive_receivable_account_stays_one(bench: Bench) -> None:
    """Entries of earlier years stand on it."""
    a_small_firm(bench)
    second = bench.ledger.add_account("Old receivables", "Accounts Receivable")
    bench.ledger.deactivate_account(second)
    bench.pull()
    (found,) = bench.store.load_contents([RecordKey(System.QUICKBOOKS, Kind.ACCOUNT, second)]).values()
    assert isinstance(found, Account)
    assert (True, False) == (found.is_receivable, found.active)


def test_a_quiet_second_run_sends_one_call_and_writes_nothing(bench: Bench) -> None:
    a_small_firm(bench)
    bench.pull()
    for minutes in (5, 60, 300):
        bench.clock.advance(minutes=minutes)
        rows, units = bench.store.rows_written, bench.store.units
        outcome = bench.pull()
        assert (outcome.sent, outcome.metered, outcome.changed, outcome.gaps) == (1, 1, (), ())
        assert bench.store.rows_written == rows
        assert bench.store.units == units


def test_a_quiet_run_right_after_the_first_writes_nothing_either(bench: Bench) -> None:
    bench.invoices(3)
    bench.pull()
    rows = bench.store.rows_written
    outcome = bench.pull()
    assert (outcome.sent, outcome.changed) == (1, ())
    assert bench.store.rows_written == rows


def test_the_watermark_moves_when_it_gets_old(bench: Bench) -> None:
    bench.invoices(1)
    bench.pull()
    before = bench.store.cursors["quickbooks"]
    bench.clock.advance(hours=13)
    assert bench.pull().sent == 1
    assert bench.store.cursors["quickbooks"] != before


def test_many_pages_are_read_once_each(bench: Bench) -> None:
    bench.invoices(2500, every=SECOND)
    bench.clock.advance(hours=1)
    outcome = bench.pull()
    assert outcome.gaps == ()
    assert outcome.read["invoice"] == 2500
    bench.assert_mirror_is_truth()


@pytest.mark.parametrize("scrambled", [False, True])
def test_fifteen_hundred_records_of_one_second_are_all_read(scrambled: bool) -> None:
    with a_bench(QuickBooksSwitches(scramble_ties=scrambled)) as bench:
        bench.invoices(300, prefix="before", every=SECOND)
        bench.invoices(1500, prefix="tie")
        bench.clock.advance(seconds=1)
        bench.invoices(700, prefix="after", every=SECOND)
        bench.clock.advance(hours=1)
        assert bench.pull().gaps == ()
        bench.assert_mirror_is_truth()


def test_exactly_one_page_of_one_second_is_read_to_its_end(bench: Bench) -> None:
    bench.invoices(1000)
    bench.clock.advance(hours=1)
    assert bench.pull().gaps == ()
    bench.assert_mirror_is_truth()


def test_edits_during_the_load_are_not_lost(bench: Bench) -> None:
    made = bench.invoices(2500, every=SECOND)
    bench.clock.advance(hours=1)

    def meanwhile() -> None:
        bench.clock.advance(seconds=2)
        for id_ in (made[0], made[999], made[1000], made[1500], made[-1]):
            bench.ledger.edit_invoice(id_, amount=777)
        bench.ledger.delete_invoice(made[5])
        bench.ledger.delete_invoice(made[2000])
        bench.invoices(3, prefix="late")

    bench.server.faults.add(faults.during(meanwhile), on=Match(contains="FROM Invoice WHERE"), nth=1)
    outcome = bench.pull()
    assert bench.server.faults.pending == ()
    assert outcome.gaps == ()
    bench.assert_mirror_is_truth(but=CUSTOMERS_LAG)


def test_a_crash_at_any_commit_of_the_first_load_loses_nothing_and_repeats_little(bench: Bench) -> None:
    a_small_firm(bench)
    bench.invoices(2500, every=SECOND)
    bench.clock.advance(hours=1)
    crashes = 0
    while True:
        bench.store.fail_after_units = crashes % 3 + crashes // 10
        try:
            outcome = bench.pull()
        except SimulatedCrashError:
            crashes += 1
            bench.clock.advance(minutes=1)
            assert crashes < 60
            continue
        break
    assert crashes > 5
    assert outcome.gaps == ()
    bench.assert_mirror_is_truth()


def test_a_page_is_not_read_again_after_it_was_stored(bench: Bench) -> None:
    bench.invoices(2500, every=SECOND)
    bench.clock.advance(hours=1)
    bench.server.faults.add(faults.bad_gateway(), on=Match(contains="FROM Invoice WHERE"), nth=2, times=3)
    first = bench.pull()
    assert [gap.code for gap in first.gaps] == ["G10"]
    assert len(bench.store.load_ids(System.QUICKBOOKS, Kind.INVOICE)) >= 1999
    bench.clock.advance(minutes=10)
    second = bench.pull()
    assert second.gaps == ()
    assert second.read["invoice"] < 700
    bench.assert_mirror_is_truth()


def test_changes_and_deletions_arrive_with_the_next_run(bench: Bench) -> None:
    ids = a_small_firm(bench)
    bench.pull()
    bench.clock.advance(hours=2)
    bench.ledger.unapply(ids["cash"], ids["paid"])
    bench.ledger.delete_payment(ids["credit"])
    bench.ledger.void_invoice(ids["open"])
    new = bench.ledger.create_invoice(ids["amy"], "INV-9", 10, on=TODAY)
    outcome = bench.pull()
    assert outcome.gaps == ()
    assert outcome.sent == 1
    bench.assert_mirror_is_truth(but=CUSTOMERS_LAG)
    history = bench.store.load_history(seen(bench, Kind.PAYMENT, ids["credit"]))
    assert history is not None
    assert history.content is None
    assert seen(bench, Kind.INVOICE, new) in outcome.changed


def test_the_moment_of_a_change_is_bounded_by_two_reads(bench: Bench) -> None:
    ids = a_small_firm(bench)
    bench.pull()
    read_at = bench.clock.now()
    bench.clock.advance(hours=2)
    bench.ledger.edit_invoice(ids["open"], amount=5)
    bench.clock.advance(hours=2)
    bench.pull()
    history = bench.store.load_history(seen(bench, Kind.INVOICE, ids["open"]))
    assert history is not None
    assert history.first.absent_before is None
    latest = history.latest
    assert latest.absent_before is not None
    assert read_at - timedelta(minutes=6) <= latest.absent_before <= read_at
    assert latest.observed_at == bench.clock.now()


def test_a_new_customer_is_fetched_with_the_transaction_that_names_it(bench: Bench) -> None:
    a_small_firm(bench)
    bench.pull()
    bench.clock.advance(minutes=30)
    parent = bench.ledger.add_customer("Parent")
    job = bench.ledger.add_customer("Job", parent_id=parent)
    bench.ledger.create_invoice(job, "INV-77", 10, on=TODAY)
    outcome = bench.pull()
    assert outcome.sent == 3
    known = bench.store.load_ids(System.QUICKBOOKS, Kind.CUSTOMER)
    assert {parent, job} <= known


def test_customers_and_preferences_follow_once_a_day(bench: Bench) -> None:
    ids = a_small_firm(bench)
    bench.pull()
    bench.ledger.rename_customer(ids["amy"], "Amy's Birds")
    bench.ledger.set_preferences(auto_apply_credit=True)
    bench.clock.advance(hours=2)
    assert bench.pull().changed == ()
    bench.clock.advance(hours=23)
    changed = bench.pull().changed
    assert seen(bench, Kind.CUSTOMER, ids["amy"]) in changed
    assert seen(bench, Kind.PREFERENCES, "1") in changed
    bench.assert_mirror_is_truth()


@pytest.mark.parametrize("scope", list(Scope))
def test_more_changes_than_one_list_holds_are_all_read(scope: Scope) -> None:
    with a_bench(QuickBooksSwitches(cdc_cap_counts=scope)) as bench:
        ids = a_small_firm(bench)
        made = bench.invoices(1300, every=SECOND)
        bench.clock.advance(hours=1)
        bench.pull()
        bench.clock.advance(hours=1)
        for id_ in made[:1200]:
            bench.ledger.edit_invoice(id_, amount=50)
        for id_ in made[1200:1210]:
            bench.ledger.delete_invoice(id_)
        bench.ledger.delete_payment(ids["cash"])
        bench.clock.advance(hours=1)
        outcome = bench.pull()
        assert outcome.gaps == ()
        bench.assert_mirror_is_truth(but=CUSTOMERS_LAG)
        bench.clock.advance(minutes=30)
        assert bench.pull().sent == 1


def test_many_small_kinds_that_overflow_together_are_read_one_by_one(bench: Bench) -> None:
    made = bench.invoices(600, every=SECOND)
    customer = bench.ledger.add_customer("Payer")
    paid = [bench.ledger.receive_payment(customer, 10, on=TODAY) for _ in range(600)]
    bench.clock.advance(hours=1)
    bench.pull()
    bench.clock.advance(hours=1)
    for id_ in made:
        bench.ledger.edit_invoice(id_, amount=50)
    for id_ in paid[:500]:
        bench.ledger.delete_payment(id_)
    bench.clock.advance(hours=1)
    outcome = bench.pull()
    assert outcome.gaps == ()
    assert outcome.sent == 9
    bench.assert_mirror_is_truth(but=CUSTOMERS_LAG)


def test_a_big_import_just_before_a_run_does_not_make_the_next_one_read_it_again(bench: Bench) -> None:
    bench.invoices(1500, every=timedelta(seconds=0.1))
    bench.clock.advance(seconds=15)
    assert bench.pull().gaps == ()
    bench.assert_mirror_is_truth()
    bench.clock.advance(seconds=30)
    assert bench.pull().sent <= 2
    bench.clock.advance(seconds=30)
    quiet = bench.pull()
    assert (quiet.sent, quiet.changed) == (1, ())


def test_a_world_whose_clock_stands_still_is_read_completely(bench: Bench) -> None:
    made = bench.invoices(2500)
    assert bench.pull().gaps == ()
    bench.assert_mirror_is_truth()
    bench.ledger.edit_invoice(made[7], amount=3)
    bench.ledger.delete_invoice(made[8])
    assert bench.pull().gaps == ()
    bench.assert_mirror_is_truth(but=CUSTOMERS_LAG)


@pytest.mark.parametrize("skew_days", [-90, 90])
def test_a_wrong_clock_of_ours_costs_no_new_reading(bench: Bench, skew_days: int) -> None:
    class Skewed:
        def now(self) -> datetime:
            return bench.clock.now() + timedelta(days=skew_days)

        def monotonic_seconds(self) -> float:
            return bench.clock.monotonic_seconds()

        def sleep_seconds(self, seconds: float) -> None:
            bench.clock.sleep_seconds(seconds)

    made = bench.invoices(50, every=SECOND)
    bench.clock.advance(hours=1)
    bench.pull()
    bench.ledger.edit_invoice(made[0], amount=5)
    bench.clock.advance(hours=1)
    for _ in range(2):
        outcome = pull_quickbooks(bench.reader, bench.store, run_id="skewed", clock=Skewed())
        assert outcome.gaps == ()
        assert outcome.read.get("invoice", 0) < 50
    bench.assert_mirror_is_truth(but=CUSTOMERS_LAG)


@pytest.mark.parametrize("days", [29.5, 31, 45, 90])
def test_after_a_long_silence_everything_is_found_deletions_too(bench: Bench, days: float) -> None:
    ids = a_small_firm(bench)
    made = bench.invoices(50, every=SECOND)
    bench.pull()
    bench.ledger.delete_invoice(made[3])
    bench.ledger.delete_payment(ids["credit"])
    bench.ledger.edit_invoice(made[4], amount=5)
    bench.ledger.delete_credit_memo(ids["memo"])
    bench.clock.advance(days=days)
    outcome = bench.pull()
    assert outcome.gaps == ()
    bench.assert_mirror_is_truth()


def test_a_crash_in_the_middle_of_catching_up_after_a_long_silence_loses_nothing(bench: Bench) -> None:
    made = bench.invoices(1200, every=SECOND)
    bench.clock.advance(hours=1)
    bench.pull()
    for id_ in made[:1100]:
        bench.ledger.edit_invoice(id_, amount=5)
    bench.ledger.delete_invoice(made[1150])
    bench.clock.advance(days=40)
    crashes = 0
    while True:
        bench.store.fail_after_units = crashes % 2 + crashes // 10
        try:
            outcome = bench.pull()
        except SimulatedCrashError:
            crashes += 1
            assert crashes < 60
            continue
        break
    assert crashes > 3
    assert outcome.gaps == ()
    bench.assert_mirror_is_truth()


def test_a_time_that_quickbooks_finds_too_long_ago_is_handled_although_our_clock_disagrees() -> None:
    with a_bench(QuickBooksSwitches(cdc_days=27)) as bench:
        made = bench.invoices(5)
        bench.pull()
        bench.ledger.delete_invoice(made[0])
        bench.clock.advance(days=28)
        assert bench.pull().gaps == ()
        bench.assert_mirror_is_truth()


def test_a_full_run_reads_everything_and_finds_what_change_lists_missed(bench: Bench) -> None:
    made = bench.invoices(30, every=SECOND)
    bench.clock.advance(hours=1)
    bench.pull()
    lost = seen(bench, Kind.INVOICE, made[3])
    ghost = seen(bench, Kind.INVOICE, "99999")
    bench.store.versions[ghost] = bench.store.versions.pop(lost)
    outcome = bench.pull(full=True)
    assert outcome.gaps == ()
    assert outcome.read["invoice"] >= 30
    bench.assert_mirror_is_truth()
    assert bench.store.versions[ghost][-1].content is None


def test_a_difference_in_numbers_is_healed_by_the_daily_count(bench: Bench) -> None:
    made = bench.invoices(30, every=SECOND)
    bench.clock.advance(hours=1)
    bench.pull()
    del bench.store.versions[seen(bench, Kind.INVOICE, made[3])]
    bench.clock.advance(hours=25)
    outcome = bench.pull()
    assert outcome.gaps == ()
    bench.assert_mirror_is_truth()


def test_a_count_that_cannot_be_met_is_a_gap(bench: Bench) -> None:
    bench.invoices(3)
    wrong = b'{"QueryResponse":{"totalCount":4},"time":"2026-03-02T01:00:00-08:00"}'
    bench.server.faults.add(faults.answer(200, wrong), on=Match(contains="COUNT(*) FROM Invoice"), times=None)
    assert [gap.code for gap in bench.pull().gaps] == ["G6"]
    bench.clock.advance(minutes=30)
    quiet = bench.pull()
    assert (quiet.sent, [gap.code for gap in quiet.gaps]) == (1, ["G6"])
    bench.server.faults.clear()
    bench.clock.advance(hours=25)
    assert bench.pull().gaps == ()


def test_a_server_that_suddenly_lists_nothing_deletes_nothing(bench: Bench) -> None:
    made = bench.invoices(60)
    bench.pull()
    nothing = b'{"QueryResponse":{},"time":"2026-03-02T02:00:00-08:00"}'
    bench.server.faults.add(faults.answer(200, nothing), on=Match(contains="SELECT * FROM Invoice"), times=None)
    outcome = bench.pull(full=True)
    assert [gap.code for gap in outcome.gaps] == ["G10"]
    assert bench.store.load_ids(System.QUICKBOOKS, Kind.INVOICE) == frozenset(made)
    bench.server.faults.clear()
    assert bench.pull().gaps == ()
    bench.assert_mirror_is_truth()


def test_short_pages_in_the_middle_are_found_out_by_the_count(bench: Bench) -> None:
    bench.invoices(40, every=SECOND)
    bench.clock.advance(hours=1)
    few = [bench.ledger.objects("Invoice")[number] for number in range(10)]
    body = json.dumps({"QueryResponse": {"Invoice": few}, "time": "2026-03-02T02:00:00-08:00"}, default=str)
    bench.server.faults.add(faults.answer(200, body), on=Match(contains="SELECT * FROM Invoice"))
    assert bench.pull().gaps == ()
    bench.assert_mirror_is_truth()


def poisoned(bench: Bench, count: int) -> str:
    rows = bench.ledger.objects("Invoice")
    for row in rows[:count]:
        row["TotalAmt"] = "NaN"
    return json.dumps({"QueryResponse": {"Invoice": rows}, "time": "2026-03-02T02:00:00-08:00"}, default=str)


def test_a_record_that_cannot_be_understood_is_set_aside_and_its_neighbours_land(bench: Bench) -> None:
    made = bench.invoices(30, every=SECOND)
    bench.clock.advance(hours=1)
    bench.server.faults.add(faults.answer(200, poisoned(bench, 2)), on=Match(contains="SELECT * FROM Invoice"), times=1)
    outcome = bench.pull()
    assert [gap.code for gap in outcome.gaps] == ["G6"]
    assert made[0] in outcome.gaps[0].sentence
    assert sorted(bad.record_id for bad in bench.store.quarantined) == sorted(made[:2])
    assert len(bench.store.load_ids(System.QUICKBOOKS, Kind.INVOICE)) == 28
    bench.clock.advance(minutes=30)
    assert [gap.code for gap in bench.pull().gaps] == ["G6"]
    for id_ in made[:2]:
        bench.ledger.edit_invoice(id_, amount=1)
    bench.clock.advance(minutes=30)
    assert bench.pull().gaps == ()
    bench.assert_mirror_is_truth(but=CUSTOMERS_LAG)


def test_a_record_that_spoils_its_page_is_set_aside_by_its_id(bench: Bench) -> None:
    made = bench.invoices(5, every=SECOND)
    bench.clock.advance(hours=1)
    body = json.dumps(
        {"QueryResponse": {"Invoice": bench.ledger.objects("Invoice")}, "time": "2026-03-02T02:00:00-08:00"},
        default=str,
    )
    spoiled = body.replace('"INV-2"', '"\\ud800"')
    bench.server.faults.add(faults.answer(200, spoiled), on=Match(contains="SELECT * FROM Invoice"))
    outcome = bench.pull()
    assert [gap.code for gap in outcome.gaps] == ["G6"]
    assert [bad.record_id for bad in bench.store.quarantined] == [made[2]]
    bench.clock.advance(minutes=30)
    bench.ledger.edit_invoice(made[2], amount=1)
    assert bench.pull().gaps == ()
    bench.assert_mirror_is_truth(but=CUSTOMERS_LAG)


def test_a_page_of_poison_stops_the_reading(bench: Bench) -> None:
    bench.invoices(30, every=SECOND)
    bench.clock.advance(hours=1)
    bench.server.faults.add(faults.answer(200, poisoned(bench, 25)), on=Match(contains="SELECT * FROM Invoice"))
    with pytest.raises(ContractBroken, match="25 of 30"):
        bench.pull()
    assert bench.store.quarantined == []


def test_a_server_whose_pages_go_in_circles_is_noticed(bench: Bench) -> None:
    bench.invoices(1, every=SECOND)
    row = bench.ledger.objects("Invoice")[0]
    rows = [{**row, "Id": str(number)} for number in range(1000)]
    rows[0]["MetaData"] = {"LastUpdatedTime": "2026-03-02T09:59:59-08:00"}
    body = json.dumps({"QueryResponse": {"Invoice": rows}, "time": "2026-03-02T02:00:00-08:00"}, default=str)
    bench.server.faults.add(faults.answer(200, body), on=Match(contains="SELECT * FROM Invoice"), times=None)
    with pytest.raises(ContractBroken, match="order of change"):
        bench.pull()


def test_a_revoked_connection_reaches_the_caller(bench: Bench) -> None:
    bench.invoices(3)
    bench.pull()
    bench.server.tokens.revoke_all()
    bench.clock.advance(minutes=30)
    with pytest.raises(AccessRevoked):
        bench.pull()


def test_a_token_that_expires_in_the_middle_costs_one_replay(bench: Bench) -> None:
    bench.invoices(2500, every=SECOND)
    bench.clock.advance(hours=1)
    bench.server.faults.add(
        faults.during(bench.server.tokens.expire_access_tokens), on=Match(contains="FROM Invoice WHERE")
    )
    outcome = bench.pull()
    assert outcome.gaps == ()
    assert outcome.sent == outcome.metered + 1
    bench.assert_mirror_is_truth()


def test_tokens_are_refreshed_over_weeks_of_work(bench: Bench) -> None:
    bench.invoices(3)
    for _ in range(40):
        assert bench.pull().gaps == ()
        bench.clock.advance(hours=17)
    bench.assert_mirror_is_truth()


def test_a_throttle_is_waited_out(bench: Bench) -> None:
    bench.invoices(3)
    bench.server.faults.add(faults.throttled(), times=2)
    assert bench.pull().gaps == ()
    bench.assert_mirror_is_truth()


@pytest.mark.parametrize(
    "fault",
    [
        faults.bad_gateway(),
        faults.empty_body(),
        faults.reset(),
        faults.truncated(40),
        faults.fault_in_ok(),
        faults.empty_fault(),
    ],
    ids=lambda fault: fault.name,
)
def test_an_unreachable_quickbooks_is_a_gap_and_the_next_run_heals_it(bench: Bench, fault: faults.Fault) -> None:
    made = bench.invoices(3)
    bench.pull()
    bench.clock.advance(minutes=30)
    bench.ledger.edit_invoice(made[0], amount=9)
    bench.server.faults.add(fault, on=Match(path="/v3/"), times=3)
    outcome = bench.pull()
    assert [gap.code for gap in outcome.gaps] == ["G10"]
    assert outcome.metered == 0
    bench.server.faults.clear()
    assert bench.pull().gaps == ()
    bench.assert_mirror_is_truth(but=CUSTOMERS_LAG)


def test_a_refused_account_query_is_tolerated(bench: Bench) -> None:
    a_small_firm(bench)
    refusal = b'{"Fault":{"Error":[{"Message":"Permission Denied Error","code":"5020"}],"type":"ValidationFault"}}'
    bench.server.faults.add(faults.answer(400, refusal), on=Match(contains="FROM Account"))
    assert bench.pull().gaps == ()
    assert {} == bench.store.load_contents([RecordKey(System.QUICKBOOKS, Kind.ACCOUNT, "1")])


def test_the_cursor_stays_small(bench: Bench) -> None:
    bench.invoices(10)
    bench.pull()
    assert len(bench.store.cursors["quickbooks"]) < 400


def test_an_older_answer_never_replaces_a_newer_version(bench: Bench) -> None:
    made = bench.invoices(1)
    bench.pull()
    bench.clock.advance(minutes=30)
    bench.ledger.edit_invoice(made[0], amount=9)
    bench.pull()
    content = bench.store.load_contents([seen(bench, Kind.INVOICE, made[0])])
    found = content[seen(bench, Kind.INVOICE, made[0])]
    assert isinstance(found, Invoice)
    assert found.total_minor == 900


def test_a_memo_whose_own_time_does_not_move_is_read_with_the_payment_that_uses_it() -> None:
    with a_bench(QuickBooksSwitches(credit_memo_moves_when_applied=False)) as bench:
        ids = a_small_firm(bench)
        memo = bench.ledger.create_credit_memo(ids["amy"], "CM-2", "80.00", on=TODAY)
        bench.pull()
        bench.clock.advance(hours=1)
        link = bench.ledger.apply_credit(
            memo, bench.ledger.create_invoice(ids["amy"], "INV-3", 100, on=TODAY), 80, on=TODAY
        )
        bench.pull()
        bench.assert_mirror_is_truth(but=CUSTOMERS_LAG)
        bench.clock.advance(hours=1)
        assert bench.pull().sent == 1
        bench.ledger.delete_payment(link)
        bench.pull()
        bench.assert_mirror_is_truth(but=CUSTOMERS_LAG)
