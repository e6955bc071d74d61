"""Books in a few words, for tests of the pure core. Amounts are minor units; ids are text."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from mappings.model import (
    Book,
    Client,
    Content,
    CreditMemo,
    Entry,
    History,
    Invoice,
    Kind,
    LineTarget,
    Payment,
    PaymentLine,
    ReceivableLine,
    RecordKey,
    System,
    Version,
)

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
DAY = date(2026, 3, 1)


def history(system: System, kind: Kind, id_: str, *contents: Content | None) -> History:
    """A record that said each of these contents in turn, a day apart; None is a deletion."""
    key = RecordKey(system, kind, id_)
    versions = [
        Version(
            key=key,
            sequence=place,
            content=content,
            observed_at=START + timedelta(days=place),
            absent_before=None,
            modified_at=None,
            sha256=f"sha256:{kind}-{id_}-{place}",
            run_id=f"run-{place}",
        )
        for place, content in enumerate(contents, start=1)
    ]
    return History(tuple(versions))


def quickbooks(kind: Kind, id_: str, *contents: Content | None) -> History:
    return history(System.QUICKBOOKS, kind, id_, *contents)


def bigtime(kind: Kind, id_: str, *contents: Content | None) -> History:
    return history(System.BIGTIME, kind, id_, *contents)


def invoice(number: str, total: int, client: str = "c", *, balance: int | None = None, voided: bool = False) -> Invoice:
    return Invoice(
        client_id=client,
        number=number,
        currency="USD",
        total_minor=total,
        balance_minor=total if balance is None else balance,
        voided=voided,
    )


def client(name: str, *, parent: str = "", active: bool = True, quickbooks_id: str = "", balance: int | None = None,
           with_jobs: int | None = None) -> Client:  # fmt: skip
    return Client(
        name=name,
        parent_id=parent,
        active=active,
        currency="USD",
        quickbooks_id=quickbooks_id,
        balance_minor=balance,
        balance_with_jobs_minor=with_jobs,
    )


def payment(total: int, *lines: tuple[LineTarget, str, int], unapplied: int = 0, client: str = "c") -> Payment:
    return Payment(
        client_id=client,
        payment_id="",
        currency="USD",
        total_minor=total,
        unapplied_minor=unapplied,
        lines=tuple(PaymentLine(*line) for line in lines),
        paid_on=DAY,
    )


def credit_memo(total: int, remaining: int, client: str = "c") -> CreditMemo:
    return CreditMemo(
        client_id=client, number="CM", currency="USD", total_minor=total, remaining_minor=remaining, issued_on=DAY
    )


def entry(*lines: tuple[str, int], account: str = "84") -> Entry:
    receivable = tuple(
        ReceivableLine(str(place), client, account, minor) for place, (client, minor) in enumerate(lines)
    )
    return Entry(number="J-1", currency="USD", on_date=DAY, lines=receivable)


def book(*histories: History, accounts: Iterable[str] = ()) -> Book:
    return Book(
        company="acme",
        home_currency="USD",
        histories=tuple(sorted(histories, key=lambda one: one.key)),
        receivable_accounts=frozenset(accounts),
    )
