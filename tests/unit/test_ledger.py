"""Promises of the QuickBooks ledger of credits and of its identities."""

import random
from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.identities import IdentityBreak, identity_breaks
from mappings.ledger import Charge, Credit, Ledger, Origin, Via, derive_ledger
from mappings.model import Book, Client, History, Kind, LineTarget, RecordKey, System
from mappings.splitting import Bounds, bound_credit
from tests.unit.book_building import DAY, book, client, credit_memo, entry, invoice, payment, quickbooks

INVOICE, MEMO, JOURNAL = LineTarget.INVOICE, LineTarget.CREDIT_MEMO, LineTarget.JOURNAL_ENTRY
CHECK, EXPENSE = LineTarget.CHECK, LineTarget.EXPENSE


def key(kind: Kind, id_: str) -> RecordKey:
    return RecordKey(System.QUICKBOOKS, kind, id_)


def breaks(one: Book) -> list[tuple[str, str, int]]:
    return [(b.identity, b.key.id, b.difference_minor) for b in identity_breaks(one, derive_ledger(one))]


# Recorded in a QuickBooks sandbox: invoice 71 over 205.00 is settled by memo 73 (100.00) through payment 74, and by
# payment 72 in cash; the customer is left with 839.00 − 300.00 − 800.00.
RECORDED = book(
    quickbooks(Kind.INVOICE, "71", invoice("1037", 20500, "1", balance=0)),
    quickbooks(Kind.CREDIT_MEMO, "73", credit_memo(10000, 0, "1")),
    quickbooks(Kind.PAYMENT, "74", payment(0, (INVOICE, "71", 10000), (MEMO, "73", 10000), client="1")),
    quickbooks(Kind.PAYMENT, "72", payment(10500, (INVOICE, "71", 10500), client="1")),
    quickbooks(Kind.INVOICE, "90", invoice("1040", 83900, "1")),
    quickbooks(Kind.PAYMENT, "91", payment(30000, unapplied=30000, client="1")),
    quickbooks(Kind.CREDIT_MEMO, "92", credit_memo(80000, 80000, "1")),
    quickbooks(Kind.CUSTOMER, "1", client("Amy's Bird Sanctuary", balance=-26100)),
)


def test_the_recorded_application_of_a_memo_is_all_credit_and_names_its_source() -> None:
    ledger = derive_ledger(RECORDED)
    cash, credit = ledger.applications
    assert (key(Kind.PAYMENT, "72"), 10500, Via.CASH) == (cash.payment, cash.amount_minor, cash.via)
    assert (key(Kind.PAYMENT, "74"), 10000, Via.CREDIT) == (credit.payment, credit.amount_minor, credit.via)
    assert (Bounds(10000, 10000), Bounds(0, 0), DAY) == (credit.credit_minor, credit.cash_minor, credit.applied_on)
    assert (key(Kind.CREDIT_MEMO, "73"),) == credit.sources
    (use,) = ledger.uses
    assert (key(Kind.CREDIT_MEMO, "73"), 10000, (key(Kind.INVOICE, "71"),)) == (
        use.source, use.amount_minor, use.targets)  # fmt: skip


def test_all_identities_hold_on_the_recorded_books() -> None:
    assert [] == breaks(RECORDED)


def changed(one: Book, changed_key: RecordKey, **fields: object) -> Book:
    """The book with some fields of one record changed, as if a write had been lost."""

    def edit(history: History) -> History:
        if history.key != changed_key:
            return history
        content = msgspec.structs.replace(history.content, **fields)  # type: ignore[type-var]
        return History((*history.versions[:-1], msgspec.structs.replace(history.latest, content=content)))

    return msgspec.structs.replace(one, histories=tuple(edit(history) for history in one.histories))


@pytest.mark.parametrize(
    ("kind", "id_", "field", "value", "expected"),
    [
        (Kind.PAYMENT, "74", "total_minor", 1, [("I1", "74", 1)]),
        (Kind.PAYMENT, "91", "unapplied_minor", 29000, [("I1", "91", 1000), ("I4", "1", -1000)]),
        (Kind.INVOICE, "71", "balance_minor", 500, [("I2", "71", 500), ("I4", "1", -500)]),
        (Kind.CREDIT_MEMO, "73", "remaining_minor", 100, [("I3", "73", 100), ("I4", "1", 100)]),
        (Kind.CUSTOMER, "1", "balance_minor", 0, [("I4", "1", 26100)]),
    ],
)
def test_a_broken_identity_names_the_record_and_the_difference(
    kind: Kind, id_: str, field: str, value: int, expected: list[tuple[str, str, int]]
) -> None:
    assert expected == breaks(changed(RECORDED, key(kind, id_), **{field: value}))


def test_a_break_says_what_is_shown_and_what_was_expected() -> None:
    broken = changed(RECORDED, key(Kind.INVOICE, "71"), balance_minor=500)
    (first, _) = identity_breaks(broken, derive_ledger(broken))
    assert IdentityBreak(
        identity="I2", key=key(Kind.INVOICE, "71"), currency="USD", shown_minor=500, expected_minor=0
    ) == first  # fmt: skip


def test_a_deposit_taken_on_an_invoice_lowers_its_balance() -> None:
    paid = msgspec.structs.replace(invoice("1", 1000, balance=700), deposit_minor=300)
    assert [] == breaks(book(quickbooks(Kind.INVOICE, "1", paid)))


def test_voided_and_deleted_payments_apply_nothing() -> None:
    voided = msgspec.structs.replace(payment(0), voided=True)
    gone = book(
        quickbooks(Kind.INVOICE, "1", invoice("1", 1000)),
        quickbooks(Kind.PAYMENT, "2", payment(1000, (INVOICE, "1", 1000)), voided),
        quickbooks(Kind.PAYMENT, "3", payment(1000, (INVOICE, "1", 1000)), None),
    )
    assert Ledger(applications=(), uses=(), credits=(), charges=()) == derive_ledger(gone)
    assert [] == breaks(gone)


def test_cash_and_two_credits_on_two_invoices_are_exact_in_sum_and_bounded_in_the_split() -> None:
    mixed = book(
        quickbooks(Kind.PAYMENT, "1", payment(70, (INVOICE, "10", 100), (INVOICE, "11", 50), (MEMO, "20", 30),
                                              (MEMO, "21", 50)))
    )  # fmt: skip
    first, second = derive_ledger(mixed).applications
    assert (Bounds(30, 80), Bounds(20, 70), Via.MIXED) == (first.credit_minor, first.cash_minor, first.via)
    assert (Bounds(0, 50), Bounds(0, 50), Via.MIXED) == (second.credit_minor, second.cash_minor, second.via)
    assert [30, 50] == [use.amount_minor for use in derive_ledger(mixed).uses]


def test_one_invoice_makes_the_split_exact() -> None:
    mixed = book(quickbooks(Kind.PAYMENT, "1", payment(70, (INVOICE, "10", 100), (MEMO, "20", 30))))
    (only,) = derive_ledger(mixed).applications
    assert (Bounds(30, 30), Bounds(70, 70), Via.MIXED) == (only.credit_minor, only.cash_minor, only.via)


def test_lines_of_one_payment_on_one_invoice_are_added_up() -> None:
    twice = book(quickbooks(Kind.PAYMENT, "1", payment(70, (INVOICE, "10", 40), (INVOICE, "10", 30))))
    assert [70] == [application.amount_minor for application in derive_ledger(twice).applications]


@settings(max_examples=150)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=4).flatmap(
    lambda amounts: st.tuples(st.just(amounts), st.integers(0, sum(amounts)))))  # fmt: skip
def test_the_bounds_are_those_of_trying_every_split(case: tuple[list[int], int]) -> None:
    amounts, credit = case
    splits = [s for s in product(*(range(amount + 1) for amount in amounts)) if sum(s) == credit]
    tried = {place: Bounds(min(values), max(values)) for place, values in enumerate(zip(*splits, strict=True))}
    assert tried == bound_credit(dict(enumerate(amounts)), credit)


def credits_of(one: Book) -> list[tuple[str, Origin, str, int, int]]:
    return [(c.key.id, c.origin, c.client_id, c.original_minor, c.remaining_minor) for c in derive_ledger(one).credits]


def test_money_that_was_never_on_an_invoice_is_a_prepayment() -> None:
    assert [("1", Origin.PREPAYMENT, "c", 500, 500)] == credits_of(
        book(quickbooks(Kind.PAYMENT, "1", payment(500, unapplied=500)))
    )


def test_what_a_payment_left_over_is_an_overpayment_with_the_most_it_ever_left() -> None:
    versions = [
        payment(150, (INVOICE, "10", 100), unapplied=50),
        payment(150, (INVOICE, "10", 100), (INVOICE, "11", 30), unapplied=20),
    ]
    assert [("1", Origin.OVERPAYMENT, "c", 50, 20)] == credits_of(book(quickbooks(Kind.PAYMENT, "1", *versions)))


def test_a_used_up_overpayment_stays_with_nothing_left() -> None:
    versions = [payment(150, (INVOICE, "10", 100), unapplied=50), payment(150, (INVOICE, "10", 150))]
    assert [("1", Origin.OVERPAYMENT, "c", 50, 0)] == credits_of(book(quickbooks(Kind.PAYMENT, "1", *versions)))


def test_a_memo_that_was_overspent_shows_it() -> None:
    assert [("1", Origin.CREDIT_MEMO, "c", 300, -100)] == credits_of(
        book(quickbooks(Kind.CREDIT_MEMO, "1", credit_memo(300, -100)))
    )


def test_a_journal_credit_is_open_for_what_no_payment_took() -> None:
    journal = book(
        quickbooks(Kind.JOURNAL_ENTRY, "5", entry(("c", -500))),
        quickbooks(Kind.PAYMENT, "1", payment(0, (INVOICE, "10", 200), (JOURNAL, "5", 200))),
    )
    assert [("5", Origin.JOURNAL_ENTRY, "c", 500, 300)] == credits_of(journal)
    assert [] == breaks(journal)


def test_a_journal_entry_over_several_customers_is_used_by_each_for_his_own_lines() -> None:
    journal = book(
        quickbooks(Kind.JOURNAL_ENTRY, "5", entry(("c", -500), ("d", -300), ("e", 800))),
        quickbooks(Kind.PAYMENT, "1", payment(0, (INVOICE, "10", 200), (JOURNAL, "5", 200), client="d")),
        quickbooks(Kind.PAYMENT, "2", payment(50, (JOURNAL, "5", 50), client="e")),
        quickbooks(Kind.PAYMENT, "3", payment(0, (INVOICE, "11", 7), (JOURNAL, "5", 7), client="job of c")),
    )
    assert [("5", Origin.JOURNAL_ENTRY, "c", 500, 493), ("5", Origin.JOURNAL_ENTRY, "d", 300, 100)] == credits_of(
        journal
    )
    assert (
        Charge(key=key(Kind.JOURNAL_ENTRY, "5"), client_id="e", currency="USD", original_minor=800, open_minor=750,
               charged_on=DAY),
    ) == derive_ledger(journal).charges  # fmt: skip
    assert [] == breaks(journal)


def test_only_lines_on_receivable_accounts_count_once_the_accounts_are_known() -> None:
    histories = (
        quickbooks(Kind.JOURNAL_ENTRY, "5", entry(("c", -500), account="84")),
        quickbooks(Kind.JOURNAL_ENTRY, "6", entry(("c", -700), account="4000")),
    )
    assert [("5", Origin.JOURNAL_ENTRY, "c", 500, 500)] == credits_of(book(*histories, accounts=["84"]))
    assert 2 == len(credits_of(book(*histories)))


def test_a_deposit_booked_to_receivables_is_an_adjustment() -> None:
    assert [("5", Origin.ADJUSTMENT, "c", 75, 75)] == credits_of(book(quickbooks(Kind.DEPOSIT, "5", entry(("c", -75)))))


@pytest.mark.parametrize("target", [CHECK, EXPENSE])
def test_a_refund_cheque_is_a_charge_that_uses_up_the_memo(target: LineTarget) -> None:
    refunded = book(
        quickbooks(Kind.CREDIT_MEMO, "20", credit_memo(200, 0)),
        quickbooks(Kind.PURCHASE, "30", entry(("c", 200))),
        quickbooks(Kind.PAYMENT, "1", payment(0, (target, "30", 200), (MEMO, "20", 200))),
        quickbooks(Kind.CUSTOMER, "c", client("C", balance=0)),
        accounts=["84"],
    )
    ledger = derive_ledger(refunded)
    assert [(key(Kind.PURCHASE, "30"), 200, 0)] == [(c.key, c.original_minor, c.open_minor) for c in ledger.charges]
    assert [(key(Kind.PURCHASE, "30"), Via.CREDIT)] == [(a.target, a.via) for a in ledger.applications]
    assert [] == breaks(refunded)


def test_an_unlinked_refund_cheque_is_an_open_charge_beside_an_open_credit() -> None:
    unlinked = book(
        quickbooks(Kind.CREDIT_MEMO, "20", credit_memo(200, 200)),
        quickbooks(Kind.PURCHASE, "30", entry(("c", 200))),
        quickbooks(Kind.CUSTOMER, "c", client("C", balance=0)),
        accounts=["84"],
    )
    ledger = derive_ledger(unlinked)
    assert ([200], [200]) == ([c.open_minor for c in ledger.charges], [c.remaining_minor for c in ledger.credits])
    assert [] == breaks(unlinked)


@pytest.mark.parametrize(
    ("total", "sign"),
    [(0, "credit"), (400, "charge"), (1, "credit")],
)
def test_the_side_of_an_unknown_entry_follows_from_the_payments_own_total(total: int, sign: str) -> None:
    unknown = book(quickbooks(Kind.PAYMENT, "1", payment(total, (INVOICE, "10", 200), (JOURNAL, "5", 200))))
    ledger = derive_ledger(unknown)
    assert (sign == "charge") == (len(ledger.applications) == 2)
    assert (sign == "credit") == (len(ledger.uses) == 1)


def test_a_known_entry_decides_its_side_even_for_another_client_and_a_total_that_does_not_add_up() -> None:
    journal = book(
        quickbooks(Kind.JOURNAL_ENTRY, "5", entry(("job", 200))),
        quickbooks(Kind.PAYMENT, "1", payment(1, (JOURNAL, "5", 200), client="parent")),
    )
    assert [200] == [one.amount_minor for one in derive_ledger(journal).applications]
    assert [("I1", "1", -199)] == breaks(journal)


def test_two_journal_entries_of_opposite_sides_settle_each_other() -> None:
    both = book(
        quickbooks(Kind.JOURNAL_ENTRY, "5", entry(("c", -100))),
        quickbooks(Kind.JOURNAL_ENTRY, "6", entry(("c", 100))),
        quickbooks(Kind.PAYMENT, "1", payment(0, (JOURNAL, "5", 100), (JOURNAL, "6", 100))),
    )
    ledger = derive_ledger(both)
    assert ([0], [0]) == ([c.remaining_minor for c in ledger.credits], [c.open_minor for c in ledger.charges])
    assert [] == breaks(both)


def test_a_payment_of_the_parent_may_pay_a_jobs_invoice() -> None:
    family = book(
        quickbooks(Kind.INVOICE, "10", invoice("1", 100, "job", balance=0)),
        quickbooks(Kind.PAYMENT, "1", payment(100, (INVOICE, "10", 100), client="parent")),
        quickbooks(Kind.CUSTOMER, "job", client("Job", parent="parent", balance=0)),
        quickbooks(Kind.CUSTOMER, "parent", client("Parent", balance=0)),
    )
    assert [] == breaks(family)


def test_a_customer_read_before_his_latest_transaction_is_not_judged() -> None:
    versions = [client("C", balance=100)]
    behind = book(
        quickbooks(Kind.CUSTOMER, "c", *versions),
        quickbooks(Kind.INVOICE, "1", invoice("1", 100), invoice("1", 300)),
    )
    assert [] == breaks(behind)
    caught_up = [client("C", balance=0), client("C", balance=100)]
    assert [("I4", "c", -200)] == breaks(book(quickbooks(Kind.CUSTOMER, "c", *caught_up), behind.histories[1]))


def test_a_customer_with_entries_is_not_judged_while_the_receivable_accounts_are_unknown() -> None:
    histories = (
        quickbooks(Kind.CUSTOMER, "c", client("C", balance=0)),
        quickbooks(Kind.JOURNAL_ENTRY, "5", entry(("c", -500))),
    )
    assert [] == breaks(book(*histories))
    assert [("I4", "c", 500)] == breaks(book(*histories, accounts=["84"]))


def test_a_link_type_we_have_not_met_is_on_neither_side_and_breaks_nothing() -> None:
    strange = book(quickbooks(Kind.PAYMENT, "1", payment(0, (INVOICE, "10", 100), (LineTarget.OTHER, "9", 100))))
    ledger = derive_ledger(strange)
    assert ([100], []) == ([a.amount_minor for a in ledger.applications], list(ledger.uses))
    assert [] == breaks(strange)


LINES = st.lists(
    st.tuples(
        st.sampled_from([INVOICE, INVOICE, MEMO, JOURNAL, CHECK]), st.sampled_from(["1", "2"]), st.integers(0, 300)
    ),
    max_size=5,
)


@st.composite
def honest_books(draw: st.DrawFn) -> Book:
    """Books in which QuickBooks keeps its own identities."""
    histories = [
        quickbooks(Kind.JOURNAL_ENTRY, "1", entry(("c", -10_000))),
        quickbooks(Kind.JOURNAL_ENTRY, "2", entry(("c", 10_000))),
        *(quickbooks(Kind.PURCHASE, id_, entry(("c", 10_000))) for id_ in ("1", "2")),
    ]
    owed = {"1": 10_000, "2": 10_000}
    left = {"1": 10_000, "2": 10_000}
    entries = -10_000 + 3 * 10_000
    balance = 0
    for place in range(draw(st.integers(0, 4))):
        lines = draw(LINES)
        total = sum(m if t in {INVOICE, CHECK} or (t, i) == (JOURNAL, "2") else -m for t, i, m in lines)
        unapplied = draw(st.integers(max(0, -total), max(0, -total) + 100))
        histories.append(quickbooks(Kind.PAYMENT, str(place), payment(total + unapplied, *lines, unapplied=unapplied)))
        for target, id_, minor in lines:
            if target is INVOICE:
                owed[id_] -= minor
            elif target is MEMO:
                left[id_] -= minor
            else:
                entries += minor if (target, id_) == (JOURNAL, "1") else -minor
        balance -= unapplied
    histories += [quickbooks(Kind.INVOICE, id_, invoice(id_, 10_000, balance=minor)) for id_, minor in owed.items()]
    histories += [quickbooks(Kind.CREDIT_MEMO, id_, credit_memo(10_000, minor)) for id_, minor in left.items()]
    balance += sum(owed.values()) - sum(left.values()) + entries
    histories.append(quickbooks(Kind.CUSTOMER, "c", client("C", balance=balance)))
    return book(*histories, accounts=["84"])


@settings(max_examples=200)
@given(honest_books())
def test_nothing_breaks_in_honest_books(honest: Book) -> None:
    assert [] == breaks(honest)


@settings(max_examples=200)
@given(honest_books())
def test_what_payments_apply_is_conserved(honest: Book) -> None:
    ledger = derive_ledger(honest)
    for history in honest.histories:
        if history.key.kind is not Kind.PAYMENT:
            continue
        applied = [one for one in ledger.applications if one.payment == history.key]
        used = sum(use.amount_minor for use in ledger.uses if use.payment == history.key)
        content = history.content
        assert not isinstance(content, Client)
        cash = content.total_minor - content.unapplied_minor  # type: ignore[union-attr]
        assert sum(one.amount_minor for one in applied) == used + cash
        for one in applied:
            assert one.cash_minor.least_minor + one.credit_minor.most_minor == one.amount_minor
            assert one.cash_minor.most_minor + one.credit_minor.least_minor == one.amount_minor
            if cash >= 0:
                assert 0 <= one.credit_minor.least_minor <= one.credit_minor.most_minor <= one.amount_minor


@given(honest_books(), st.randoms(use_true_random=False))
def test_the_ledger_does_not_depend_on_the_order_of_records(honest: Book, shuffler: random.Random) -> None:
    shuffled = list(honest.histories)
    shuffler.shuffle(shuffled)
    reordered = msgspec.structs.replace(honest, histories=tuple(shuffled))
    assert derive_ledger(honest) == derive_ledger(reordered)
    assert identity_breaks(honest, derive_ledger(honest)) == identity_breaks(reordered, derive_ledger(reordered))


def test_a_credit_is_named_by_its_record_and_client() -> None:
    (credit,) = derive_ledger(book(quickbooks(Kind.CREDIT_MEMO, "1", credit_memo(300, 300)))).credits
    assert Credit(
        key=key(Kind.CREDIT_MEMO, "1"), origin=Origin.CREDIT_MEMO, client_id="c", currency="USD", original_minor=300,
        remaining_minor=300, issued_on=DAY,
    ) == credit  # fmt: skip


def test_deleted_and_voided_entries_give_and_charge_nothing() -> None:
    voided = msgspec.structs.replace(entry(("c", -300), ("d", 300)), voided=True)
    gone = book(
        quickbooks(Kind.JOURNAL_ENTRY, "5", entry(("c", -500), ("d", 500)), None),
        quickbooks(Kind.JOURNAL_ENTRY, "6", voided),
    )
    assert Ledger(applications=(), uses=(), credits=(), charges=()) == derive_ledger(gone)


def test_a_payment_that_left_nothing_over_does_not_hide_the_next_ones_rest() -> None:
    assert [("2", Origin.PREPAYMENT, "c", 50, 50)] == credits_of(
        book(
            quickbooks(Kind.PAYMENT, "0", msgspec.structs.replace(payment(0), voided=True)),
            quickbooks(Kind.PAYMENT, "1", payment(100, (INVOICE, "10", 100))),
            quickbooks(Kind.PAYMENT, "2", payment(50, unapplied=50)),
        )
    )


def test_one_cent_of_an_entry_is_a_charge_or_a_credit_like_any_other() -> None:
    ledger = derive_ledger(book(quickbooks(Kind.JOURNAL_ENTRY, "5", entry(("c", 1), ("d", -1)))))
    assert [("c", 1)] == [(each.client_id, each.open_minor) for each in ledger.charges]
    assert [("d", 1)] == [(each.client_id, each.remaining_minor) for each in ledger.credits]


def test_what_a_stranger_used_of_an_entry_is_counted_for_the_first_client_who_has_something_there() -> None:
    journal = book(
        quickbooks(Kind.JOURNAL_ENTRY, "5", entry(("a", 0), ("b", -300), ("d", -200))),
        quickbooks(Kind.PAYMENT, "1", payment(0, (INVOICE, "10", 100), (JOURNAL, "5", 100), client="job of b")),
    )
    assert [("5", Origin.JOURNAL_ENTRY, "b", 300, 200), ("5", Origin.JOURNAL_ENTRY, "d", 200, 200)] == credits_of(
        journal
    )
