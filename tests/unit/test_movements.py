"""Promises of the movements of credits and of the roll-forward."""

import random
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.ledger import derive_ledger
from mappings.model import Book, CreditMemo, Entry, History, Kind, LineTarget, Payment, RecordKey, System
from mappings.movements import MovementKind, derive_movements
from mappings.roll_forward import RollForward, roll_forward
from tests.unit.book_building import DAY, START, bigtime, book, credit_memo, entry, invoice, payment, quickbooks

INVOICE, MEMO, JOURNAL, CHECK = LineTarget.INVOICE, LineTarget.CREDIT_MEMO, LineTarget.JOURNAL_ENTRY, LineTarget.CHECK
NEW_YORK = ZoneInfo("America/New_York")


def moves(*contents: Payment | None) -> list[tuple[str, int, tuple[str, ...]]]:
    """The movements of one payment: kind, amount, ids of the targets."""
    return told(book(quickbooks(Kind.PAYMENT, "1", *contents)))


def told(one: Book) -> list[tuple[str, int, tuple[str, ...]]]:
    return [
        (move.kind.value, move.amount_minor, tuple(target.id for target in move.targets))
        for move in derive_movements(one, NEW_YORK)
    ]


def test_a_payment_that_pays_an_invoice_moves_no_credit() -> None:
    assert [] == moves(payment(100, (INVOICE, "10", 100)))
    assert [] == moves(payment(100, (INVOICE, "10", 100)), payment(150, (INVOICE, "10", 150)))
    assert [] == moves(payment(100, (INVOICE, "10", 100)), payment(70, (INVOICE, "10", 70)), None)


def test_an_overpayment_is_issued_and_its_later_use_is_applied_with_the_day_of_the_change() -> None:
    versions = (
        payment(150, (INVOICE, "10", 100), unapplied=50),
        payment(150, (INVOICE, "10", 100), (INVOICE, "11", 30), unapplied=20),
    )
    assert [("issued", 50, ()), ("applied", -30, ("11",))] == moves(*versions)
    first, second = derive_movements(book(quickbooks(Kind.PAYMENT, "1", *versions)), NEW_YORK)
    assert (DAY, date(2026, 3, 3)) == (first.moved_on, second.moved_on)
    assert START.replace(day=3) == second.latest


def test_applied_credit_that_is_taken_back_is_unapplied_but_direct_money_becomes_a_new_credit() -> None:
    start = payment(150, (INVOICE, "10", 100), unapplied=50)
    used = payment(150, (INVOICE, "10", 100), (INVOICE, "11", 50))
    assert [
        ("issued", 50, ()),
        ("applied", -50, ("11",)),
        ("unapplied", 50, ("11",)),
        ("issued", 100, ("10",)),
    ] == moves(start, used, start, payment(150, unapplied=150))


def test_a_prepayment_on_a_new_invoice_leaves_the_rest() -> None:
    assert [("issued", 500, ()), ("applied", -110, ("10",))] == moves(
        payment(500, unapplied=500), payment(500, (INVOICE, "10", 110), unapplied=390)
    )


def test_moving_a_payment_from_one_invoice_to_another_shows_both_sides() -> None:
    found = moves(payment(100, (INVOICE, "10", 100)), payment(100, (INVOICE, "11", 100)))
    assert sorted([("applied", -100, ("11",)), ("issued", 100, ("10",))]) == sorted(found)


def test_a_changed_total_of_an_unapplied_payment_is_an_edit() -> None:
    assert [("issued", 50, ()), ("edited", 20, ()), ("edited", -70, ())] == moves(
        payment(50, unapplied=50), payment(70, unapplied=70), None
    )


def test_money_that_a_smaller_total_takes_away_is_counted_once() -> None:
    found = moves(
        payment(100, (INVOICE, "10", 50), (INVOICE, "11", 50)), payment(60, (INVOICE, "11", 30), unapplied=30)
    )
    assert [("issued", 10, ("10",)), ("issued", 20, ("11",))] == found


def test_a_voided_payment_gives_back_the_credit_it_used() -> None:
    link = payment(0, (INVOICE, "10", 100), (MEMO, "20", 100))
    voided = msgspec.structs.replace(payment(0), voided=True)
    assert [("applied", -100, ("10",)), ("unapplied", 100, ("10",))] == moves(link, voided)
    assert [("applied", -100, ("10",)), ("unapplied", 100, ("10",))] == moves(link, None)


def test_a_memo_over_three_invoices_is_applied_to_each_and_a_mixed_payment_to_all_of_them() -> None:
    assert [("applied", -10, ("10",)), ("applied", -20, ("11",)), ("applied", -30, ("12",))] == moves(
        payment(0, (INVOICE, "10", 10), (INVOICE, "11", 20), (INVOICE, "12", 30), (MEMO, "20", 60))
    )
    assert [("applied", -60, ("10", "11"))] == moves(
        payment(40, (INVOICE, "10", 50), (INVOICE, "11", 50), (MEMO, "20", 60))
    )


def test_adding_cash_for_another_invoice_does_not_touch_the_credit_that_was_applied() -> None:
    found = moves(
        payment(0, (INVOICE, "10", 100), (MEMO, "20", 100)),
        payment(50, (INVOICE, "10", 100), (INVOICE, "11", 50), (MEMO, "20", 100)),
    )
    assert [("applied", -100, ("10",))] == found


def test_a_refund_cheque_refunds_the_memo() -> None:
    assert [("refunded", -200, ("30",)), ("refunded", 200, ("30",))] == moves(
        payment(0, (CHECK, "30", 200), (MEMO, "20", 200)), None
    )


def test_a_memo_is_issued_edited_and_deleted() -> None:
    memo = book(quickbooks(Kind.CREDIT_MEMO, "20", credit_memo(500, 500), credit_memo(300, 300), None))
    assert [("issued", 500, ()), ("edited", -200, ()), ("edited", -300, ())] == told(memo)


def test_a_journal_credit_is_issued_to_each_of_its_clients() -> None:
    found = derive_movements(
        book(quickbooks(Kind.JOURNAL_ENTRY, "5", entry(("d", -300), ("c", -500), ("c", 7)))), NEW_YORK
    )
    assert [("c", 500), ("d", 300)] == [(move.client_id, move.amount_minor) for move in found]


def test_a_use_belongs_to_the_client_whose_credit_it_is() -> None:
    family = book(
        quickbooks(Kind.CREDIT_MEMO, "20", credit_memo(500, 400, "parent")),
        quickbooks(Kind.PAYMENT, "1", payment(0, (INVOICE, "10", 100), (MEMO, "20", 100), client="job")),
    )
    assert {"parent"} == {move.client_id for move in derive_movements(family, NEW_YORK)}


def test_the_roll_forward_of_a_month_adds_up() -> None:
    """A prepayment of 500 in February, 110 of it applied in March: 390 are left."""
    versions = (
        msgspec.structs.replace(payment(50000, unapplied=50000), paid_on=date(2026, 2, 10)),
        payment(50000, (INVOICE, "10", 11000), unapplied=39000),
    )
    one = book(quickbooks(Kind.PAYMENT, "1", *versions))
    rows = roll_forward(
        derive_movements(one, NEW_YORK), derive_ledger(one), first=date(2026, 3, 1), last=date(2026, 3, 31)
    )
    expected = RollForward(
        client_id="c", currency="USD", opening_minor=50000, issued_minor=0, applied_minor=-11000, unapplied_minor=0,
        refunded_minor=0, edited_minor=0, closing_minor=39000, unexplained_minor=0,
    )  # fmt: skip
    assert (expected,) == rows


def test_what_no_movement_explains_is_said() -> None:
    one = book(quickbooks(Kind.CREDIT_MEMO, "20", credit_memo(500, 380)),
               quickbooks(Kind.PAYMENT, "1", payment(0, (INVOICE, "10", 110), (MEMO, "20", 110))))  # fmt: skip
    (row,) = roll_forward(derive_movements(one, NEW_YORK), derive_ledger(one), first=DAY, last=DAY)
    assert (390, -10) == (row.closing_minor, row.unexplained_minor)


LINES = st.lists(
    st.tuples(
        st.sampled_from([INVOICE, INVOICE, MEMO, MEMO, JOURNAL, CHECK]),
        st.sampled_from(["1", "2"]),
        st.integers(0, 300),
    ),
    max_size=5,
)


@st.composite
def payment_versions(draw: st.DrawFn) -> list[Payment | None]:
    """Versions of one payment, each of which keeps I1; the last may be a deletion."""
    versions: list[Payment | None] = []
    for _ in range(draw(st.integers(1, 4))):
        lines = draw(LINES)
        total = sum(minor if target in {INVOICE, CHECK} else -minor for target, _, minor in lines)
        unapplied = draw(st.integers(max(0, -total), max(0, -total) + 100))
        versions.append(payment(total + unapplied, *lines, unapplied=unapplied))
    return [*versions, None] if draw(st.booleans()) else versions


@st.composite
def evolving_books(draw: st.DrawFn) -> Book:
    """Books over time in which QuickBooks keeps its identities at the end."""
    payments = draw(st.lists(payment_versions(), max_size=3))
    used = {"1": 0, "2": 0}
    for versions in payments:
        last = versions[-1]
        for line in last.lines if last is not None else ():
            if line.target is MEMO:
                used[line.target_id] += line.amount_minor
    memos: list[list[CreditMemo]] = [
        [credit_memo(draw(st.integers(0, 500)), 0) for _ in range(draw(st.integers(0, 2)))] for _ in used
    ]
    histories = [quickbooks(Kind.PAYMENT, str(place), *versions) for place, versions in enumerate(payments)]
    for (id_, minor), earlier in zip(used.items(), memos, strict=True):
        total = draw(st.integers(0, 500))
        histories.append(quickbooks(Kind.CREDIT_MEMO, id_, *earlier, credit_memo(total, total - minor)))
    entries: list[Entry] = [entry(("c", -draw(st.integers(1, 500)))) for _ in range(2)]
    histories.append(quickbooks(Kind.JOURNAL_ENTRY, "1", *entries))
    histories.append(quickbooks(Kind.JOURNAL_ENTRY, "2", entry(("c", -1000))))
    histories += [quickbooks(Kind.PURCHASE, id_, entry(("c", 1000))) for id_ in ("1", "2")]
    return book(*histories, accounts=["84"])


@settings(max_examples=400)
@given(evolving_books(), st.dates(date(2026, 2, 25), date(2026, 3, 8)))
def test_the_movements_are_all_that_ever_happened_to_a_credit(one: Book, day: date) -> None:
    ledger, movements = derive_ledger(one), derive_movements(one, NEW_YORK)
    for row in roll_forward(movements, ledger, first=day, last=date.max):
        assert 0 == row.unexplained_minor
        remaining = sum(credit.remaining_minor for credit in ledger.credits if credit.client_id == row.client_id)
        assert remaining == row.closing_minor


@settings(max_examples=100)
@given(evolving_books(), st.randoms(use_true_random=False))
def test_movements_do_not_depend_on_the_order_of_records(one: Book, shuffler: random.Random) -> None:
    shuffled = list(one.histories)
    shuffler.shuffle(shuffled)
    assert derive_movements(one, NEW_YORK) == derive_movements(
        msgspec.structs.replace(one, histories=tuple(shuffled)), NEW_YORK
    )


@settings(max_examples=200)
@given(evolving_books())
def test_the_periods_of_a_roll_forward_join_without_a_gap(one: Book) -> None:
    ledger, movements = derive_ledger(one), derive_movements(one, NEW_YORK)
    february = roll_forward(movements, ledger, first=date(2026, 2, 1), last=date(2026, 3, 2))
    march = roll_forward(movements, ledger, first=date(2026, 3, 3), last=date(2026, 3, 31))
    assert [row.closing_minor for row in february] == [row.opening_minor for row in march]


@pytest.mark.parametrize("kind", [Kind.PAYMENT, Kind.CREDIT_MEMO, Kind.JOURNAL_ENTRY])
def test_a_record_that_was_only_ever_seen_deleted_moves_nothing(kind: Kind) -> None:
    assert [] == told(book(quickbooks(kind, "1", None)))


def test_a_movement_names_its_source_and_its_record() -> None:
    (move,) = derive_movements(
        book(quickbooks(Kind.PAYMENT, "1", payment(0, (INVOICE, "10", 100), (MEMO, "20", 100)))), NEW_YORK
    )
    assert (RecordKey(System.QUICKBOOKS, Kind.CREDIT_MEMO, "20"), RecordKey(System.QUICKBOOKS, Kind.PAYMENT, "1")) == (
        move.source, move.record)  # fmt: skip


def test_a_payment_that_is_deleted_first_takes_back_what_had_been_applied_of_its_credit() -> None:
    used = payment(500, (INVOICE, "10", 110), unapplied=390)
    assert [
        ("issued", 500, ()),
        ("applied", -110, ("10",)),
        ("edited", -500, ()),
        ("unapplied", 110, ("10",)),
    ] == moves(payment(500, unapplied=500), used, None)


def test_a_credit_that_a_later_edit_brings_is_issued_by_it() -> None:
    """A payment that left nothing over is raised: there was no credit that could be edited."""
    versions = (
        payment(110, (INVOICE, "10", 110)),
        payment(150, (INVOICE, "10", 110), unapplied=40),
        payment(160, (INVOICE, "10", 110), unapplied=50),
    )
    assert [("issued", 40, ()), ("edited", 10, ())] == moves(*versions)


# --- whose credit a link uses ---------------------------------------------------------------------------------------


def owner(*lines: tuple[str, int], payer: str = "c") -> str:
    """The client from whose credit a payment of `payer` takes when it links an entry with these lines."""
    one = book(
        bigtime(Kind.PAYMENT, "77:10", payment(100, (INVOICE, "10", 100))),
        quickbooks(Kind.INVOICE, "10", invoice("1001", 10000, payer)),
        quickbooks(Kind.JOURNAL_ENTRY, "5", entry(*lines)),
        quickbooks(Kind.PAYMENT, "1", payment(0, (INVOICE, "10", 10000), (JOURNAL, "5", 10000), client=payer)),
    )
    (used,) = [move for move in derive_movements(one, NEW_YORK) if move.kind is MovementKind.APPLIED]
    return used.client_id


def test_a_link_to_an_entry_uses_the_payers_own_credit_in_it_else_that_of_the_first_client_who_has_one() -> None:
    assert "c" == owner(("a", -10000), ("c", -10000))
    assert "a" == owner(("b", -10000), ("a", -10000))
    assert "b" == owner(("b", -10000))
    assert "c" == owner(("c", -10000))


def test_whom_an_entry_charges_or_names_with_nothing_has_no_credit_in_it() -> None:
    """Bad debts of 100.00 are credited to b and charged to a; c's payment takes from b."""
    assert "b" == owner(("a", 5000), ("b", -15000))
    assert "b" == owner(("a", 0), ("b", -10000))
    assert "b" == owner(("a", 1), ("b", -10001))


def test_a_link_to_a_credit_that_we_never_read_uses_the_payers_own() -> None:
    one = book(quickbooks(Kind.PAYMENT, "1", payment(0, (INVOICE, "10", 100), (MEMO, "20", 100))))
    assert ["c"] == [move.client_id for move in derive_movements(one, NEW_YORK)]


# --- a payment that was first seen when it stood on a younger invoice already ----------------------------------------


PAID = date(2026, 2, 20)


def first_seen_on(
    *invoices: tuple[str, str, str | None], made: str, changed: str, paid: date | None = PAID, total: int = 500
) -> list[tuple[str, int, tuple[str, ...], str]]:
    """Movements of a payment that was first read when 100 of it stood on each invoice (id, made at, dated)."""
    lines = [(INVOICE, id_, 100) for id_, _, _ in invoices]
    money = msgspec.structs.replace(
        payment(total, *lines, unapplied=total - 100 * len(lines)),
        created_at=datetime.fromisoformat(made),
        modified_at=datetime.fromisoformat(changed),
        paid_on=paid,
    )
    written = [
        quickbooks(
            Kind.INVOICE,
            id_,
            msgspec.structs.replace(
                invoice(id_, 100),
                created_at=datetime.fromisoformat(created),
                issued_on=date.fromisoformat(dated) if dated else None,
            ),
        )
        for id_, created, dated in invoices
        if created
    ]
    return [
        (move.kind.value, move.amount_minor, tuple(target.id for target in move.targets), str(move.moved_on))
        for move in derive_movements(book(*written, quickbooks(Kind.PAYMENT, "1", money)), NEW_YORK)
    ]


MADE, CHANGED = "2026-02-20T15:00:00+00:00", "2026-02-28T15:00:00+00:00"
LATER = "2026-02-24T15:00:00+00:00"


def test_money_on_an_invoice_that_is_younger_than_its_payment_was_a_credit_before() -> None:
    """500 came in on the 20th, the invoice was written on the 24th, and the payment was put on it on the 28th."""
    assert [("issued", 500, (), "2026-02-20"), ("applied", -100, ("10",), "2026-02-28")] == first_seen_on(
        ("10", LATER, "2026-02-24"), made=MADE, changed=CHANGED
    )


def test_money_on_an_invoice_that_was_there_before_its_payment_paid_it_directly() -> None:
    for written in ("2026-02-10T15:00:00+00:00", MADE):
        assert [("issued", 400, (), "2026-02-20")] == first_seen_on(
            ("10", written, "2026-02-24"), made=MADE, changed=CHANGED
        )


def test_a_payment_that_nobody_touched_since_it_was_made_paid_directly() -> None:
    assert [("issued", 400, (), "2026-02-20")] == first_seen_on(("10", LATER, "2026-02-24"), made=MADE, changed=MADE)


def test_an_invoice_that_is_dated_before_the_payment_was_only_entered_late() -> None:
    applied = [("issued", 500, (), "2026-02-20"), ("applied", -100, ("10",), "2026-02-28")]
    paid = [("issued", 400, (), "2026-02-20")]

    assert paid == first_seen_on(("10", LATER, "2026-02-19"), made=MADE, changed=CHANGED)
    assert applied == first_seen_on(("10", LATER, "2026-02-20"), made=MADE, changed=CHANGED)
    assert applied == first_seen_on(("10", LATER, None), made=MADE, changed=CHANGED)


def test_a_payment_without_a_date_is_older_than_every_invoice_that_was_made_after_it() -> None:
    found = first_seen_on(("10", LATER, "2026-02-19"), made=MADE, changed=CHANGED, paid=None)
    assert [("issued", 500, ()), ("applied", -100, ("10",))] == [move[:3] for move in found]


def test_of_several_invoices_only_the_younger_ones_are_paid_from_credit() -> None:
    """Invoice 12 was never read, and 10 was there before."""
    found = first_seen_on(
        ("10", "2026-02-10T15:00:00+00:00", "2026-02-10"),
        ("12", "", None),
        ("13", "2026-02-26T15:00:00+00:00", "2026-02-26"),
        ("14", LATER, "2026-02-24"),
        made=MADE,
        changed=CHANGED,
    )
    assert [("issued", 300, ()), ("applied", -100, ("13",)), ("applied", -100, ("14",))] == [move[:3] for move in found]


def test_what_a_credit_memo_paid_does_not_turn_the_payments_own_money_into_credit() -> None:
    money = msgspec.structs.replace(
        payment(0, (INVOICE, "10", 100), (MEMO, "20", 100)),
        created_at=datetime.fromisoformat(MADE),
        modified_at=datetime.fromisoformat(CHANGED),
    )
    young = msgspec.structs.replace(invoice("10", 100), created_at=datetime.fromisoformat(LATER))
    assert [("applied", -100, ("10",))] == told(
        book(quickbooks(Kind.INVOICE, "10", young), quickbooks(Kind.PAYMENT, "1", money))
    )


# --- what paid what, when a payment brings both ----------------------------------------------------------------------


def test_prepaid_money_that_is_used_beside_memos_is_applied_and_not_edited_away() -> None:
    """40 prepaid and two memos of 20 and 40 settle two invoices of 50."""
    found = moves(
        payment(40, unapplied=40),
        payment(40, (INVOICE, "10", 50), (INVOICE, "11", 50), (MEMO, "20", 20), (MEMO, "21", 40)),
    )
    assert [("applied", -40), ("applied", -40), ("applied", -20), ("issued", 40)] == sorted(
        (kind, minor) for kind, minor, _ in found
    )


def test_new_money_pays_one_invoice_after_the_other_and_the_rest_comes_from_credit() -> None:
    """50 prepaid; then 70 more came in and 120 were put on two invoices of 60."""
    assert [("issued", 50, ()), ("applied", -50, ("11",))] == moves(
        payment(50, unapplied=50), payment(120, (INVOICE, "10", 60), (INVOICE, "11", 60))
    )


def test_a_movement_is_not_later_than_quickbooks_own_stamp() -> None:
    memo = quickbooks(Kind.CREDIT_MEMO, "20", credit_memo(500, 500))
    stamped = History(tuple(msgspec.structs.replace(each, modified_at=START) for each in memo.versions))

    assert [START.replace(day=2)] == [each.latest for each in derive_movements(book(memo), NEW_YORK)]
    assert [START] == [each.latest for each in derive_movements(book(stamped), NEW_YORK)]
