"""The pull of BigTime against the simulated firm: it holds what BigTime shows, under every switch and fault."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from connectors.bigtime.client import ApiToken, BigTimeClient, UserLogin
from connectors.bigtime.reading import BigTimeReader
from connectors.errors import AccessRevoked, ContractBroken, Unavailable
from connectors.sandbox import bigtime as simulator
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
from connectors.sandbox.exchange import Reply, Request, json_reply
from connectors.sandbox.faults import FaultTable, Match, answer, bad_gateway, throttled, truncated
from connectors.transport import Transport
from mappings.model import Content, Kind, RecordKey, System, Version
from state.versions import RecordStore
from sync.pulling import spans
from sync.pulling.spans import Days
from tests.fakes import SimulatedCrashError
from tests.fakes_bigtime import Firm, Settings, meddle, populate


class Witness:
    """Knows what BigTime said at every moment, and holds each stored version against it."""

    def __init__(self, firm: Firm) -> None:
        self._firm = firm
        self._moments = [firm.clock.now()]
        self._states = [firm.truth()]
        self._checked: dict[RecordKey, int] = {}

    def note(self) -> None:
        self._moments.append(self._firm.clock.now())
        self._states.append(self._firm.truth())

    def _at(self, moment: datetime) -> dict[RecordKey, Content | None]:
        return self._states[max(bisect_right(self._moments, moment) - 1, 0)]

    def _changed_at(self, key: RecordKey, version: Version) -> datetime:
        """When the record last became what the version says."""
        place = bisect_right(self._moments, version.observed_at) - 1
        while place > 0 and self._states[place].get(key) != version.content:
            place -= 1  # it changed again while it was being read
        while place > 0 and self._states[place - 1].get(key) == version.content:
            place -= 1
        return self._moments[place]

    def check(self) -> None:
        """No false deletion, and every version's bounds hold the moment of its change."""
        for key, history in self._firm.store.versions.items():
            for version in history[self._checked.get(key, 0) :] if key.kind is not Kind.CLIENT else ():
                if version.content is None:
                    assert key not in self._states[-1], f"{key} is there"
                    assert version.absent_before is not None
                    assert key in self._at(version.absent_before), f"{key} was gone before"
                elif version.absent_before is not None:
                    assert self._changed_at(key, version) > version.absent_before, f"{key} was so before"
            self._checked[key] = len(history)


def assert_converges(firm: Firm) -> None:
    """After a day, in which everything is read again, the store is the truth, and then nothing is written."""
    for _ in range(2):
        assert firm.pull(minutes=23 * 60, accept_losses=True).gaps == ()
    assert firm.truth() == firm.stored()
    firm.pull(full=True)
    firm.pull()  # the first reading of a part may teach which date is compared
    rows = firm.store.rows_written
    firm.calls()
    quiet = firm.pull(minutes=20)
    assert (rows, (), ()) == (firm.store.rows_written, quiet.changed, quiet.gaps)
    assert len(firm.calls()) <= 3


@pytest.mark.parametrize(
    "switches",
    [
        BigTimeSwitches(
            payments_filtered_by=paid, invoices_filtered_by=sent, deleted_payment=gone, drafts_in_history=drafts
        )
        for paid, sent, gone, drafts in [
            (FilteredBy.PAID, InvoiceFilteredBy.ISSUED, Deleted.VANISHES, False),
            (FilteredBy.APPLIED, InvoiceFilteredBy.SENT, Deleted.VANISHES, True),
            (FilteredBy.PAID, InvoiceFilteredBy.SENT, Deleted.NEGATIVE_ROW, False),
            (FilteredBy.APPLIED, InvoiceFilteredBy.ISSUED, Deleted.VANISHES, True),
        ]
    ],
    ids=lambda switches: f"{switches.payments_filtered_by}-{switches.invoices_filtered_by}",
)
@pytest.mark.parametrize("row_budget", [5000, 12])
@pytest.mark.parametrize("seed", [1, 8])
def test_the_store_follows_whatever_happens_and_proves_no_falsehood(
    switches: BigTimeSwitches, row_budget: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans, "ROW_BUDGET", row_budget)
    monkeypatch.setattr(spans, "_SHORT_LIST_ROWS", 5)
    firm = Firm(switches=switches)
    chance = populate(firm, seed=seed)
    witness = Witness(firm)
    assert firm.pull().gaps == ()
    assert firm.truth() == firm.stored()
    for _ in range(25):
        for _ in range(chance.randrange(3)):
            firm.clock.advance(minutes=1)
            meddle(firm, chance)
            witness.note()
        assert firm.pull(minutes=chance.choice([5, 15, 60, 600])).gaps == ()
        witness.check()
    assert_converges(firm)


def test_a_small_firm_is_up_to_date_after_each_cycle_and_deletions_after_two() -> None:
    firm = Firm()
    chance = populate(firm)
    firm.pull()
    firm.pull()
    for _ in range(40):
        firm.clock.advance(minutes=1)
        meddle(firm, chance)
        firm.pull()
        firm.calls()
        assert firm.pull().gaps == ()
        assert len(firm.calls()) <= 3
        assert firm.truth() == firm.stored()


@pytest.mark.parametrize(
    "switches",
    [
        *[BigTimeSwitches(payment_timestamp=style, invoice_timestamp=style) for style in Timestamp],
        *[BigTimeSwitches(numbers=style) for style in Numbers],
        *[BigTimeSwitches(absent=style) for style in Absent],
        *[BigTimeSwitches(casing=style) for style in Casing],
        *[BigTimeSwitches(spelling=style) for style in Spelling],
        BigTimeSwitches(paid_includes_account_credit=False, marked_paid_counts_as_paid=True),
        BigTimeSwitches(marked_paid_shows_nothing_due=False),
    ],
    ids=repr,
)
def test_every_way_of_writing_gives_the_same_records(switches: BigTimeSwitches) -> None:
    def run(with_switches: BigTimeSwitches) -> tuple[Firm, set[RecordKey]]:
        firm = Firm(switches=with_switches)
        chance = populate(firm, invoices=25)
        firm.pull()
        for _ in range(8):
            meddle(firm, chance)
        firm.pull()
        firm.pull()
        return firm, set(firm.stored())

    firm, keys = run(switches)
    assert firm.truth() == firm.stored()
    assert run(BigTimeSwitches())[1] == keys
    assert_converges(firm)


def test_a_quiet_cycle_makes_three_calls_and_writes_nothing() -> None:
    firm = Firm()
    populate(firm)
    first = firm.pull()
    assert {"client": 4, "invoice": 40, "payment": len(firm.ledger.rows)} == first.read
    assert first.sent == len(firm.calls())
    rows = firm.store.rows_written
    for _ in range(3):
        quiet = firm.pull()
        assert (quiet.changed, quiet.gaps, quiet.sent, quiet.metered) == ((), (), 3, 0)
    assert rows == firm.store.rows_written
    assert [call.split()[0] for call in firm.calls()[-3:]] == [
        "/invoice/drafts",
        "/invoice/history",
        "/payment/history",
    ]


def test_the_first_load_is_read_by_the_year_and_continued_after_a_crash() -> None:
    firm = Firm(settings=Settings(history_start=date(2019, 1, 1)))
    populate(firm, invoices=60)
    firm.store.fail_after_units = 4
    with pytest.raises(SimulatedCrashError):
        firm.pull()
    before = [call for call in firm.calls() if "history" in call]
    firm.store.fail_after_units = None
    assert firm.pull().gaps == ()
    assert firm.truth() == firm.stored()
    after = [call for call in firm.calls() if "history" in call]
    committed = before[1:-1]  # the hot span is read by every run, the last one was lost
    assert len(committed) >= 1
    assert not set(committed) & set(after)


@pytest.mark.parametrize("seed", range(3))
def test_a_crash_at_any_commit_loses_and_invents_nothing(seed: int) -> None:
    """Runs die at random commits while people work; the store is the truth in the end, and no version is false."""
    firm = Firm()
    chance = populate(firm, seed=seed)
    witness = Witness(firm)
    for _ in range(40):
        firm.clock.advance(minutes=1)
        meddle(firm, chance)
        witness.note()
        firm.store.fail_after_units = chance.choice([0, 1, 2, 3, 4, None])
        try:
            firm.pull()
        except SimulatedCrashError:
            continue
        finally:
            witness.check()
    firm.store.fail_after_units = None
    assert_converges(firm)


def key_of(kind: Kind, record_id: str) -> RecordKey:
    return RecordKey(System.BIGTIME, kind, record_id)


def one_invoice(firm: Firm, *, on: date = date(2026, 2, 20), draft: bool = False) -> str:
    client = firm.ledger.add_client("Acme")
    return firm.ledger.add_invoice(client, "INV-1", 1000, on=on, draft=draft)


def test_a_row_after_posting_is_proved_to_be_later() -> None:
    """Posted seen at one run, the row at a later one: the row was absent at a read after the posting was seen."""
    firm = Firm()
    invoice = one_invoice(firm)
    firm.pull()
    firm.ledger.set_posted(invoice)
    firm.pull()
    posted = firm.store.versions[key_of(Kind.INVOICE, invoice)][-1]
    for _ in range(3):
        firm.pull()
    firm.ledger.apply_account_credit(invoice, 200, on=date(2026, 2, 25))
    firm.pull()
    row = next(history[0] for key, history in firm.store.versions.items() if key.kind is Kind.PAYMENT)
    assert row.absent_before is not None
    assert posted.observed_at <= row.absent_before < row.observed_at


def test_a_witness_of_the_other_system_keeps_the_times_of_a_quiet_cycle() -> None:
    firm = Firm()
    invoice = one_invoice(firm)
    firm.pull()
    firm.pull(minutes=30, witness=True)
    kept = firm.clock.now()
    firm.pull(minutes=20)
    firm.ledger.apply_account_credit(invoice, 200, on=date(2026, 2, 25))
    firm.pull()
    row = next(history[0] for key, history in firm.store.versions.items() if key.kind is Kind.PAYMENT)
    assert kept == row.absent_before


def test_a_deleted_payment_is_said_to_be_gone_in_the_second_run() -> None:
    firm = Firm()
    payment = firm.ledger.add_payment({one_invoice(firm): 100}, method="Check", on=date(2026, 3, 1))
    firm.pull()
    key = next(key for key in firm.store.versions if key.kind is Kind.PAYMENT)
    last_seen = firm.store.versions[key][0].observed_at
    firm.ledger.delete_payment(payment)
    missed = firm.pull()
    assert key not in missed.changed
    assert firm.clock.now() == firm.store.missing[key]
    gone = firm.pull()
    assert key in gone.changed
    deletion = firm.store.versions[key][-1]
    assert (None, last_seen, firm.clock.now(), "run-3") == (
        deletion.content,
        deletion.absent_before,
        deletion.observed_at,
        deletion.run_id,
    )


def test_a_payment_that_comes_back_was_never_gone() -> None:
    firm = Firm()
    invoice = one_invoice(firm)
    firm.ledger.add_payment({invoice: 100}, method="Check", on=date(2026, 3, 1))
    firm.pull()
    key = next(key for key in firm.store.versions if key.kind is Kind.PAYMENT)
    api = firm.transport.api
    firm.transport.api = lambda request: json_reply([]) if "payment" in request.path else api(request)
    firm.pull()
    assert key in firm.store.missing
    firm.transport.api = api
    firm.pull()
    firm.pull()
    assert key not in firm.store.missing
    assert len(firm.store.versions[key]) == 1


@pytest.fixture
def large_firm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Firm]:
    """A firm whose history is too long to be read in every cycle."""
    monkeypatch.setattr(spans, "_SHORT_LIST_ROWS", 0)
    firm = Firm()
    client = firm.ledger.add_client("Acme")
    for month in range(1, 25):
        on = date(2024 + (month - 1) // 12, (month - 1) % 12 + 1, 10)
        invoice = firm.ledger.add_invoice(client, f"INV-{month}", 1000, on=on)
        firm.ledger.add_payment({invoice: 1000}, method="Check", on=on + timedelta(days=5))
    firm.pull()
    firm.calls()
    return firm  # type: ignore[return-value]


def invoice_of(firm: Firm, number: str) -> str:
    return next(sid for sid, invoice in firm.ledger.invoices.items() if invoice.number == number)


def test_cold_months_are_read_once_a_day(large_firm: Firm) -> None:
    firm = large_firm
    firm.pull()
    assert firm.calls()[1:] == ["/invoice/history 2025-12-18..2027-03-11", "/payment/history 2025-12-18..2027-03-11"]
    edited = invoice_of(firm, "INV-3")
    firm.ledger.edit_invoice(edited, amount=1100)
    for _ in range(5):
        firm.pull(minutes=240)
    assert firm.truth() != firm.stored()
    firm.pull(minutes=240)
    assert firm.truth() == firm.stored()


def test_a_payment_on_a_cold_invoice_brings_the_invoice_up_to_date(large_firm: Firm) -> None:
    firm = large_firm
    firm.ledger.apply_account_credit(invoice_of(firm, "INV-3"), 50, on=date(2026, 3, 9))
    firm.pull()
    assert firm.calls()[3:] == ["/invoice/history 2024-01-16..2024-05-15"]
    assert firm.truth() == firm.stored()


def test_an_invoice_that_says_less_was_paid_brings_its_old_payments_up_to_date(large_firm: Firm) -> None:
    firm = large_firm
    invoice = invoice_of(firm, "INV-24")
    firm.ledger.edit_invoice(invoice, on=date(2026, 2, 15))
    firm.pull(minutes=24 * 60)
    firm.calls()
    row = firm.ledger.rows_on(invoice)[0]
    firm.ledger.edit_payment(row.payment_id, invoice, amount=900)
    firm.pull()
    assert firm.truth() == firm.stored()


def test_a_difference_that_stays_costs_no_calls(large_firm: Firm) -> None:
    firm = large_firm
    invoice = firm.ledger.add_invoice("301", "INV-99", 100, on=date(2026, 3, 1))
    firm.ledger.mark_paid(invoice)
    firm.ledger.switches = replace(firm.ledger.switches, marked_paid_counts_as_paid=True)
    firm.pull()
    firm.calls()
    for _ in range(3):
        firm.pull()
        assert len(firm.calls()) == 3


def test_a_deletion_in_a_cold_month_takes_a_day_and_a_run(large_firm: Firm) -> None:
    firm = large_firm
    gone = invoice_of(firm, "INV-5")
    firm.ledger.delete_invoice(gone)
    firm.pull(minutes=22 * 60)
    assert gone in {key.id for key in firm.store.missing}
    firm.pull(minutes=22 * 60)
    assert firm.truth() == firm.stored()


def test_an_invoice_that_moves_to_a_cold_month_is_found_there_at_once(large_firm: Firm) -> None:
    firm = large_firm
    invoice = firm.ledger.add_invoice("301", "INV-99", 100, on=date(2026, 3, 1))
    firm.pull()
    firm.ledger.edit_invoice(invoice, on=date(2024, 7, 7))
    firm.pull()
    assert firm.truth() == firm.stored()
    assert firm.store.missing == {}
    assert len(firm.store.versions[key_of(Kind.INVOICE, invoice)]) == 2


def test_a_draft_of_a_cold_month_is_followed_when_it_is_sent(large_firm: Firm) -> None:
    firm = large_firm
    draft = firm.ledger.add_invoice("301", "D-1", 100, on=date(2024, 7, 7), draft=True)
    firm.pull()
    content = firm.stored()[key_of(Kind.INVOICE, draft)]
    assert getattr(content, "is_draft", None) is True
    firm.ledger.send_invoice(draft)
    firm.pull()
    assert firm.truth() == firm.stored()


def test_an_invoice_of_an_unknown_client_brings_the_client(large_firm: Firm) -> None:
    firm = large_firm
    client = firm.ledger.add_client("Newcomer")
    firm.ledger.add_invoice(client, "INV-99", 100, on=date(2026, 3, 1))
    firm.pull()
    assert key_of(Kind.CLIENT, client) in firm.stored()


def details_read(firm: Firm, *, runs: int = 2) -> list[int]:
    """How many clients each of the next runs reads one by one."""
    counts = []
    for _ in range(runs):
        assert firm.pull().gaps == ()
        counts.append(sum(call.startswith("/client/detail") for call in firm.calls()))
    return counts


def test_a_first_reading_of_clients_that_dies_is_finished_by_the_next_run() -> None:
    firm = Firm()
    for number in range(40):
        firm.ledger.add_client(f"Client {number}", quickbooks_id=str(100 + number))
    firm.store.fail_after_units = 12
    with pytest.raises(SimulatedCrashError):
        firm.pull()
    firm.store.fail_after_units = None
    firm.calls()
    (rest, none) = details_read(firm)
    assert 25 < rest < 40
    assert none == 0
    assert firm.truth() == firm.stored()


def test_the_quickbooks_customer_of_a_client_is_read_from_its_detailed_view() -> None:
    firm = Firm()
    for number in range(40):
        firm.ledger.add_client(f"Client {number}", quickbooks_id=str(100 + number))
    assert details_read(firm) == [40, 0]
    assert firm.truth() == firm.stored()
    client = firm.ledger.add_client("Newcomer", quickbooks_id="99")
    firm.ledger.add_invoice(client, "INV-1", 100, on=date(2026, 3, 1))
    assert details_read(firm, runs=5) == [15, 15, 11, 0, 0]
    assert firm.truth() == firm.stored()
    assert firm.pull(minutes=22 * 60).changed == ()  # though the list does not show the customers
    assert ["/client true"] == [call for call in firm.calls() if call.startswith("/client")]
    assert firm.truth() == firm.stored()


def test_a_changed_link_to_quickbooks_is_seen_within_a_week_or_with_the_next_change_of_the_list() -> None:
    firm = Firm()
    first, second = (firm.ledger.add_client(name, quickbooks_id="5") for name in ("Acme", "Bolt"))
    firm.pull()
    firm.ledger.link_client(first, "6")
    for _ in range(7):
        assert firm.truth() != firm.stored()
        firm.pull(minutes=23 * 60)
    firm.pull(minutes=23 * 60)
    assert firm.truth() == firm.stored()
    firm.ledger.link_client(first, "")
    firm.ledger.rename_client(second, "Bolt Ltd")
    firm.pull(minutes=23 * 60)
    assert firm.truth() == firm.stored()


def test_a_list_that_shows_the_link_needs_no_detailed_views() -> None:
    firm = Firm(switches=BigTimeSwitches(quickbooks_id_in_client_list=True))
    firm.ledger.add_client("Acme", quickbooks_id="5")
    firm.pull()
    assert not any(call.startswith("/client/detail") for call in firm.calls())
    assert firm.truth() == firm.stored()


@pytest.mark.parametrize("status", [404, 405])
def test_a_client_that_may_not_be_seen_one_by_one_is_left_as_the_list_shows_it(status: int) -> None:
    firm = Firm()
    for number in range(3):
        firm.ledger.add_client(f"Client {number}", quickbooks_id="5")
    api = firm.transport.api
    firm.transport.api = lambda request: (
        json_reply({}, status=status) if "/client/detail" in request.path else api(request)
    )
    assert firm.pull().gaps == ()
    assert {getattr(content, "quickbooks_id", None) for content in firm.stored().values()} == {""}
    firm.calls()
    firm.pull()
    assert len(firm.calls()) == 3


def test_drafts_are_not_shown_twice_when_the_history_has_them_too() -> None:
    firm = Firm(switches=BigTimeSwitches(drafts_in_history=True))
    draft = one_invoice(firm, draft=True)
    firm.pull()
    firm.pull()
    history = firm.store.versions[key_of(Kind.INVOICE, draft)]
    assert [getattr(version.content, "is_draft", None) for version in history] == [True]


@pytest.mark.parametrize("cap", [100, 500])
def test_a_list_that_is_cut_off_is_read_in_parts(cap: int) -> None:
    firm = Firm(switches=BigTimeSwitches(row_cap=cap))
    populate(firm, clients=3, invoices=cap * 3)
    assert firm.pull().gaps == ()
    assert firm.truth() == firm.stored()
    assert_converges_within(firm, calls=8)


@pytest.mark.parametrize("cap", [None, 100])
def test_a_list_that_happens_to_be_as_long_as_a_limit_costs_no_more_calls_and_hides_no_row(cap: int | None) -> None:
    firm = Firm(switches=BigTimeSwitches(row_cap=cap))
    client = firm.ledger.add_client("Acme")
    for number in range(100):
        firm.ledger.add_invoice(client, f"INV-{number}", 10, on=date(2025, 9, 1) + timedelta(days=number * 2))
    firm.pull()
    firm.pull()
    assert firm.truth() == firm.stored()
    assert_converges_within(firm, calls=3)
    for number in range(100, 110):
        firm.ledger.add_invoice(client, f"INV-{number}", 10, on=date(2026, 2, 20))
        assert firm.pull().gaps == ()
        assert firm.truth() == firm.stored()
    firm.pull()
    assert_converges_within(firm, calls=3)


def assert_converges_within(firm: Firm, *, calls: int) -> None:
    firm.calls()
    rows = firm.store.rows_written
    firm.pull()
    assert firm.truth() == firm.stored()
    assert rows == firm.store.rows_written
    assert len(firm.calls()) <= calls


def test_a_day_with_more_rows_than_a_list_holds_is_a_gap_and_nothing_is_called_gone() -> None:
    firm = Firm(switches=BigTimeSwitches(row_cap=100))
    client = firm.ledger.add_client("Acme")
    for number in range(130):
        firm.ledger.add_invoice(client, f"INV-{number}", 10, on=date(2026, 2, 20))
    outcome = firm.pull()
    assert [gap.code for gap in outcome.gaps] == ["G1"]
    assert "2026-02-20" in outcome.gaps[0].sentence
    assert outcome.read["invoice"] == 100
    firm.ledger.delete_invoice("9001")
    for _ in range(3):
        assert [gap.code for gap in firm.pull().gaps] == ["G1"]
    assert key_of(Kind.INVOICE, "9001") in firm.stored()


def test_a_login_that_loses_rights_deletes_nothing_and_is_a_gap_until_it_has_them_back() -> None:
    def staffer(visible: frozenset[str] | None) -> simulator.Staffer:
        return simulator.Staffer(visible_clients=visible)

    firm = Firm()
    populate(firm, clients=12, invoices=60)
    firm.pull()
    known = firm.stored()
    firm.api.staffers = (staffer(frozenset({"301"})),)
    for minutes in (15, 24 * 60, 15, 24 * 60):
        outcome = firm.pull(minutes=minutes)
        assert "G8" in {gap.code for gap in outcome.gaps}
        assert known == firm.stored()
    firm.api.staffers = (staffer(None),)
    assert firm.pull(minutes=24 * 60).gaps == ()
    assert known == firm.stored()
    assert firm.store.missing == {}


def test_a_person_can_accept_a_loss() -> None:
    firm = Firm()
    populate(firm, clients=2, invoices=30)
    firm.pull()
    for sid in list(firm.ledger.invoices)[:28]:
        firm.ledger.delete_invoice(sid)
    assert {gap.code for gap in firm.pull().gaps} == {"G8"}
    assert firm.pull(accept_losses=True).gaps == ()
    assert firm.pull(accept_losses=True).gaps == ()
    assert firm.truth() == firm.stored()


def test_a_login_without_the_right_to_read_money_needs_a_person() -> None:
    firm = Firm(staffers=(simulator.Staffer(may_read_money=False),))
    one_invoice(firm)
    with pytest.raises(AccessRevoked, match="financial administrator"):
        firm.pull()


def test_importing_again_with_new_ids_replaces_the_invoices() -> None:
    firm = Firm(switches=BigTimeSwitches(sid_changes_on_reimport=True))
    client = firm.ledger.add_client("Acme")
    imported = [
        firm.ledger.add_invoice(client, f"INV-{number}", 10, on=date(2026, 2, 20), imported=True)
        for number in range(20)
    ]
    firm.ledger.add_payment({imported[0]: 5}, method="Check", on=date(2026, 2, 21))
    firm.pull()
    for sid in imported:
        firm.ledger.reimport_invoice(sid)
    assert firm.pull().gaps == ()
    assert firm.pull().gaps == ()
    assert firm.truth() == firm.stored()


def test_a_bulk_change_of_more_invoices_than_a_cursor_names_is_read_in_full(large_firm: Firm) -> None:
    firm = large_firm
    many = [firm.ledger.add_invoice("301", f"B-{n}", 10, on=date(2026, 3, 1)) for n in range(150)]
    firm.pull()
    for sid in many:
        firm.ledger.set_posted(sid)
    assert firm.pull().gaps == ()
    assert firm.truth() == firm.stored()
    assert_converges(firm)


def test_a_throttled_run_goes_on_in_the_next_one() -> None:
    firm = Firm(switches=BigTimeSwitches(calls_per_minute=30))
    populate(firm, invoices=60)
    blocked = {"on": True}

    def storm(request: Request) -> None:
        if blocked["on"] and "payment" in request.path:
            raise Unavailable(System.BIGTIME, "payment history", "the connection broke")

    firm.transport.before = storm
    outcome = firm.pull()
    assert [gap.code for gap in outcome.gaps] == ["G10"]
    assert (outcome.read["invoice"], outcome.read.get("payment", 0)) == (60, 0)
    blocked["on"] = False
    assert firm.pull().gaps == ()
    assert firm.truth() == firm.stored()


def test_poison_rows_are_set_aside_and_their_neighbours_land() -> None:
    firm = Firm()
    invoice = one_invoice(firm)
    firm.ledger.add_payment({invoice: 100}, method="Check", on=date(2026, 3, 1))
    other = firm.ledger.add_invoice("301", "INV-2", 500, on=date(2026, 2, 21))
    firm.pull()
    firm.ledger.invoices[invoice] = replace(firm.ledger.invoices[invoice], number="\x00poison")
    firm.ledger.edit_invoice(other, amount=600)
    for _ in range(3):
        assert [(gap.code, gap.sentence[:16]) for gap in firm.pull().gaps] == [
            ("G6", "1 invoice record"),
            ("G6", "1 payment record"),
        ]
    assert (Kind.INVOICE, invoice) in {(bad.kind, bad.record_id) for bad in firm.store.quarantined}
    assert len(firm.store.quarantined) == 2  # the payment row repeats the invoice's number
    assert key_of(Kind.INVOICE, invoice) in firm.stored()
    assert firm.truth_of(other) == firm.stored()[key_of(Kind.INVOICE, other)]
    firm.ledger.invoices[invoice] = replace(firm.ledger.invoices[invoice], number="INV-1")
    assert firm.pull().gaps == ()
    assert firm.truth() == firm.stored()


def test_a_poison_row_of_a_cold_month_is_a_gap_of_every_run_until_it_is_corrected() -> None:
    firm = Firm()
    client = firm.ledger.add_client("Acme")
    for month in range(1, 13):
        for number in range(97):
            settled = firm.ledger.add_invoice(client, f"INV-{month}-{number}", 10, on=date(2025, month, 5))
            firm.ledger.mark_paid(settled)
    cold = firm.ledger.add_invoice(client, "INV-0", 10, on=date(2025, 1, 5))
    good, poison = firm.ledger.invoices[cold], replace(firm.ledger.invoices[cold], number="\x00")
    firm.ledger.invoices[cold] = poison
    for _ in range(3):
        assert [gap.code for gap in firm.pull().gaps] == ["G6"]
    firm.ledger.invoices[cold] = good
    assert firm.pull().gaps == ()
    assert (firm.pull().sent, firm.truth()) == (3, firm.stored())


def test_rows_that_mostly_make_no_sense_stop_the_run() -> None:
    firm = Firm()
    client = firm.ledger.add_client("Acme")
    for number in range(30):
        sid = firm.ledger.add_invoice(client, f"INV-{number}", 10, on=date(2026, 2, 20))
        firm.ledger.invoices[sid] = replace(firm.ledger.invoices[sid], number="\x00")
    with pytest.raises(ContractBroken, match="API has probably changed"):
        firm.pull()
    assert len(firm.store.quarantined) == 30


def test_a_refused_long_period_is_read_in_shorter_ones() -> None:
    firm = Firm()
    populate(firm)
    refused: list[str] = []
    api = firm.transport.api

    def picky(request: Request) -> Reply:
        params = list(request.params.values())
        if "history" in request.path:
            days = Days(date.fromisoformat(params[0]), date.fromisoformat(params[1]))
            if days.last - days.first > timedelta(days=93):
                refused.append(request.path)
                return json_reply({"Message": "too long"}, status=400)
        return api(request)

    firm.transport.api = picky
    assert firm.pull().gaps == ()
    assert refused
    assert firm.truth() == firm.stored()


def test_a_full_run_reads_every_month_again(large_firm: Firm) -> None:
    firm = large_firm
    firm.ledger.edit_invoice(invoice_of(firm, "INV-3"), amount=1100)
    firm.pull(full=True)
    assert firm.truth() == firm.stored()


def test_an_unreadable_cursor_means_reading_everything_again() -> None:
    firm = Firm()
    populate(firm)
    firm.pull()
    firm.store.cursors["bigtime"] = "{}"
    outcome = firm.pull()
    assert (outcome.changed, outcome.gaps) == ((), ())
    assert firm.truth() == firm.stored()


def test_the_cursor_stays_small_over_a_long_history() -> None:
    firm = Firm(settings=Settings(history_start=date(2012, 1, 1)))
    chance = populate(firm, invoices=300)
    for _ in range(10):
        meddle(firm, chance)
        assert firm.pull(minutes=700).gaps == ()
    assert len(firm.store.cursors["bigtime"]) < 3000


def test_both_databases_hold_what_the_store_in_memory_holds(records: RecordStore) -> None:
    """The same people, the same runs: version for version the same histories, bounds included."""
    ours, memory = Firm(), Firm()
    ours.store = records  # type: ignore[assignment]
    for firm in (ours, memory):
        chance = populate(firm, seed=3)
        for _ in range(15):
            firm.clock.advance(minutes=1)
            meddle(firm, chance)
            assert firm.pull(minutes=chance.choice([15, 600])).gaps == ()
        firm.pull()
    for kind in (Kind.INVOICE, Kind.PAYMENT, Kind.CLIENT):
        ids = {key.id for key in memory.stored() if key.kind is kind}
        assert ids == records.load_ids(System.BIGTIME, kind)
    for key, versions in memory.store.versions.items():
        history = records.load_history(key)
        assert history is not None
        assert [
            (version.content, version.observed_at, version.absent_before, version.run_id) for version in versions
        ] == [
            (version.content, version.observed_at, version.absent_before, version.run_id)
            for version in history.versions
        ]
    assert memory.store.cursors["bigtime"] == records.load_cursor("bigtime")


# Over real HTTP


class Served:
    """A firm behind a real server, and a worker that logs in to it."""

    def __init__(self, firm: Firm, faults: FaultTable, *, session: bool = False) -> None:
        self.firm = firm
        self.server = simulator.serve(firm.ledger, faults)
        self.transport = Transport(System.BIGTIME)
        password = UserLogin(simulator.USER_ID, lambda: simulator.PASSWORD)
        firm.reader = BigTimeReader(
            BigTimeClient(
                self.transport,
                password if session else ApiToken(lambda: simulator.API_TOKEN),
                base_url=self.server.url + "/BigtimeData/api/v2",
                firm=firm.ledger.firm,
                clock=firm.clock,
            )
        )

    def __enter__(self) -> Firm:
        self.server.__enter__()
        return self.firm

    def __exit__(self, *_: object) -> None:
        self.transport.close()
        self.server.__exit__(None, None, None)


def test_a_storm_of_503_is_waited_out_and_the_store_is_the_truth() -> None:
    firm, faults = Firm(), FaultTable()
    chance = populate(firm)
    faults.add(throttled("20"), times=None, chance=lambda: chance.random() < 0.4)
    with Served(firm, faults):
        assert firm.pull().gaps == ()
        faults.clear()
        assert firm.truth() == firm.stored()


def test_a_storm_without_end_is_a_gap_within_bounded_calls() -> None:
    firm, faults = Firm(), FaultTable()
    populate(firm)
    faults.add(throttled(), on=Match(path="payment"), times=None)
    with Served(firm, faults):
        outcome = firm.pull()
    assert [gap.code for gap in outcome.gaps] == ["G10"]
    assert outcome.sent <= 12


def test_faults_on_the_way_are_survived() -> None:
    firm, faults = Firm(), FaultTable()
    populate(firm)
    faults.add(bad_gateway(), nth=2)
    faults.add(truncated(30), on=Match(path="history"))
    faults.add(answer(500, "<html>error</html>", content_type="text/html"), on=Match(path="payment"))
    with Served(firm, faults):
        assert firm.pull().gaps == ()
    assert faults.pending == ()
    assert firm.truth() == firm.stored()


def test_a_page_instead_of_data_stops_the_run() -> None:
    firm, faults = Firm(), FaultTable()
    faults.add(answer(200, "<html>log in</html>", content_type="text/html"), on=Match(path="drafts"))
    with Served(firm, faults), pytest.raises(ContractBroken, match="base_url"):
        firm.pull()


def test_a_session_is_renewed_as_often_as_it_ends() -> None:
    firm = Firm()
    chance = populate(firm)
    with Served(firm, FaultTable(), session=True):
        for _ in range(4):
            meddle(firm, chance)
            assert firm.pull(minutes=25 * 60).gaps == ()
        firm.pull()
        assert firm.truth() == firm.stored()


def test_nothing_is_called_that_the_simulator_does_not_know() -> None:
    firm = Firm()
    populate(firm)
    served = Served(firm, FaultTable())
    with served:
        firm.pull()
        firm.pull()
        assert {(call.request.method, call.status) for call in served.server.calls} == {("GET", 200)}
