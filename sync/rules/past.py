"""What QuickBooks used to say: applications that an earlier version of a payment had and the latest has not.

QuickBooks keeps no record of an un-application, so the only witness is the version that we stored.
"""

from collections import Counter
from collections.abc import Iterable

import msgspec

from mappings.indexing import target_kind
from mappings.model import CreditMemo, History, LineTarget, Payment, RecordKey, System, Version


class PastLine(msgspec.Struct, frozen=True, kw_only=True):
    """An application that is gone: `amount_minor` of a payment was on an invoice in `version`.

    `credit_keys` are the credits that the payment linked then; () for plain money.
    """

    history: History
    version: Version
    invoice_id: str
    amount_minor: int
    credit_keys: tuple[RecordKey, ...]


def credit_keys_of(payment: Payment) -> tuple[RecordKey, ...]:
    """The credits that a QuickBooks payment links, in a stable order."""
    funding = (LineTarget.CREDIT_MEMO, LineTarget.JOURNAL_ENTRY, LineTarget.DEPOSIT)
    keys = {
        RecordKey(System.QUICKBOOKS, kind, line.target_id)
        for line in payment.lines
        if line.target in funding and (kind := target_kind(line.target)) is not None
    }
    return tuple(sorted(keys))


def _invoice_amounts(payment: Payment) -> Counter[str]:
    amounts: Counter[str] = Counter()
    for line in payment.lines:
        if line.target is LineTarget.INVOICE:
            amounts[line.target_id] += line.amount_minor
    return amounts


def past_lines(payments: Iterable[History]) -> tuple[PastLine, ...]:
    """Every application that some version of one of these QuickBooks payments had and its latest version has not.

    The newest version with a given amount stands for all earlier ones.
    """
    found: list[PastLine] = []
    for history in payments:
        if len(history.versions) < 2:
            continue
        latest = _invoice_amounts(history.content) if isinstance(history.content, Payment) else Counter()
        seen: set[tuple[str, int]] = set(latest.items())
        for version in reversed(history.versions[:-1]):
            if not isinstance(version.content, Payment):
                continue
            for invoice_id, minor in sorted(_invoice_amounts(version.content).items()):
                if (invoice_id, minor) not in seen:
                    seen.add((invoice_id, minor))
                    found.append(
                        PastLine(
                            history=history,
                            version=version,
                            invoice_id=invoice_id,
                            amount_minor=minor,
                            credit_keys=credit_keys_of(version.content),
                        )
                    )
    return tuple(found)


def gone_credit(history: History) -> bool:
    """Whether a credit memo has been deleted or voided."""
    return history.content is None or (isinstance(history.content, CreditMemo) and history.content.voided)
