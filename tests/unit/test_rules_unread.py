"""What is not judged yet, and whose credit cannot be told: a book that is only half read, a customer of nobody."""

from datetime import datetime

import msgspec

from mappings.findings import Finding, Proof, Severity
from mappings.model import Client, Kind, Method, RecordKey
from sync.rules.evaluate import evaluate_book
from tests.books import BT, QB, BookOf, moment, noon

MONEY, CREDIT = Method.MONEY, Method.ACCOUNT_CREDIT


def half_read(book: BookOf, since: datetime | None) -> list[Finding]:
    """What is told when QuickBooks was last read at a moment; None: it was read now."""
    now = msgspec.structs.replace(moment("2026-04-01"), quickbooks_read_at=since)
    return list(evaluate_book(book.book(), now).findings)


def paid_in_bigtime(*, seen: str = "2026-03-30", method: Method = MONEY) -> BookOf:
    """A payment of 300.00 that BigTime shows and the QuickBooks that we have does not."""
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "300", method=method, on="2026-03-05", seen=seen)
    return book


def told(book: BookOf, since: datetime | None) -> list[tuple[str, Severity, int]]:
    return [(each.code, each.severity, each.claim_minor) for each in half_read(book, since)]


def test_what_bigtime_has_shown_since_quickbooks_was_read_is_not_judged() -> None:
    waits, judged = [("G4", Severity.S4, -30000)], [("C4", Severity.S1, -30000)]

    assert waits == told(paid_in_bigtime(), noon("2026-03-29"))
    assert judged == told(paid_in_bigtime(), noon("2026-03-30"))
    assert judged == told(paid_in_bigtime(), None)


def test_it_is_told_as_not_compared_with_the_records_that_are_new() -> None:
    (found,) = half_read(paid_in_bigtime(), noon("2026-03-29"))

    assert (Proof.CANNOT_TELL, 30000) == (found.proof, found.exposure_minor)
    assert "300.00 USD is not compared until QuickBooks can be read again" in found.explanation
    assert {"101", "q101", "p1:101"} == {each.key.id for each in found.evidence}


def test_a_client_credit_needs_no_other_half() -> None:
    assert [("A1", Severity.S1, -30000)] == told(paid_in_bigtime(method=CREDIT), noon("2026-03-29"))


def test_a_payment_that_is_gone_from_bigtime_since_is_not_judged_either() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.payment("9", invoices={"q101": "300"}, cash="300", on="2026-03-05")
    key = book.row("p1", "101", "300", method=MONEY, on="2026-03-05")
    book.gone(key, "2026-03-30")

    assert [("G4", Severity.S4, 30000)] == told(book, noon("2026-03-29"))
    assert [("E2", Severity.S1, 30000)] == told(book, noon("2026-03-31"))


def test_other_invoices_are_judged_as_always() -> None:
    book = paid_in_bigtime()
    book.twins("102", "1000", open_in_quickbooks="1000")
    book.row("p2", "102", "200", method=MONEY, on="2026-03-05")

    assert [("C4", Severity.S1, -20000), ("G4", Severity.S4, -30000)] == told(book, noon("2026-03-29"))


def owned(*, names: tuple[str, ...] = (), parent: str = "", left: str = "50") -> list[tuple[str, Proof]]:
    """A credit of customer 13, "Zenith", who has a parent or not; `names` are BigTime's clients beside Acme."""
    book = BookOf()
    for place, name in enumerate(names):
        book.put(RecordKey(BT, Kind.CLIENT, f"40{place}"), Client(name=name), "2026-01-01")
    customer = Client(name="Zenith", currency="USD", parent_id=parent)
    book.put(RecordKey(QB, Kind.CUSTOMER, "13"), customer, "2026-01-01")
    book.memo("7", "50", left, on="2026-03-30", client="13")
    return [(each.code, each.proof) for each in book.evaluate().findings]


def test_a_credit_of_a_customer_who_is_no_client_is_told_as_that() -> None:
    assert [("C7", Proof.LIKELY)] == owned()


def test_a_credit_of_a_customer_who_could_be_two_clients_cannot_be_told() -> None:
    assert [("C7", Proof.CANNOT_TELL)] == owned(names=("Zenith", "Zenith"))


def test_a_clients_own_customer_and_a_job_of_his_are_no_strangers() -> None:
    assert [("C2", Proof.PROVED)] == owned(names=("Zenith",))
    assert [("C2", Proof.PROVED)] == owned(parent="12")


def test_a_credit_of_nobody_that_is_used_up_is_nothing() -> None:
    assert "C7" not in [code for code, _ in owned(left="0")]


def test_a_figure_of_the_invoice_itself_that_moved_since_is_not_judged() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="1000")
    book.row("p1", "101", "70", method=CREDIT, on="2026-03-05")
    book.row("p2", "101", "30", method=MONEY, on="2026-03-05")
    book.bigtime_invoice("101", "900", seen="2026-03-30")

    waiting = {each.code: each for each in half_read(book, noon("2026-03-29"))}

    assert {"A1": -7000, "G4": -13000} == {code: each.claim_minor for code, each in waiting.items()}
    assert {"101", "q101", "p1:101"} == {each.key.id for each in waiting["G4"].evidence}


def test_a_row_that_is_gone_since_is_no_record_to_show() -> None:
    book = BookOf()
    book.twins("101", "1000", open_in_quickbooks="700")
    book.payment("9", invoices={"q101": "300"}, cash="300", on="2026-03-05")
    book.gone(book.row("p1", "101", "300", method=MONEY, on="2026-03-05"), "2026-03-30")

    (found,) = half_read(book, noon("2026-03-29"))
    assert {"101", "q101"} == {each.key.id for each in found.evidence}


def test_the_sentence_says_whether_he_is_nobodys_or_could_be_several() -> None:
    for names, words in (
        ((), "is no client in BigTime"),
        (("Zenith", "Zenith"), "cannot be told apart among BigTime's"),
    ):
        book = BookOf()
        for place, name in enumerate(names):
            book.put(RecordKey(BT, Kind.CLIENT, f"40{place}"), Client(name=name), "2026-01-01")
        book.put(RecordKey(QB, Kind.CUSTOMER, "13"), Client(name="Zenith", currency="USD"), "2026-01-01")
        book.memo("7", "0.01", "0.01", on="2026-03-30", client="13")
        book.memo("8", "50", "-50", on="2026-03-30", client="13")

        (found,) = [each for each in book.evaluate().findings if each.code == "C7"]
        assert words in found.explanation
