"""Books for the tests of the rules, built record by record and version by version, without any system.

Amounts are written as a bookkeeper writes them ("1000.00"); days are ISO dates; a moment is a day at noon UTC.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from mappings.findings import BookResult, Finding
from mappings.model import (
    Book,
    Client,
    Content,
    CreditMemo,
    History,
    Invoice,
    Kind,
    LineTarget,
    Method,
    Payment,
    PaymentLine,
    Posted,
    RecordKey,
    System,
    Version,
    encode_content,
    raw_hash,
)
from sync.rules.evaluate import evaluate_book
from sync.rules.moment import Moment

QB, BT = System.QUICKBOOKS, System.BIGTIME


def cents(text: str) -> int:
    """Whole cents of an amount as people write it."""
    return int(Decimal(text) * 100)


def noon(day: str) -> datetime:
    """Noon UTC of an ISO day."""
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(hours=12)


def moment(day: str = "2026-04-01") -> Moment:
    """A quiet morning on which the rules look at the book."""
    return Moment(now=noon(day), timezone=ZoneInfo("America/New_York"))


@dataclass
class BookOf:
    """A client "Acme" in both systems, and whatever a test gives it. The last version of a key is the present one."""

    versions: dict[RecordKey, list[Version]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.put(RecordKey(BT, Kind.CLIENT, "301"), Client(name="Acme"), "2026-01-01")
        self.put(RecordKey(QB, Kind.CUSTOMER, "12"), Client(name="Acme", currency="USD"), "2026-01-01")

    def put(self, key: RecordKey, content: Content | None, seen: str, *, absent_before: str = "") -> RecordKey:
        """A version of a record: what it said when it was seen. None: it was gone."""
        raw = encode_content(content) if content is not None else b"deleted"
        known = self.versions.setdefault(key, [])
        known.append(
            Version(
                key=key,
                sequence=len(known) + 1,
                content=content,
                observed_at=noon(seen),
                absent_before=noon(absent_before) if absent_before else None,
                modified_at=getattr(content, "modified_at", None),
                sha256=raw_hash(raw + str(key).encode()),
                run_id="run",
            )
        )
        return key

    def gone(self, key: RecordKey, seen: str) -> None:
        """The record is deleted."""
        self.put(key, None, seen)

    def bigtime_invoice(
        self,
        sid: str,
        total: str,
        *,
        number: str = "",
        seen: str = "2026-03-01",
        balance: str = "",
        paid: bool = False,
        client: str = "301",
    ) -> RecordKey:
        content = Invoice(
            client_id=client,
            number=number or f"INV-{sid}",
            currency="USD",
            total_minor=cents(total),
            balance_minor=cents(balance) if balance else None,
            issued_on=date(2026, 3, 1),
            marked_paid=paid,
            posted=Posted.YES,
        )
        return self.put(RecordKey(BT, Kind.INVOICE, sid), content, seen)

    def quickbooks_invoice(
        self,
        identifier: str,
        total: str,
        balance: str,
        *,
        number: str,
        seen: str = "2026-03-01",
        posted: str = "2026-03-01",
        revision: str = "0",
        voided: bool = False,
        client: str = "12",
    ) -> RecordKey:
        content = Invoice(
            client_id=client,
            number=number,
            currency="USD",
            total_minor=cents(total),
            balance_minor=cents(balance),
            issued_on=date(2026, 3, 1),
            created_at=noon(posted),
            modified_at=noon(seen),
            revision=revision,
            voided=voided,
        )
        return self.put(RecordKey(QB, Kind.INVOICE, identifier), content, seen)

    def twins(self, sid: str, total: str, *, open_in_quickbooks: str, posted: str = "2026-03-01") -> None:
        """An invoice that is in both systems: BigTime's id `sid`, QuickBooks' `q<sid>`."""
        self.bigtime_invoice(sid, total, seen=posted)
        self.quickbooks_invoice(f"q{sid}", total, open_in_quickbooks, number=f"INV-{sid}", seen=posted, posted=posted)

    def row(
        self,
        name: str,
        sid: str,
        amount: str,
        *,
        method: Method,
        on: str,
        reference: str = "",
        seen: str = "",
        absent_before: str = "",
        word: str = "",
    ) -> RecordKey:
        """A BigTime payment row on invoice `sid`."""
        content = Payment(
            client_id="301",
            payment_id=name,
            currency="USD",
            total_minor=cents(amount),
            lines=(PaymentLine(LineTarget.INVOICE, sid, cents(amount)),),
            paid_on=date.fromisoformat(on),
            applied_on=date.fromisoformat(on),
            method=method,
            method_name=word or method.value,
            reference=reference,
        )
        return self.put(RecordKey(BT, Kind.PAYMENT, f"{name}:{sid}"), content, seen or on, absent_before=absent_before)

    def memo(
        self,
        identifier: str,
        total: str,
        remaining: str,
        *,
        on: str,
        voided: bool = False,
        seen: str = "",
        client: str = "12",
    ) -> RecordKey:
        content = CreditMemo(
            client_id=client,
            number=f"CM-{identifier}",
            currency="USD",
            total_minor=cents(total),
            remaining_minor=cents(remaining),
            issued_on=date.fromisoformat(on),
            voided=voided,
        )
        return self.put(RecordKey(QB, Kind.CREDIT_MEMO, identifier), content, seen or on)

    def payment(
        self,
        identifier: str,
        *,
        invoices: dict[str, str],
        memos: dict[str, str] | None = None,
        on: str,
        cash: str = "0",
        unapplied: str = "0",
        reference: str = "",
        seen: str = "",
        auto: bool = False,
        client: str = "12",
    ) -> RecordKey:
        """A QuickBooks payment: cash and credit memos put on invoices."""
        lines = [PaymentLine(LineTarget.INVOICE, target, cents(amount)) for target, amount in invoices.items()]
        lines += [PaymentLine(LineTarget.CREDIT_MEMO, memo, cents(amount)) for memo, amount in (memos or {}).items()]
        content = Payment(
            client_id=client,
            payment_id=identifier,
            currency="USD",
            total_minor=cents(cash),
            unapplied_minor=cents(unapplied),
            lines=tuple(lines),
            paid_on=date.fromisoformat(on),
            reference=reference,
            auto_linked=auto,
            created_at=noon(on),
            modified_at=noon(seen or on),
        )
        return self.put(RecordKey(QB, Kind.PAYMENT, identifier), content, seen or on)

    def book(self) -> Book:
        """The book as it stands."""
        histories = tuple(History(tuple(versions)) for _, versions in sorted(self.versions.items()))
        return Book(company="acme", home_currency="USD", histories=histories)

    def evaluate(self, day: str = "2026-04-01") -> BookResult:
        """What the rules say on a day."""
        return evaluate_book(self.book(), moment(day))

    def findings(self, day: str = "2026-04-01") -> list[tuple[str, str, str]]:
        """What the rules say on a day, as (code, claim, exposure), S4 left out; the residual must be 0."""
        result = self.evaluate(day)
        assert [line.residual_minor for line in result.tie_lines] == [0] * len(result.tie_lines)
        return [brief(finding) for finding in result.findings if finding.severity != "S4"]


def brief(finding: Finding) -> tuple[str, str, str]:
    """A finding as (code, claim, exposure)."""
    return (finding.code, f"{finding.claim_minor / 100:.2f}", f"{finding.exposure_minor / 100:.2f}")
