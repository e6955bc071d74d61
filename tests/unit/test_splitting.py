"""What a payment settles and what it takes from credits: exact in sum, bounded in the split, never guessed."""

from collections.abc import Iterator, Sequence
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.ledger import derive_ledger
from mappings.model import Kind, LineTarget, ReceivableLine, RecordKey, System
from mappings.splitting import Bounds, Split, bound_credit, receivable_lines, split_payment
from tests.unit.book_building import book, entry, payment, quickbooks

INVOICE, MEMO, JOURNAL = LineTarget.INVOICE, LineTarget.CREDIT_MEMO, LineTarget.JOURNAL_ENTRY


def key(kind: Kind, id_: str) -> RecordKey:
    return RecordKey(System.QUICKBOOKS, kind, id_)


def ways(credits_: Sequence[int], invoices: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """What the credits can have put on each invoice, over all ways to hand every one of them out."""
    if not credits_:
        yield tuple(0 for _ in invoices)
        return
    first, *others = credits_
    for part in product(*(range(min(first, room) + 1) for room in invoices)):
        if sum(part) == first:
            room_left = [room - taken for room, taken in zip(invoices, part, strict=True)]
            for rest in ways(others, room_left):
                yield tuple(taken + more for taken, more in zip(part, rest, strict=True))


_SMALL = st.lists(st.integers(1, 5), min_size=1, max_size=3)


@settings(max_examples=120)
@given(_SMALL, _SMALL)
def test_several_credits_on_several_invoices_are_bounded_as_trying_every_way_shows(
    credits_: list[int], invoices: list[int]
) -> None:
    cash = sum(invoices) - sum(credits_)
    if cash < 0:
        return
    lines = [(INVOICE, f"i{place}", minor) for place, minor in enumerate(invoices)]
    lines += [(MEMO, f"m{place}", minor) for place, minor in enumerate(credits_)]
    ledger = derive_ledger(book(quickbooks(Kind.PAYMENT, "p", payment(cash, *lines))))
    tried = list(ways(credits_, invoices))

    for place, application in enumerate(ledger.applications):
        possible = {way[place] for way in tried}
        assert Bounds(min(possible), max(possible)) == application.credit_minor
        assert application.credit_minor.is_exact == (len(possible) == 1)
        cash_possible = {invoices[place] - each for each in possible}
        assert Bounds(min(cash_possible), max(cash_possible)) == application.cash_minor
    assert credits_ == [use.amount_minor for use in ledger.uses]
    assert invoices == [each.amount_minor for each in ledger.applications]


def test_the_sides_of_a_payment_are_added_up_by_record() -> None:
    split = split_payment(
        payment(0, (INVOICE, "1", 40), (INVOICE, "1", 20), (INVOICE, "2", 5), (MEMO, "8", 50), (MEMO, "9", 15)),
        lambda _: (),
    )

    assert (
        Split(
            charges=((key(Kind.INVOICE, "1"), 60), (key(Kind.INVOICE, "2"), 5)),
            credits=((key(Kind.CREDIT_MEMO, "8"), 50), (key(Kind.CREDIT_MEMO, "9"), 15)),
        )
        == split
    )
    assert (65, 65) == (split.charged_minor, split.credited_minor)


def test_a_link_to_nothing_is_on_neither_side() -> None:
    split = split_payment(payment(10, (INVOICE, "", 10), (LineTarget.OTHER, "5", 10)), lambda _: ())

    assert Split(charges=(), credits=()) == split


def test_all_cash_and_all_credit_are_exact() -> None:
    charges = {"a": 30, "b": 20}

    assert {"a": Bounds(0, 0), "b": Bounds(0, 0)} == bound_credit(charges, 0)
    assert {"a": Bounds(30, 30), "b": Bounds(20, 20)} == bound_credit(charges, 50)
    assert {"a": Bounds(10, 30), "b": Bounds(0, 20)} == bound_credit(charges, 30)


def test_a_negative_charge_among_several_leaves_the_whole_range_open() -> None:
    assert {"a": Bounds(0, 30), "b": Bounds(-10, 0)} == bound_credit({"a": 30, "b": -10}, 5)


def test_only_lines_on_receivable_accounts_count_when_they_are_known() -> None:
    both = entry(("c", -10), account="84")
    assert 1 == len(receivable_lines(both, frozenset()))
    assert 1 == len(receivable_lines(both, frozenset({"84", "90"})))
    assert () == receivable_lines(both, frozenset({"90"}))


def _lines(*amounts: int, client: str = "c") -> tuple[ReceivableLine, ...]:
    return tuple(ReceivableLine(str(place), client, "84", minor) for place, minor in enumerate(amounts))


def side_of_entry(total: int, *links: tuple[LineTarget, str, int], known: dict[str, tuple[ReceivableLine, ...]]) -> str:
    split = split_payment(payment(total, *links), lambda target: known.get(target.id, ()))
    charged = any(each.kind is Kind.JOURNAL_ENTRY for each, _ in split.charges)
    return "charge" if charged else "credit"


def test_an_entry_stands_on_the_side_of_its_own_lines() -> None:
    links = ((INVOICE, "1", 100), (JOURNAL, "j", 30))

    assert "credit" == side_of_entry(70, *links, known={"j": _lines(-30)})
    assert "charge" == side_of_entry(130, *links, known={"j": _lines(30)})
    assert "charge" == side_of_entry(70, *links, known={"j": _lines(30)})
    assert "credit" == side_of_entry(70, *links, known={"j": (*_lines(-30), *_lines(30, client="other"))})
    assert "charge" == side_of_entry(70, *links, known={"j": _lines(0, 30)})


def test_an_unknown_entry_stands_where_the_payments_own_total_holds() -> None:
    links = ((INVOICE, "1", 100), (JOURNAL, "j", 30))

    assert "credit" == side_of_entry(70, *links, known={})
    assert "charge" == side_of_entry(130, *links, known={})
    assert "charge" == side_of_entry(130, *links, known={"j": _lines(30, -30)})
    assert "credit" == side_of_entry(5, *links, known={})  # neither side holds: what QuickBooks links in practice


def test_two_unknown_entries_are_told_apart_by_the_total_when_only_one_way_holds() -> None:
    split = split_payment(payment(120, (INVOICE, "1", 100), (JOURNAL, "a", 50), (JOURNAL, "b", 30)), lambda _: ())

    assert ((key(Kind.INVOICE, "1"), 100), (key(Kind.JOURNAL_ENTRY, "a"), 50)) == split.charges
    assert ((key(Kind.JOURNAL_ENTRY, "b"), 30),) == split.credits


def test_two_ways_to_hold_are_no_proof() -> None:
    split = split_payment(payment(100, (INVOICE, "1", 100), (JOURNAL, "a", 30), (JOURNAL, "b", 30)), lambda _: ())

    assert ((key(Kind.JOURNAL_ENTRY, "a"), 30), (key(Kind.JOURNAL_ENTRY, "b"), 30)) == split.credits


def test_beyond_six_unknown_entries_no_sides_are_tried() -> None:
    """Seven signs always find a sum by accident."""
    links = [(JOURNAL, f"j{place}", 2**place) for place in range(7)]
    total = sum(minor for _, _, minor in links)
    many = split_payment(payment(total, *links), lambda _: ())
    few = split_payment(payment(total - 64, *links[:6]), lambda _: ())

    assert (0, 7) == (len(many.charges), len(many.credits))
    assert (6, 0) == (len(few.charges), len(few.credits))


def test_unapplied_money_is_not_what_an_entry_has_to_explain() -> None:
    held = split_payment(payment(80, (INVOICE, "1", 100), (JOURNAL, "j", 30), unapplied=10), lambda _: ())
    other = split_payment(payment(140, (INVOICE, "1", 100), (JOURNAL, "j", 30), unapplied=10), lambda _: ())

    assert (1, 1) == (len(held.charges), len(held.credits))
    assert (2, 0) == (len(other.charges), len(other.credits))


def test_refund_cheques_charge_and_deposits_fund() -> None:
    split = split_payment(
        payment(
            0,
            (LineTarget.CHECK, "1", 10),
            (LineTarget.EXPENSE, "2", 20),
            (LineTarget.DEPOSIT, "3", 15),
            (LineTarget.CREDIT_CARD_CREDIT, "4", 16),
        ),
        lambda _: (),
    )

    assert ["1", "2"] == [each.id for each, _ in split.charges]
    assert ["3", "4"] == sorted(each.id for each, _ in split.credits)


def test_an_entry_stands_on_the_payers_own_side_though_the_payment_does_not_add_up() -> None:
    links = ((INVOICE, "1", 100), (JOURNAL, "j", 30))

    assert "charge" == side_of_entry(5, *links, known={"j": (*_lines(30), *_lines(-30, client="other"))})
    assert "credit" == side_of_entry(5, *links, known={"j": (*_lines(-30), *_lines(30, client="other"))})
    assert "charge" == side_of_entry(5, *links, known={"j": _lines(1)})


def test_what_a_payment_takes_from_memos_is_no_part_of_what_an_unknown_entry_has_to_explain() -> None:
    """100.00 of invoices less a memo of 20.00: 110.00 of money leaves an entry of 30.00 that was charged."""
    links = ((INVOICE, "1", 100), (MEMO, "8", 20), (JOURNAL, "j", 30))

    assert "charge" == side_of_entry(110, *links, known={})
    assert "credit" == side_of_entry(50, *links, known={})


def test_a_link_type_that_we_have_not_met_explains_nothing_of_an_unknown_entry() -> None:
    links = ((INVOICE, "1", 100), (LineTarget.OTHER, "5", 10), (JOURNAL, "j", 30))

    assert "charge" == side_of_entry(130, *links, known={})
    assert "credit" == side_of_entry(70, *links, known={})


def test_one_cent_of_cash_leaves_the_split_open_by_one_cent() -> None:
    assert {"a": Bounds(29, 30), "b": Bounds(19, 20)} == bound_credit({"a": 30, "b": 20}, 49)
