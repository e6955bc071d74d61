"""The simulated books of QuickBooks: what follows from what a bookkeeper does, and what must always hold."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from connectors.sandbox.clock import SimulatedClock
from connectors.sandbox.exchange import JSON
from connectors.sandbox.quickbooks_ledger import QuickBooksLedger
from connectors.sandbox.quickbooks_rows import Entity, LedgerRefused
from connectors.sandbox.quickbooks_switches import QuickBooksSwitches

DAY = date(2026, 3, 1)
LATER = date(2026, 4, 1)
START = datetime(2026, 4, 7, 19, 51, 28, tzinfo=UTC)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def books(clock: SimulatedClock) -> QuickBooksLedger:
    return QuickBooksLedger(clock)


def lines_of(books: QuickBooksLedger, payment_id: str) -> list[tuple[Any, str, str]]:
    return [
        (line["Amount"], line["LinkedTxn"][0]["TxnType"], line["LinkedTxn"][0]["TxnId"])
        for line in books.read("Payment", payment_id)["Line"]
    ]


def test_a_credit_memo_on_an_invoice_is_a_zero_payment_with_two_positive_lines(
    books: QuickBooksLedger, clock: SimulatedClock
) -> None:
    acme = books.add_customer("Amy's Bird Sanctuary")
    invoice = books.create_invoice(acme, "1037", "205", on=DAY)
    memo = books.create_credit_memo(acme, "1038", "100", on=DAY)
    clock.advance(seconds=40)
    payment = books.apply_credit(memo, invoice, "100", on=DAY, auto=True)
    assert lines_of(books, payment) == [(100, "Invoice", invoice), (100, "CreditMemo", memo)]
    read = books.read("Invoice", invoice)
    assert (read["Balance"], read["SyncToken"], read["LinkedTxn"]) == (
        105,
        "1",
        [{"TxnId": payment, "TxnType": "Payment"}],
    )
    assert read["MetaData"] == {
        "CreateTime": "2026-04-07T12:51:28-07:00",
        "LastUpdatedTime": "2026-04-07T12:52:08-07:00",
    }
    remaining = books.read("CreditMemo", memo)
    assert (remaining["RemainingCredit"], remaining["Balance"]) == (0, 0)
    assert "LinkedTxn" not in remaining


def test_a_customer_moves_with_his_balance_and_so_does_his_parent_without_a_sync_token(
    books: QuickBooksLedger, clock: SimulatedClock
) -> None:
    parent = books.add_customer("Parent")
    job = books.add_customer("Job", parent_id=parent)
    clock.advance(minutes=5)
    books.create_invoice(job, "1", "85.50", on=DAY)
    for customer, balance, with_jobs in [(parent, 0, Decimal("85.5")), (job, Decimal("85.5"), Decimal("85.5"))]:
        read = books.read("Customer", customer)
        assert (read["Balance"], read["BalanceWithJobs"], read["SyncToken"]) == (balance, with_jobs, "0")
        assert read["MetaData"]["LastUpdatedTime"] == "2026-04-07T12:56:28-07:00"
    assert books.read("Customer", job)["FullyQualifiedName"] == "Parent:Job"


def test_money_that_is_left_stays_unapplied_and_is_applied_by_editing_the_payment(books: QuickBooksLedger) -> None:
    acme = books.add_customer("Acme")
    payment = books.receive_payment(acme, "100", on=DAY, reference="CHK-1", method="Check")
    assert books.read("Payment", payment)["Line"] == []
    assert books.read("Customer", acme)["Balance"] == -100
    invoice = books.create_invoice(acme, "1", "60", on=LATER)
    books.apply_payment(payment, invoice, "60")
    read = books.read("Payment", payment)
    assert (read["UnappliedAmt"], read["SyncToken"], read["TxnDate"]) == (40, "1", "2026-03-01")
    assert books.read("Invoice", invoice)["Balance"] == 0


def test_voiding_an_invoice_gives_the_money_back_to_its_payments(books: QuickBooksLedger) -> None:
    acme = books.add_customer("Acme")
    invoice = books.create_invoice(acme, "1", "100", on=DAY)
    payment = books.receive_payment(acme, "100", on=DAY, apply={invoice: "100"})
    books.void_invoice(invoice)
    read = books.read("Invoice", invoice)
    assert (read["TotalAmt"], read["Balance"], read["LinkedTxn"], read["PrivateNote"]) == (0, 0, [], "Voided")
    assert [line["Amount"] for line in read["Line"]] == [0, 0]
    paid = books.read("Payment", payment)
    assert (paid["UnappliedAmt"], paid["Line"], paid["SyncToken"]) == (100, [], "1")


@pytest.mark.parametrize(("frees", "remaining", "unapplied"), [(True, 100, 0), (False, 0, 100)])
def test_voiding_an_invoice_frees_its_credits_by_the_switch(
    clock: SimulatedClock, *, frees: bool, remaining: int, unapplied: int
) -> None:
    books = QuickBooksLedger(clock, switches=QuickBooksSwitches(unlinking_frees_credits=frees))
    acme = books.add_customer("Acme")
    invoice = books.create_invoice(acme, "1", "100", on=DAY)
    memo = books.create_credit_memo(acme, "2", "100", on=DAY)
    payment = books.apply_credit(memo, invoice, "100", on=DAY)
    books.void_invoice(invoice)
    assert books.read("CreditMemo", memo)["RemainingCredit"] == remaining
    assert books.read("Payment", payment)["UnappliedAmt"] == unapplied
    assert books.check_identities() == []


def test_deleting_a_memo_reopens_the_invoice_that_it_paid(books: QuickBooksLedger) -> None:
    acme = books.add_customer("Acme")
    invoice = books.create_invoice(acme, "1", "150", on=DAY)
    memo = books.create_credit_memo(acme, "2", "100", on=DAY)
    payment = books.receive_payment(acme, "50", on=DAY, apply={invoice: "150"}, credits={memo: "100"})
    books.delete_credit_memo(memo)
    assert books.read("Invoice", invoice)["Balance"] == 100
    assert lines_of(books, payment) == [(50, "Invoice", invoice)]
    assert books.changes_since("CreditMemo", START)[-1]["status"] == "Deleted"


def test_a_lower_invoice_total_loosens_the_latest_payment(books: QuickBooksLedger) -> None:
    acme = books.add_customer("Acme")
    invoice = books.create_invoice(acme, "1", "100", on=DAY)
    first = books.receive_payment(acme, "60", on=DAY, apply={invoice: "60"})
    second = books.receive_payment(acme, "40", on=DAY, apply={invoice: "40"})
    books.edit_invoice(invoice, amount="70")
    assert lines_of(books, first) == [(60, "Invoice", invoice)]
    assert lines_of(books, second) == [(10, "Invoice", invoice)]
    assert books.read("Payment", second)["UnappliedAmt"] == 30
    assert books.read("Invoice", invoice)["Balance"] == 0


def test_with_the_preference_credits_are_applied_by_themselves_oldest_invoice_first(books: QuickBooksLedger) -> None:
    books.set_preferences(auto_apply_credit=True)
    acme = books.add_customer("Acme")
    newer = books.create_invoice(acme, "2", "100", on=LATER)
    older = books.create_invoice(acme, "1", "30", on=DAY)
    memo = books.create_credit_memo(acme, "3", "50", on=LATER)
    assert books.read("Invoice", older)["Balance"] == 0
    assert books.read("Invoice", newer)["Balance"] == 80
    notes = {payment["PrivateNote"] for payment in books.objects("Payment")}
    assert notes == {"Created by QB Online to link credits to charges."}
    assert len(books.objects("Payment")) == 2
    assert books.read("CreditMemo", memo)["RemainingCredit"] == 0


def test_unapplied_money_is_applied_by_itself_with_the_other_preference(books: QuickBooksLedger) -> None:
    books.set_preferences(auto_apply_payments=True)
    acme = books.add_customer("Acme")
    payment = books.receive_payment(acme, "100", on=DAY)
    invoice = books.create_invoice(acme, "1", "30", on=LATER)
    assert lines_of(books, payment) == [(30, "Invoice", invoice)]


def test_a_credit_that_is_paid_out_is_linked_to_the_expense(books: QuickBooksLedger) -> None:
    acme = books.add_customer("Acme")
    memo = books.create_credit_memo(acme, "1", "80", on=DAY)
    purchase = books.refund_credit(memo, "50", on=LATER)
    payment = books.objects("Payment")[0]
    assert (payment["TotalAmt"], lines_of(books, payment["Id"])) == (
        0,
        [(50, "Expense", purchase), (50, "CreditMemo", memo)],
    )
    detail = books.read("Purchase", purchase)["Line"][0]["AccountBasedExpenseLineDetail"]
    assert (detail["AccountRef"]["value"], detail["CustomerRef"]["value"]) == ("1", acme)
    assert books.read("Customer", acme)["Balance"] == -30


def test_a_journal_credit_pays_an_invoice_through_a_zero_payment_and_shows_a_total_of_zero(
    books: QuickBooksLedger,
) -> None:
    acme = books.add_customer("Acme")
    invoice = books.create_invoice(acme, "1", "100", on=DAY)
    entry = books.journal_entry([("1", acme, "Credit", "60"), ("Bad Debts", None, "Debit", "60")], on=DAY)
    assert books.read("JournalEntry", entry)["TotalAmt"] == 0
    assert books.read("Customer", acme)["Balance"] == 40
    payment = books.receive_payment(acme, 0, on=LATER, apply={invoice: "60"}, credits={entry: "60"})
    assert lines_of(books, payment) == [(60, "Invoice", invoice), (60, "JournalEntry", entry)]
    assert (books.read("Invoice", invoice)["Balance"], books.read("Customer", acme)["Balance"]) == (40, 40)


def test_a_renamed_customer_shows_on_old_transactions_that_do_not_move(
    books: QuickBooksLedger, clock: SimulatedClock
) -> None:
    acme = books.add_customer("Acme")
    invoice = books.create_invoice(acme, "1", "100", on=DAY)
    before = books.read("Invoice", invoice)
    clock.advance(days=1)
    books.rename_customer(acme, "Acme Engineering")
    assert books.read("Invoice", invoice) == before | {"CustomerRef": {"value": acme, "name": "Acme Engineering"}}


def test_a_merged_customer_goes_and_his_transactions_stay_with_the_other(books: QuickBooksLedger) -> None:
    acme, double = books.add_customer("Acme"), books.add_customer("Acme Inc")
    invoice = books.create_invoice(double, "1", "100", on=DAY)
    books.receive_payment(double, "30", on=DAY, apply={invoice: "30"})
    books.merge_customers(acme, double)
    assert books.read("Invoice", invoice)["CustomerRef"]["value"] == acme
    assert (books.read("Customer", acme)["Balance"], books.read("Customer", double)["Balance"]) == (70, 0)
    assert books.read("Customer", double)["DisplayName"] == "Acme Inc (deleted)"
    assert books.check_identities() == []


def test_the_leaked_open_balance_is_that_of_the_invoice_now_plus_the_line(books: QuickBooksLedger) -> None:
    acme = books.add_customer("Acme")
    invoice = books.create_invoice(acme, "1", "100", on=DAY)
    first = books.receive_payment(acme, "60", on=DAY, apply={invoice: "60"})

    def leaked() -> dict[str, str]:
        extra = books.read("Payment", first)["Line"][0]["LineEx"]["any"]
        return {item["value"]["Name"]: item["value"]["Value"] for item in extra}

    assert leaked() == {"txnId": invoice, "txnOpenBalance": "100", "txnReferenceNumber": "1"}
    books.receive_payment(acme, "15", on=DAY, apply={invoice: "15"})
    assert leaked()["txnOpenBalance"] == "85"
    assert books.read("Payment", first)["SyncToken"] == "0"


def test_editing_the_note_of_a_payment_does_not_move_its_invoice(books: QuickBooksLedger) -> None:
    acme = books.add_customer("Acme")
    invoice = books.create_invoice(acme, "1", "100", on=DAY)
    payment = books.receive_payment(acme, "60", on=DAY, apply={invoice: "60"})
    books.edit_payment(payment, note="asked the client")
    assert books.read("Payment", payment)["SyncToken"] == "1"
    assert books.read("Invoice", invoice)["SyncToken"] == "1"


def test_foreign_amounts_are_in_their_currency_and_home_amounts_beside_them(books: QuickBooksLedger) -> None:
    books.set_exchange_rate("EUR", Decimal("1.1"))
    client = books.add_customer("Berlin", currency="EUR")
    read = books.read("Invoice", books.create_invoice(client, "1", "100.10", on=DAY))
    assert (read["TotalAmt"], read["HomeTotalAmt"], read["ExchangeRate"]) == (
        Decimal("100.1"),
        Decimal("110.11"),
        Decimal("1.1"),
    )
    yen = QuickBooksLedger(SimulatedClock(START), home_currency="JPY")
    assert yen.read("Invoice", yen.create_invoice(yen.add_customer("A"), "1", "1500", on=DAY))["TotalAmt"] == 1500


@pytest.mark.parametrize(
    "attempt",
    [
        lambda books, acme, invoice: books.create_invoice(acme, "2", "-1", on=DAY),
        lambda books, acme, invoice: books.create_invoice(acme, "2", "1.005", on=DAY),
        lambda books, acme, invoice: books.receive_payment(acme, "10", on=DAY, apply={invoice: "20"}),
        lambda books, acme, invoice: books.receive_payment(acme, "200", on=DAY, apply={invoice: "100.01"}),
        lambda books, acme, invoice: books.receive_payment(books.add_customer("X"), "5", on=DAY, apply={invoice: "5"}),
        lambda books, acme, invoice: books.journal_entry(
            [("1", None, "Debit", "5"), ("4", None, "Credit", "5")], on=DAY
        ),
        lambda books, acme, invoice: books.journal_entry(
            [("1", acme, "Debit", "5"), ("4", None, "Credit", "6")], on=DAY
        ),
        lambda books, acme, invoice: books.edit_invoice(invoice, amount="-5", customer_id=books.add_customer("Y")),
        lambda books, acme, invoice: books.add_customer("acme"),
        lambda books, acme, invoice: books.void_payment(invoice),
    ],
)
def test_what_quickbooks_would_not_save_is_refused_and_changes_nothing(
    books: QuickBooksLedger, attempt: Callable[[QuickBooksLedger, str, str], object]
) -> None:
    acme = books.add_customer("Acme")
    invoice = books.create_invoice(acme, "1", "100", on=DAY)
    before = books.objects("Invoice"), books.objects("Payment")
    with pytest.raises(LedgerRefused):
        attempt(books, acme, invoice)
    assert (books.objects("Invoice"), books.objects("Payment")) == before
    assert books.check_identities() == []


def test_the_proof_of_the_identities_finds_what_is_planted(books: QuickBooksLedger) -> None:
    acme = books.add_customer("Acme")
    invoice = books.create_invoice(acme, "1", "100", on=DAY)
    payment = books.receive_payment(acme, "60", on=DAY, apply={invoice: "60"})
    books.books.transactions[payment].links[0].amount = 61_00
    books.books.customer(acme).balance += 1
    assert [sentence[:2] for sentence in books.check_identities()] == ["I1", "th", "th", "I4", "A/"]
    assert identities_on_the_wire(books) == ["I1 2", f"I2/I3 Invoice {invoice}", f"I4 {acme}"]


def identities_on_the_wire(books: QuickBooksLedger) -> list[str]:
    """I1 to I4 from nothing but what the API shows: the reader's own view."""
    charged: defaultdict[str, Decimal] = defaultdict(Decimal)
    owed: defaultdict[str, Decimal] = defaultdict(Decimal)
    entries = {row["Id"]: row for row in books.objects("JournalEntry")}
    broken = []
    for payment in books.objects("Payment"):
        left = Decimal(payment["TotalAmt"]) - Decimal(payment["UnappliedAmt"])
        for line in payment["Line"]:
            linked = line["LinkedTxn"][0]
            sign = -1 if linked["TxnType"] in ("CreditMemo", "Deposit") else 1
            if linked["TxnType"] == "JournalEntry":
                sign = _side_of(entries[linked["TxnId"]])
            left -= sign * Decimal(line["Amount"])
            charged[linked["TxnId"]] += Decimal(line["Amount"])
        owed[payment["CustomerRef"]["value"]] -= Decimal(payment["UnappliedAmt"])
        broken += [f"I1 {payment['Id']}"] if left or payment["UnappliedAmt"] < 0 else []
    for entity, field, sign in (("Invoice", "Balance", 1), ("CreditMemo", "RemainingCredit", -1)):
        for row in books.objects(entity):
            owed[row["CustomerRef"]["value"]] += sign * Decimal(row[field])
            if row[field] != Decimal(row["TotalAmt"]) - charged[row["Id"]] - Decimal(row.get("Deposit", 0)):
                broken.append(f"I2/I3 {entity} {row['Id']}")
    for entry in entries.values():
        owed[_owner_of(entry)] += _side_of(entry) * (Decimal(entry["Line"][0]["Amount"]) - charged[entry["Id"]])
    for purchase in books.objects("Purchase"):
        owed[purchase["EntityRef"]["value"]] += Decimal(purchase["TotalAmt"]) - charged[purchase["Id"]]
    for owner, deposit_id, amount in _credits_of_deposits(books):
        owed[owner] -= amount - charged[deposit_id]
    customers = books.objects("Customer")
    return broken + [f"I4 {row['Id']}" for row in customers if owed[row["Id"]] != row["Balance"]]


def _credits_of_deposits(books: QuickBooksLedger) -> list[tuple[str, str, Decimal]]:
    return [
        (line["DepositLineDetail"]["Entity"]["value"], deposit["Id"], Decimal(line["Amount"]))
        for deposit in books.objects("Deposit")
        for line in deposit["Line"]
        if "DepositLineDetail" in line
    ]


def _side_of(entry: dict[str, Any]) -> int:
    return 1 if entry["Line"][0]["JournalEntryLineDetail"]["PostingType"] == "Debit" else -1


def _owner_of(entry: dict[str, Any]) -> str:
    return str(entry["Line"][0]["JournalEntryLineDetail"]["Entity"]["EntityRef"]["value"])


def material(row: dict[str, Any]) -> bytes:
    """A row without what may change when the row does not move."""
    loose = ["MetaData", "SyncToken", "CustomerRef", "EntityRef", *(["LinkedTxn"] if "UnappliedAmt" in row else [])]
    leaks = ("LineEx", "JournalEntryLineDetail", "AccountBasedExpenseLineDetail")
    kept = {name: value for name, value in row.items() if name not in loose}
    kept["Line"] = [{name: value for name, value in line.items() if name not in leaks} for line in row.get("Line", [])]
    return JSON.encode(kept)


CENTS = st.integers(1, 30_000).map(lambda cents: Decimal(cents) / 100)
WHICH = st.integers(0, 1_000)
SHARE = st.sampled_from([Decimal("0.01"), Decimal("0.3"), Decimal("0.5"), Decimal(1), Decimal(1), Decimal("1.2")])


def part(amount: Decimal, share: Decimal) -> Decimal:
    return (amount * share).quantize(Decimal("0.01"))


class RandomBookkeeping(RuleBasedStateMachine):
    """Whatever is done, in any order: identities hold, texts are fresh, what changes also moves."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = SimulatedClock(START)
        self.seen: dict[tuple[str, str], tuple[bytes, str]] = {}

    @initialize(frees=st.booleans(), pairwise=st.booleans(), auto=st.booleans())
    def open_company(self, *, frees: bool, pairwise: bool, auto: bool) -> None:
        switches = QuickBooksSwitches(unlinking_frees_credits=frees, auto_apply_pairwise=pairwise)
        self.books = QuickBooksLedger(self.clock, auto_apply_credit=auto, switches=switches)
        parent = self.books.add_customer("Parent")
        for name, parent_id in (("Job", parent), ("Other", None), ("Double", None)):
            customer = self.books.add_customer(name, parent_id=parent_id)
            for number in range(2):
                self.books.create_invoice(customer, f"I{number}", 100 + number, on=DAY)
                self.books.create_credit_memo(customer, f"C{number}", 50 + number, on=DAY)

    def pick(self, entity: Entity, which: int) -> str:
        rows = sorted(self.books.books.shelves[entity].rows, key=int)
        return str(rows[which % len(rows)]) if rows else "0"

    def attempt(self, operation: Callable[..., object], *arguments: Any, **named: Any) -> None:
        self.clock.advance(seconds=1)
        try:
            operation(*arguments, **named)
        except LedgerRefused:
            return

    @rule(which=WHICH, amount=CENTS, kind=st.sampled_from(["create_invoice", "create_credit_memo", "refund_receipt"]))
    def sell(self, which: int, amount: Decimal, kind: str) -> None:
        self.attempt(getattr(self.books, kind), self.pick(Entity.CUSTOMER, which), f"N{which}", amount, on=DAY)

    def open_rows(self, *entities: Entity) -> list[Any]:
        """Rows with something to settle (+) or to spend (-), with the amount, of the named entities."""
        found = []
        for entity in entities:
            for row in self.books.books.shelves[entity].rows.values():
                parts = self.books.books.weight(row)
                found += [(row, owner, Decimal(abs(left)) / 100) for owner, left in parts.items()]
        return sorted(found, key=lambda item: (int(item[0].id), item[1]))

    @rule(charge=WHICH, credit=WHICH, shares=st.tuples(SHARE, SHARE, SHARE))
    def receive(self, charge: int, credit: int, shares: tuple[Decimal, Decimal, Decimal]) -> None:
        charges = self.open_rows(Entity.INVOICE, Entity.PURCHASE)
        credits_ = self.open_rows(Entity.CREDIT_MEMO, Entity.JOURNAL_ENTRY, Entity.DEPOSIT)
        if not charges:
            return
        row, owner, left = charges[charge % len(charges)]
        amount = part(left, shares[0])
        funds: dict[str, Decimal] = {}
        own = [item for item in credits_ if item[1] in self.books.books.family(owner)]
        if own and credit % 3:
            source, _, funded = own[credit % len(own)]
            funds[source.id] = min(part(funded, shares[1]), amount)
        cash = amount - sum(funds.values()) + (part(left, shares[2]) if credit % 2 else 0)
        self.attempt(self.books.receive_payment, owner, cash, on=DAY, apply={row.id: amount}, credits=funds)

    @rule(payment=WHICH, charge=WHICH, share=SHARE)
    def apply_payment(self, payment: int, charge: int, share: Decimal) -> None:
        money, charges = self.open_rows(Entity.PAYMENT), self.open_rows(Entity.INVOICE, Entity.JOURNAL_ENTRY)
        if money and charges:
            row, owner, left = money[payment % len(money)]
            own = [item for item in charges if item[1] in self.books.books.family(owner)] or charges
            target, _, open_amount = own[charge % len(own)]
            self.attempt(self.books.apply_payment, row.id, target.id, part(min(left, open_amount), share))

    @rule(customer=WHICH, amount=CENTS)
    def receive_in_advance(self, customer: int, amount: Decimal) -> None:
        self.attempt(self.books.receive_payment, self.pick(Entity.CUSTOMER, customer), amount, on=DAY)

    @rule(payment=WHICH)
    def carry_to_the_bank(self, payment: int) -> None:
        self.attempt(self.books.deposit, on=DAY, payment_ids=[self.pick(Entity.PAYMENT, payment)])

    @rule(which=WHICH, place=WHICH)
    def unapply(self, which: int, place: int) -> None:
        payment = self.books.books.transactions.get(self.pick(Entity.PAYMENT, which))
        if payment is not None and payment.links:
            self.attempt(self.books.unapply, payment.id, payment.links[place % len(payment.links)].target_id)

    @rule(which=WHICH, share=SHARE, kind=st.sampled_from(["invoice", "credit_memo", "payment"]))
    def edit(self, which: int, share: Decimal, kind: str) -> None:
        entity = {"invoice": Entity.INVOICE, "credit_memo": Entity.CREDIT_MEMO, "payment": Entity.PAYMENT}[kind]
        row = self.books.books.transactions.get(self.pick(entity, which))
        if row is not None:
            self.attempt(getattr(self.books, f"edit_{kind}"), row.id, amount=part(Decimal(row.total) / 100, share))

    @rule(which=WHICH, customer=WHICH)
    def move_invoice(self, which: int, customer: int) -> None:
        self.attempt(
            self.books.edit_invoice,
            self.pick(Entity.INVOICE, which),
            customer_id=self.pick(Entity.CUSTOMER, customer),
        )

    @rule(which=WHICH, kind=st.sampled_from(["void_invoice", "void_payment", "void_credit_memo"]))
    def void(self, which: int, kind: str) -> None:
        entity = {"i": Entity.INVOICE, "p": Entity.PAYMENT, "c": Entity.CREDIT_MEMO}[kind[5]]
        self.attempt(getattr(self.books, kind), self.pick(entity, which))

    @rule(
        which=WHICH,
        entity=st.sampled_from(["invoice", "payment", "credit_memo", "journal_entry", "purchase", "deposit"]),
    )
    def delete(self, which: int, entity: str) -> None:
        name = Entity("".join(part.title() for part in entity.split("_")))
        self.attempt(getattr(self.books, f"delete_{entity}"), self.pick(name, which))

    @rule(which=WHICH, amount=CENTS, side=st.sampled_from(["Debit", "Credit"]))
    def enter(self, which: int, amount: Decimal, side: str) -> None:
        other = "Credit" if side == "Debit" else "Debit"
        lines = [("1", self.pick(Entity.CUSTOMER, which), side, amount), ("4", None, other, amount)]
        self.attempt(self.books.journal_entry, lines, on=DAY)

    @rule(which=WHICH, amount=CENTS)
    def credit_from_the_bank(self, which: int, amount: Decimal) -> None:
        self.attempt(self.books.deposit, on=DAY, customer_id=self.pick(Entity.CUSTOMER, which), amount=amount)

    @rule(which=WHICH, share=SHARE, of=st.sampled_from(["credit", "overpayment"]))
    def refund(self, which: int, share: Decimal, of: str) -> None:
        rows = self.open_rows(Entity.CREDIT_MEMO if of == "credit" else Entity.PAYMENT)
        if rows:
            row, _, left = rows[which % len(rows)]
            self.attempt(getattr(self.books, f"refund_{of}"), row.id, part(left, share), on=DAY)

    @rule(which=WHICH, number=WHICH)
    def rename(self, which: int, number: int) -> None:
        self.attempt(self.books.rename_customer, self.pick(Entity.CUSTOMER, which), f"Name {number}")

    @rule(survivor=WHICH, loser=WHICH)
    def merge(self, survivor: int, loser: int) -> None:
        if loser % 10 == 0:
            chosen = self.pick(Entity.CUSTOMER, survivor), self.pick(Entity.CUSTOMER, loser)
            self.attempt(self.books.merge_customers, *chosen)

    @rule(credit=st.booleans(), payments=st.booleans())
    def prefer(self, *, credit: bool, payments: bool) -> None:
        self.attempt(self.books.set_preferences, auto_apply_credit=credit, auto_apply_payments=payments)

    @invariant()
    def identities_hold(self) -> None:
        if hasattr(self, "books"):
            assert self.books.check_identities() == []
            assert identities_on_the_wire(self.books) == []

    @invariant()
    def texts_are_fresh(self) -> None:
        if hasattr(self, "books"):
            for shelf in self.books.books.shelves.values():
                for row in shelf.rows.values():
                    assert self.books.renderer.text(row) == JSON.encode(self.books.renderer.content(row))

    @invariant()
    def what_changes_moves(self) -> None:
        if not hasattr(self, "books"):
            return
        now: dict[tuple[str, str], tuple[bytes, str]] = {}
        for entity in (Entity.INVOICE, Entity.PAYMENT, Entity.CREDIT_MEMO, Entity.JOURNAL_ENTRY, Entity.PURCHASE):
            for row in self.books.objects(entity):
                now[entity, row["Id"]] = material(row), row["SyncToken"]
        for key in self.seen.keys() & now.keys():
            (before, token), (after, new_token) = self.seen[key], now[key]
            assert before == after or int(new_token) > int(token), key
        self.seen = now


TestRandomBookkeeping = RandomBookkeeping.TestCase
TestRandomBookkeeping.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
