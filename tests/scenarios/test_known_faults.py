"""The eighteen faults that were seen in other systems, each shown to be absent here.

Source: facts/field.md §2, F1 to F18 (the numbers of that table, not of the catalogue of findings).
"""

import json
from datetime import date, timedelta
from decimal import Decimal

from connectors.sandbox import faults
from connectors.sandbox.faults import Match
from connectors.sandbox.playing import play, world_for
from connectors.sandbox.quickbooks_rows import Entity
from connectors.sandbox.scenario import parse
from mappings.model import History, Kind, RecordKey, System
from mappings.quickbooks import MappedRecord, content_from_quickbooks
from sync.reports.credit_balances import BalanceTotal, CreditBalances
from sync.reports.payments import PaymentRow, Payments, PaymentTotal
from tests.archive import Archive
from tests.quickbooks_bench import TODAY, Bench, a_bench
from tests.reporting import Firm, applied_total, text
from tests.scenarios.judging import complaints

SECOND = timedelta(seconds=1)


def assert_holds(story: str) -> Archive:
    """What the scenario expects is found, nothing else above S4, and every difference is explained to the cent."""
    scenario = parse(story)
    world, archive = world_for(scenario), Archive()
    for checkpoint in play(scenario, world):
        archive.read(world)
        result = archive.evaluate(world.clock.now())
        assert [] == complaints(checkpoint, result.findings)
        assert {0} >= {line.residual_minor for line in result.tie_lines}
    assert [] == world.check_identities()
    return archive


def credit_balance(firm: Firm) -> str:
    """What all clients together have to their credit."""
    scope = firm.scope()
    (total,) = firm.report(CreditBalances(scope), scope).totals
    assert isinstance(total, BalanceTotal)
    return text(total.credit_balance)


def payments_of(firm: Firm) -> tuple[list[PaymentRow], PaymentTotal]:
    """The rows and the total of the payments report."""
    scope = firm.scope()
    report = firm.report(Payments(scope), scope)
    (total,) = report.totals
    assert isinstance(total, PaymentTotal)
    return [row for row in report.rows if isinstance(row, PaymentRow)], total


def _loaded(bench: Bench, count: int) -> list[str]:
    """So many invoices, read once."""
    made = bench.invoices(count, every=SECOND)
    bench.clock.advance(hours=1)
    bench.pull()
    bench.clock.advance(hours=1)
    return made


def test_f1_an_overflow_of_changes_holds_the_cursor_and_nothing_is_lost() -> None:
    with a_bench() as bench:
        made = _loaded(bench, 1100)
        for id_ in made[:1050]:
            bench.ledger.edit_invoice(id_, amount=50)
        bench.ledger.delete_invoice(made[1055])
        bench.clock.advance(hours=1)

        assert () == bench.pull().gaps
        bench.assert_mirror_is_truth(but=frozenset({Kind.CUSTOMER}))


def test_f2_a_payment_of_money_and_credit_is_neither_wholly_one_nor_the_other() -> None:
    firm = Firm()
    invoice = firm.books.create_invoice(firm.acme, "1001", 1000, on=firm.at("2026-09-10"))
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", 300, on=firm.at("2026-09-11"))
    on = firm.at("2026-09-12")
    firm.books.receive_payment(firm.acme, 700, on=on, apply={invoice: 1000}, credits={memo: 300}, reference="4711")
    firm.read()

    assert Decimal(300) == applied_total(firm.applied("2026-09"))["gross_applied"]
    _, total = payments_of(firm)
    assert ("700.00", "300.00") == (text(total.cash), text(total.credit))


def test_f3_memos_made_in_quickbooks_and_overpayments_count_to_the_client() -> None:
    firm = Firm()
    invoice = firm.books.create_invoice(firm.acme, "1001", 100, on=firm.at("2026-09-10"))
    firm.books.receive_payment(firm.acme, 150, on=firm.at("2026-09-11"), apply={invoice: 100})
    firm.books.create_credit_memo(firm.acme, "CM-1", 300, on=firm.at("2026-09-12"))
    firm.read()

    assert "350.00" == credit_balance(firm)


def test_f4_a_new_date_and_another_customer_are_told_with_the_total_unchanged() -> None:
    assert_holds("""
        invoice     INV-101  acme  1000.00 USD  posted 2026-03-30
        worker runs 2026-03-31
        quickbooks  edit invoice  INV-101  date 2026-04-02  entered 2026-04-02
        worker runs 2026-04-05
        expect      E9  INV-101  claim 0.00
        expect      residual 0.00
    """)
    archive = assert_holds("""
        client      acme-west  "Acme West"
        invoice     INV-101  acme  1000.00 USD  posted 2026-03-01
        worker runs 2026-03-02
        quickbooks  edit invoice  INV-101  client acme-west  2026-03-05
        worker runs 2026-03-08
        expect      E10  acme-west  and acme
        expect      residual 0.00
    """)
    (invoice,) = (each for each in archive.book().histories if _is(each, System.QUICKBOOKS, Kind.INVOICE))
    assert 2 == len(invoice.versions)


def test_f4_every_material_field_makes_another_content_and_a_balance_is_no_edit() -> None:
    def content(**changes: object) -> object:
        record = {
            "Id": "71",
            "SyncToken": "0",
            "DocNumber": "INV-101",
            "TxnDate": "2026-03-01",
            "CustomerRef": {"value": "12", "name": "Acme"},
            "CurrencyRef": {"value": "USD"},
            "TotalAmt": 110,
            "Balance": 110,
            "TxnTaxDetail": {"TotalTax": 10},
            "Line": [
                {"Id": "1", "Amount": 100, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"Qty": 2}}
            ],
        }
        mapped = content_from_quickbooks(Kind.INVOICE, json.dumps({**record, **changes}).encode())
        assert isinstance(mapped, MappedRecord)
        return mapped.content

    line = {"Id": "1", "Amount": 100, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"Qty": 3}}
    for change in (
        {"DocNumber": "INV-102"},
        {"TxnDate": "2026-04-01"},
        {"CustomerRef": {"value": "13", "name": "Acme"}},
        {"CurrencyRef": {"value": "EUR"}},
        {"TxnTaxDetail": {"TotalTax": 0}},
        {"Line": [line]},
    ):
        assert content() != content(**change), change
    assert content() == content(CustomerRef={"value": "12", "name": "Acme Renamed"})


def _is(history: History, system: System, kind: Kind) -> bool:
    return (history.key.system, history.key.kind) == (system, kind)


def test_f5_a_duplicate_that_still_fits_into_the_open_balance_is_told() -> None:
    assert_holds("""
        invoice     INV-101  acme  1000.00 USD  posted 2026-03-01
        worker runs 2026-03-02
        quickbooks  credit memo  CM-7  acme  200.00  applied INV-101  2026-03-05
        sync        2026-03-05
        bigtime     payment  AccountCredit  INV-101  200.00  2026-03-06
        worker runs 2026-03-08
        expect      A4  INV-101  claim -200.00  exposure 200.00
        expect      residual 0.00
    """)


def test_f6_a_pushed_payment_whose_invoice_line_was_dropped_is_told() -> None:
    assert_holds("""
        invoice     INV-101  acme  400.00 USD  posted 2026-03-01
        worker runs 2026-03-02
        bigtime     payment  Check  INV-101  400.00  2026-03-05  number CHK-12
        quickbooks  payment  CHK-12  acme  400.00  2026-03-05
        worker runs 2026-03-08
        expect      C6b  INV-101  claim -400.00  exposure 400.00
        expect      residual 0.00
    """)


def test_f7_after_more_than_thirty_days_of_silence_deletions_are_found_by_a_sweep() -> None:
    with a_bench() as bench:
        made = _loaded(bench, 30)
        bench.ledger.delete_invoice(made[7])
        bench.ledger.edit_invoice(made[8], amount=5)
        bench.clock.advance(days=45)

        assert () == bench.pull().gaps
        bench.assert_mirror_is_truth()
        assert RecordKey(System.QUICKBOOKS, Kind.INVOICE, made[7]) not in bench.mirror()


def test_f8_records_that_change_while_pages_are_read_are_neither_skipped_nor_doubled() -> None:
    with a_bench() as bench:
        made = bench.invoices(1500, every=SECOND)
        bench.clock.advance(hours=1)

        def meanwhile() -> None:
            bench.clock.advance(seconds=2)
            for id_ in made[::300]:
                bench.ledger.edit_invoice(id_, amount=777)

        bench.server.faults.add(faults.during(meanwhile), on=Match(contains="FROM Invoice WHERE"), nth=1)

        assert () == bench.pull().gaps
        assert () == bench.server.faults.pending
        bench.assert_mirror_is_truth(but=frozenset({Kind.CUSTOMER}))


def test_f9_a_deleted_link_payment_is_seen_as_the_unapplication_it_is() -> None:
    archive = assert_holds("""
        invoice     INV-101  acme  1000.00 USD  posted 2026-03-01
        quickbooks  credit memo  CM-7  acme  200.00  applied INV-101  2026-03-04
        sync        2026-03-04
        worker runs 2026-03-05
        quickbooks  unapply  CM-7  INV-101  2026-03-09
        worker runs 2026-03-11
        expect      E5  INV-101  claim -200.00  exposure 200.00
        expect      residual 0.00
    """)
    (payment,) = (each for each in archive.book().histories if _is(each, System.QUICKBOOKS, Kind.PAYMENT))
    assert len(payment.versions) == 2


def test_f9_a_deleted_payment_and_a_deleted_memo_are_deletions_in_the_store() -> None:
    with a_bench() as bench:
        (invoice,) = _loaded(bench, 1)
        customer = bench.ledger.books.transaction(Entity.INVOICE, invoice).customer_id
        memo = bench.ledger.create_credit_memo(customer, "CM-1", 10, on=TODAY)
        link = bench.ledger.apply_credit(memo, invoice, 10, on=TODAY)
        other = bench.ledger.create_credit_memo(customer, "CM-2", 20, on=TODAY)
        bench.pull()
        bench.ledger.delete_payment(link)
        bench.ledger.delete_credit_memo(other)
        bench.clock.advance(hours=1)

        assert () == bench.pull().gaps
        bench.assert_mirror_is_truth(but=frozenset({Kind.CUSTOMER}))
        for kind, gone in ((Kind.PAYMENT, link), (Kind.CREDIT_MEMO, other)):
            history = bench.store.load_history(RecordKey(System.QUICKBOOKS, kind, gone))
            assert history is not None
            assert [False, True] == [version.content is None for version in history.versions]


def test_f10_a_hard_deletion_does_not_remain_as_if_nothing_had_happened() -> None:
    with a_bench() as bench:
        made = _loaded(bench, 3)
        bench.ledger.delete_invoice(made[1])
        bench.clock.advance(hours=1)
        bench.pull()

        history = bench.store.load_history(RecordKey(System.QUICKBOOKS, Kind.INVOICE, made[1]))
        assert history is not None
        assert [False, True] == [version.content is None for version in history.versions]


def test_f11_credit_is_never_counted_as_money_received_and_more_receivable_accounts_double_nothing() -> None:
    firm = Firm()
    firm.books.add_account("Accounts Receivable - Projects", "Accounts Receivable")
    invoice = firm.books.create_invoice(firm.acme, "1001", 500, on=firm.at("2026-09-10"))
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", 300, on=firm.at("2026-09-11"))
    firm.books.apply_credit(memo, invoice, 200, on=firm.at("2026-09-12"))
    firm.read()

    _, total = payments_of(firm)
    assert "0.00" == text(total.cash)
    assert Decimal(0) == applied_total(firm.applied("2026-09"))["payments_received"]
    assert "100.00" == credit_balance(firm)


def test_f12_a_surplus_is_as_much_a_difference_as_a_shortfall() -> None:
    archive = assert_holds("""
        invoice     INV-101  acme  1000.00 USD  posted 2026-03-01
        invoice     INV-102  acme  1000.00 USD  posted 2026-03-01
        worker runs 2026-03-02
        bigtime     edit invoice  INV-101  amount 900.00  2026-03-03
        bigtime     edit invoice  INV-102  amount 1100.00  2026-03-03
        worker runs 2026-03-08
        expect      E1  INV-101  claim -100.00
        expect      E1  INV-102  claim 100.00
        expect      residual 0.00
    """)
    last = archive.book().histories[0].latest.observed_at + timedelta(days=30)
    lines = archive.evaluate(last).tie_lines
    assert (0, 20000) == (
        sum(each.difference_minor for each in lines),
        sum(abs(each.difference_minor) for each in lines),
    )


def test_f13_two_equal_payments_never_match_the_same_one() -> None:
    assert_holds("""
        invoice     INV-101  acme  1000.00 USD  posted 2026-03-01
        quickbooks  payment  CHK-12  acme  300.00  applied INV-101 300.00  2026-03-05
        sync        2026-03-05  twice INV-101
        worker runs 2026-03-08
        expect      B2  INV-101  claim -300.00  exposure 300.00
        expect      residual 0.00
    """)


def test_f14_taking_a_credit_off_restores_the_invoice_and_the_credit() -> None:
    firm = Firm()
    invoice = firm.books.create_invoice(firm.acme, "1001", 500, on=firm.at("2026-09-10"))
    memo = firm.books.create_credit_memo(firm.acme, "CM-1", 200, on=firm.at("2026-09-11"))
    link = firm.books.apply_credit(memo, invoice, 200, on=firm.at("2026-09-12"))
    firm.read()
    assert "0.00" == credit_balance(firm)
    firm.at("2026-09-15")
    firm.books.unapply(link, invoice)
    firm.read()
    assert "200.00" == credit_balance(firm)
    firm.books.apply_credit(memo, invoice, 200, on=firm.at("2026-09-16"))
    firm.read()

    assert "0.00" == credit_balance(firm)
    figures = applied_total(firm.applied("2026-09"))
    assert (Decimal(400), Decimal(200)) == (figures["gross_applied"], figures["gross_unapplied"])


def test_f15_a_payment_with_a_credit_over_two_invoices_is_read_and_every_payment_keeps_its_own_date() -> None:
    assert_holds("""
        invoice     INV-101  acme  600.00 USD  posted 2026-03-01
        invoice     INV-102  acme  400.00 USD  posted 2026-03-01
        quickbooks  payment  CHK-11  acme  100.00  applied INV-101 100.00  2026-03-05
        quickbooks  credit memo  CM-7  acme  300.00  2026-03-30
        day         2026-04-02
        quickbooks  payment  CHK-12  acme  600.00  using CM-7 300.00  applied INV-101 500.00  applied INV-102 400.00
        sync        2026-04-02
        worker runs 2026-04-05
        expect      none
        expect      residual 0.00
    """)
    firm = Firm()
    invoice = firm.books.create_invoice(firm.acme, "1001", 500, on=firm.at("2026-09-10"))
    for day in ("2026-09-30", "2026-10-02"):
        firm.books.receive_payment(firm.acme, 250, on=firm.at(day), apply={invoice: 250})
    firm.read()
    rows, _ = payments_of(firm)
    assert [date(2026, 9, 30), date(2026, 10, 2)] == sorted(row.date for row in rows if row.date)


def test_f16_a_payment_that_was_entered_in_both_systems_is_told_before_it_pays_the_next_invoice() -> None:
    assert_holds("""
        invoice     INV-101  acme  1000.00 USD  posted 2026-03-01
        invoice     INV-102  acme  1000.00 USD  posted 2026-03-01
        worker runs 2026-03-02
        bigtime     payment  Check  INV-101  400.00  2026-03-05  number 12
        quickbooks  payment  CHK-12  acme  400.00  applied INV-101 400.00  2026-03-05
        sync        2026-03-05
        worker runs 2026-03-08
        expect      B5  INV-101  claim -400.00  exposure 400.00
        expect      residual 0.00
    """)
    assert_holds("""
        invoice     INV-101  acme  1000.00 USD  posted 2026-03-01
        invoice     INV-102  acme  1000.00 USD  posted 2026-03-01
        worker runs 2026-03-02
        quickbooks  payment  CHK-12  acme  400.00  applied INV-101 400.00  2026-03-05
        sync        2026-03-05
        quickbooks  payment  CHK-12  acme  400.00  2026-03-06
        worker runs 2026-03-08
        expect      B5  INV-101  claim 0.00  exposure 400.00
        expect      residual 0.00
    """)


def test_f17_part_credits_old_invoices_and_split_payments_are_all_compared() -> None:
    assert_holds("""
        invoice     INV-001  acme  1000.00 USD  posted 2025-01-15
        invoice     INV-101  acme  1000.00 USD  posted 2026-03-01
        invoice     INV-102  acme  1000.00 USD  posted 2026-03-01
        worker runs 2026-03-02
        quickbooks  credit memo  CM-7  acme  150.00  applied INV-001 150.00  2026-03-05
        quickbooks  payment  CHK-12  acme  900.00  applied INV-101 500.00  applied INV-102 400.00  2026-03-05
        sync        2026-03-05  without INV-001  without INV-102
        worker runs 2026-03-08
        expect      C3  INV-001  claim 150.00
        expect      C3  INV-102  claim 400.00
        expect      residual 0.00
    """)


def test_f18_a_credit_is_known_by_its_effect_and_not_by_the_kind_of_document() -> None:
    assert_holds("""
        invoice     INV-101  acme  1000.00 USD  issued 2026-02-20  not posted
        bigtime     payment  AccountCredit  INV-101  200.00  2026-02-21
        bigtime     post  INV-101  net  2026-03-01
        invoice     INV-102  acme  0.00 USD  posted 2026-03-01
        invoice     INV-103  acme  1000.00 USD  posted 2026-03-01
        quickbooks  credit memo  CM-7  acme  200.00  applied INV-103 200.00  2026-03-05
        sync        2026-03-05
        worker runs 2026-03-08
        expect      A3  INV-101  claim 0.00  exposure 200.00
        expect      residual 0.00
    """)


def test_the_eighteen_faults_are_all_here() -> None:
    numbers = {name.split("_")[1] for name in globals() if name.startswith("test_f")}
    assert {f"f{number}" for number in range(1, 19)} == numbers
