"""The life of findings and tie lines over reconciles, on SQLite and on PostgreSQL."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from mappings.findings import Finding, FindingStatus, Severity, TieOut
from mappings.model import Account, Kind, Preferences
from mappings.records import Group, StoredFinding
from state.books import BookStore
from state.errors import UnknownFinding
from state.store import CompanyStore, Store
from state.versions import RecordStore
from tests.stores import (
    BT,
    QB,
    START,
    SetClock,
    engine_of,
    everything,
    finding,
    invoice,
    key,
    outcome,
    payment,
    put,
    reconcile,
    seen,
    tie_line,
)

FIRST = key(QB, Kind.INVOICE, "71")


def _edit(records: RecordStore, total: int, client: str = "12") -> None:
    """A new version of the one invoice."""
    put(records, seen(FIRST, invoice(client, "INV-101", total), at=START + timedelta(minutes=total)))


def _clients(records: RecordStore, count: int) -> None:
    """As many clients that have nothing to do with each other."""
    put(records, *(seen(key(QB, Kind.INVOICE, str(n)), invoice(str(n), f"INV-{n}")) for n in range(count)))


def _changes(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize("count", [3, 150])
def test_the_same_results_again_write_no_row(
    store: Store, records: RecordStore, books: BookStore, store_clock: SetClock, count: int
) -> None:
    _clients(records, count)

    def run() -> None:
        groups = books.load_all_groups()
        with books.reconcile_unit("run-1") as unit:
            unit.set_complete(True)
            for number, group in enumerate(groups):
                lines = (tie_line(f"9{number}", 100, 90, 10),)
                moment = START + timedelta(days=1)
                unit.replace(group, outcome(finding(record=str(number)), lines=lines, recheck_at=moment))

    run()
    before = everything(engine_of(store))
    assert len(books.load_findings()) == count
    store_clock.advance(hours=1)
    run()
    assert _changes(before, everything(engine_of(store))) <= {"reconcile_mark", "lease"}


def test_an_incomplete_run_resolves_nothing_and_the_next_looks_again(
    records: RecordStore, books: BookStore, store_clock: SetClock
) -> None:
    _edit(records, 1)
    reconcile(books, store_clock, outcome(finding()))
    _edit(records, 2)
    reconcile(books, store_clock, outcome(), is_complete=False)
    assert [stored.status for stored in books.load_findings()] == ["open"]
    assert reconcile(books, store_clock, outcome()) == 1
    assert books.load_findings() == ()
    assert reconcile(books, store_clock, outcome()) == 0


@pytest.mark.parametrize("status", [FindingStatus.EXPECTED, FindingStatus.ACKNOWLEDGED])
def test_what_people_decided_survives_a_change(
    records: RecordStore, books: BookStore, company_store: CompanyStore, store_clock: SetClock, status: FindingStatus
) -> None:
    _edit(records, 1)
    reconcile(books, store_clock, outcome(finding()))
    (opened,) = books.load_findings()
    company_store.findings.decide(opened.id, status, actor="ann", reason="agreed by phone", at=store_clock.now())
    _edit(records, 2)
    reconcile(books, store_clock, outcome(finding(explanation="now said differently")))
    (kept,) = books.load_findings()
    assert (kept.status, kept.finding.explanation) == (status, "now said differently")
    occasions = company_store.findings.load_occasions(opened.id)
    assert [occasion.event for occasion in occasions] == ["opened", status, "changed"]
    assert [occasion.finding and occasion.finding.explanation for occasion in occasions] == [
        "…",
        None,
        "now said differently",
    ]
    assert (occasions[1].actor, occasions[1].reason) == ("ann", "agreed by phone")


def test_a_finding_that_a_person_closed_too_early_is_reopened_by_the_next_run(
    records: RecordStore, books: BookStore, company_store: CompanyStore, store_clock: SetClock
) -> None:
    _edit(records, 1)
    reconcile(books, store_clock, outcome(finding()))
    (opened,) = books.load_findings()
    closed = company_store.findings.decide(
        opened.id, FindingStatus.RESOLVED, actor="ann", reason="done", at=store_clock.now()
    )
    assert closed.resolved_at == store_clock.now()
    assert books.load_findings() == ()
    assert reconcile(books, store_clock, outcome(finding())) == 1
    (reopened,) = books.load_findings()
    assert (reopened.status, reopened.resolved_at, reopened.first_seen) == ("open", None, opened.first_seen)


def test_when_a_finding_was_seen(records: RecordStore, books: BookStore, store_clock: SetClock) -> None:
    _edit(records, 1)
    reconcile(books, store_clock, outcome(finding()))
    store_clock.advance(days=1)
    reconcile(books, store_clock, outcome())  # nothing changed: it is still there
    (stored,) = books.load_findings()
    assert (stored.first_seen, stored.last_seen) == (START, START + timedelta(days=1))
    store_clock.advance(days=1)
    _edit(records, 2)
    reconcile(books, store_clock, outcome())
    (resolved,) = books.load_findings(statuses=["resolved"])
    assert (resolved.last_seen, resolved.resolved_at) == (START + timedelta(days=1), START + timedelta(days=2))


def test_two_findings_with_like_fingerprints_get_two_names(
    records: RecordStore, books: BookStore, company_store: CompanyStore, store_clock: SetClock
) -> None:
    _edit(records, 1)
    alike = [
        msgspec.structs.replace(finding(), fingerprint="0123456789" + digit * 54, exposure_minor=number)
        for number, digit in enumerate("abc")
    ]
    reconcile(books, store_clock, outcome(*alike))
    assert sorted(stored.id for stored in books.load_findings()) == ["A1-01234567", "A1-012345678", "A1-0123456789"]
    with pytest.raises(UnknownFinding, match="3 findings"):
        company_store.findings.load_finding("0123456")
    assert company_store.findings.load_finding("A1-01234567").finding == alike[0]
    assert company_store.findings.load_finding("0123456789b").finding == alike[1]
    with pytest.raises(UnknownFinding, match="no finding"):
        company_store.findings.load_finding("A1-fffff")


def test_findings_come_by_severity_then_exposure_then_fingerprint(
    records: RecordStore, books: BookStore, store_clock: SetClock
) -> None:
    _edit(records, 1)
    mild = msgspec.structs.replace(finding(record="1", exposure=900), severity=Severity.S3)
    small, large = finding(record="2", exposure=1), finding(record="3", exposure=2**64 - 1)
    reconcile(books, store_clock, outcome(mild, small, large))
    assert [stored.finding for stored in books.load_findings()] == [large, small, mild]


def test_groups_that_become_one_keep_one_set_of_results(
    records: RecordStore, books: BookStore, store_clock: SetClock
) -> None:
    put(
        records,
        seen(key(QB, Kind.INVOICE, "1"), invoice("1", "INV-1")),
        seen(key(QB, Kind.INVOICE, "2"), invoice("2", "INV-2")),
    )
    one, two = finding(record="1"), finding(record="2")
    groups = books.load_all_groups()
    with books.reconcile_unit("run-1") as unit:
        unit.set_complete(True)
        unit.replace(groups[0], outcome(one, lines=(tie_line("91", 5, 5),)))
        unit.replace(groups[1], outcome(two, lines=(tie_line("92", 5, 5),)))
    put(records, seen(key(QB, Kind.PAYMENT, "3"), payment("1", "2")))
    (joined,) = books.load_changed_groups(START)
    assert len(joined.parties) == 2
    with books.reconcile_unit("run-2") as unit:
        unit.set_complete(True)
        unit.replace(joined, outcome(two, lines=(tie_line("92", 6, 5),)))
    assert [stored.finding for stored in books.load_findings()] == [two]
    assert [line.invoice.bigtime for line in books.load_tie_lines()] == ["92"]


def test_clients_are_joined_by_what_was_pointed_at_before_it_came(
    records: RecordStore, books: BookStore, store_clock: SetClock
) -> None:
    """A payment is read and reconciled before the other client's invoice that it pays."""
    put(records, seen(key(QB, Kind.PAYMENT, "3"), payment("1", "2")))
    reconcile(books, store_clock, outcome())
    put(records, seen(key(QB, Kind.INVOICE, "2"), invoice("2", "INV-2")))
    (joined,) = books.load_changed_groups(START)
    assert [party.client_id for party in joined.parties] == ["1", "2"]


def test_clients_are_joined_by_a_number_that_the_other_system_has_given_up(
    records: RecordStore, books: BookStore, store_clock: SetClock
) -> None:
    put(records, seen(key(BT, Kind.INVOICE, "9"), invoice("301", "INV-2")))
    put(records, seen(key(BT, Kind.INVOICE, "9"), invoice("301", "INV-7"), at=START + timedelta(hours=1)))
    reconcile(books, store_clock, outcome())
    put(records, seen(key(QB, Kind.INVOICE, "2"), invoice("2", "INV-2")))
    (joined,) = books.load_changed_groups(START)
    assert [party.client_id for party in joined.parties] == ["301", "2"]


def test_gates_are_what_the_last_run_said_of_itself(
    records: RecordStore, books: BookStore, company_store: CompanyStore
) -> None:
    gates = [finding(code="G1", record="1"), finding(code="G10", record="2")]

    def run(findings: list[Finding]) -> tuple[StoredFinding, ...]:
        books.load_all_groups()
        with books.reconcile_unit("run-1") as unit:
            unit.replace_gates(findings)
        return books.load_findings()

    assert {stored.finding.code for stored in run(gates)} == {"G1", "G10"}
    assert [stored.finding.code for stored in run(gates[1:])] == ["G10"]
    assert run([]) == ()
    assert len(run(gates)) == 2


def test_sums_are_exact_beyond_64_bits_and_opposites_do_not_cancel(
    records: RecordStore, books: BookStore, store_clock: SetClock
) -> None:
    _edit(records, 1)
    huge = 2**61 - 3
    lines = tuple(tie_line(str(n), huge, 1, 7) for n in range(9))
    opposites = (tie_line("a", 1000, 0, currency="EUR"), tie_line("b", 0, 1000, -5, currency="EUR"))
    reconcile(books, store_clock, outcome(lines=lines + opposites))
    assert books.load_tie_outs() == (
        TieOut(
            currency="EUR",
            invoice_count=2,
            bigtime_minor=1000,
            quickbooks_minor=1000,
            explained_minor=-5,
            gross_minor=2000,
        ),
        TieOut(
            currency="USD",
            invoice_count=9,
            bigtime_minor=9 * huge,
            quickbooks_minor=9,
            explained_minor=63,
            gross_minor=9 * (huge - 1),
        ),
    )


def test_tie_lines_are_replaced_with_their_group(records: RecordStore, books: BookStore, store_clock: SetClock) -> None:
    _edit(records, 1)
    reconcile(books, store_clock, outcome(lines=(tie_line("1", 10, 10), tie_line("2", 10, 9))))
    _edit(records, 2)
    lines = (tie_line("2", 10, 10), tie_line("3", 1, 1))
    reconcile(books, store_clock, outcome(lines=lines))
    assert books.load_tie_lines() == lines


def test_a_group_is_looked_at_again_when_its_time_has_come(
    records: RecordStore, books: BookStore, store_clock: SetClock
) -> None:
    _clients(records, 3)
    due = START + timedelta(days=1)
    groups = books.load_all_groups()
    with books.reconcile_unit("run-1") as unit:
        for group in groups:
            unit.replace(group, outcome(recheck_at=due if group is groups[1] else None))
    assert books.load_changed_groups(due - timedelta(microseconds=1)) == ()
    assert books.load_changed_groups(due) == (groups[1],)


def test_new_preferences_concern_every_group(records: RecordStore, books: BookStore, store_clock: SetClock) -> None:
    _clients(records, 3)
    assert reconcile(books, store_clock, outcome()) == 3
    assert reconcile(books, store_clock, outcome()) == 0
    put(records, seen(key(QB, Kind.PREFERENCES, "1"), Preferences(auto_apply_credit=True)))
    assert reconcile(books, store_clock, outcome()) == 3
    put(records, seen(key(QB, Kind.ACCOUNT, "84"), Account(name="Accounts Receivable", is_receivable=True)))
    assert reconcile(books, store_clock, outcome()) == 3
    put(records, seen(key(QB, Kind.ACCOUNT, "84"), Account(name="Receivables", is_receivable=True)))
    assert reconcile(books, store_clock, outcome()) == 0


def test_what_was_read_after_the_groups_were_loaded_is_for_the_next_run(
    records: RecordStore, books: BookStore, store_clock: SetClock
) -> None:
    _clients(records, 2)
    books.load_changed_groups(START)
    _edit(records, 1)
    with books.reconcile_unit("run-1") as unit:
        unit.set_complete(True)
    changed = books.load_changed_groups(START)
    assert [party.client_id for group in changed for party in group.parties] == ["12"]


def test_a_unit_without_groups_loaded_leaves_the_watermark(
    company_store: CompanyStore, records: RecordStore, books: BookStore, held: Any
) -> None:
    _clients(records, 2)
    with company_store.books(held).reconcile_unit("run-1") as unit:
        unit.set_complete(True)
    assert len(books.load_changed_groups(START)) == 2


def test_a_decision_is_in_the_audit_log(
    records: RecordStore, books: BookStore, company_store: CompanyStore, store_clock: SetClock
) -> None:
    _edit(records, 1)
    reconcile(books, store_clock, outcome(finding()))
    (opened,) = books.load_findings()
    company_store.findings.decide(
        opened.id, FindingStatus.ACKNOWLEDGED, actor="ann", reason="on it", at=store_clock.now()
    )
    replaced, decided = company_store.audit.load_entries()
    assert (replaced.action, replaced.subject) == ("findings replaced", "run-1")
    assert (decided.actor, decided.action, decided.subject) == ("ann", "finding acknowledged", opened.id)
    assert '"before":"open"' in decided.detail
    assert company_store.audit.verify() is None


def test_results_of_another_company_stay(store: Store, company_store: CompanyStore, store_clock: SetClock) -> None:
    for company in (company_store, store.company("other")):
        with company.hold() as held:
            _edit(company.records(held), 1)
            own = msgspec.structs.replace(finding(), company=company.company.alias)
            reconcile(company.books(held), store_clock, outcome(own, lines=(tie_line("1", 2, 1),)))
    with company_store.hold() as held:
        _edit(company_store.records(held), 2)
        reconcile(company_store.books(held), store_clock, outcome())
    assert company_store.book_reader().load_findings() == ()
    other = store.company("other").book_reader()
    assert [stored.finding.company for stored in other.load_findings()] == ["other"]
    assert len(other.load_tie_lines()) == 1


def test_books_of_unknown_parties_are_empty(books: BookStore) -> None:
    (book,) = books.iterate_books([Group(())])
    assert (book.histories, book.home_currency) == ((), "USD")


def test_bigtime_and_quickbooks_of_one_number_are_one_book(records: RecordStore, books: BookStore) -> None:
    put(
        records,
        seen(FIRST, invoice("12", "INV-101")),
        seen(key(BT, Kind.INVOICE, "9001"), invoice("301", "INV-101")),
        seen(key(BT, Kind.INVOICE, "9002"), invoice("302", "")),
        seen(key(QB, Kind.INVOICE, "72"), invoice("13", "")),
    )
    sizes = [len(book.histories) for book in books.iterate_books(books.load_all_groups())]
    assert sorted(sizes) == [1, 1, 2]


def test_a_renumbered_invoice_stays_with_its_former_twin(records: RecordStore, books: BookStore) -> None:
    twin = key(BT, Kind.INVOICE, "9001")
    put(records, seen(FIRST, invoice("12", "INV-101")), seen(twin, invoice("301", "INV-101")))
    put(records, seen(FIRST, invoice("12", "INV-500"), at=START + timedelta(days=1)))
    put(records, seen(twin, invoice("301", "INV-600"), at=START + timedelta(days=1)))
    assert [len(group.parties) for group in books.load_all_groups()] == [2]
