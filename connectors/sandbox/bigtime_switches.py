"""Everything about BigTime's API that public material does not settle, as one frozen value of switches.

A connector is right only when it is right under every setting: tests turn the switches, the simulator obeys.
Beside each switch stands how its values are known: `documented` (BigTime's own pages), `seen` (in a client that
works against the live API) or `assumed` (nobody outside BigTime can know; all values are guesses).
Source: facts/bigtime.md §5 and §6.
"""

from dataclasses import dataclass
from enum import StrEnum


class Spelling(StrEnum):
    """How the words of `PaymentMethod` are spelled."""

    PLAIN = "plain"  # AccountCredit, Check, Credit Card
    SPACED = "spaced"  # Account Credit, Check, Credit Card: the words of the screens
    JOINED = "joined"  # AccountCredit, Check, CreditCard: the words of an enumeration
    SHOUTED = "shouted"  # ACCOUNTCREDIT, CHECK, CREDIT CARD


class FilteredBy(StrEnum):
    """Which date of a payment row the window of `/payment/history` compares."""

    PAID = "paid"  # PaidDate
    APPLIED = "applied"  # AppliedDate


class InvoiceFilteredBy(StrEnum):
    """Which date of an invoice the window of `/invoice/history` compares."""

    ISSUED = "issued"  # InvoiceDt
    SENT = "sent"  # InvoiceDtSent; an invoice that was never sent is found by InvoiceDt


class Timestamp(StrEnum):
    """How a field that is documented as `DateTime` is written."""

    DATE = "date"  # 2026-03-05
    SECONDS = "seconds"  # 2026-03-05T00:00:00
    FRACTION = "fraction"  # 2026-03-05T00:00:00.0000000
    ZULU = "zulu"  # 2026-03-05T00:00:00Z
    OFFSET = "offset"  # 2026-03-05T00:00:00-05:00
    MILLISECONDS = "milliseconds"  # /Date(1772668800000)/


class Absent(StrEnum):
    """How "none" is written."""

    NULL = "null"  # the key with null
    MISSING = "missing"  # no key
    EMPTY = "empty"  # the key with an empty string
    ZERO = "zero"  # 0 where the field is an id, null elsewhere


class Casing(StrEnum):
    """How keys are written; readers must not care."""

    PASCAL = "pascal"  # InvoiceNbr
    CAMEL = "camel"  # invoiceNbr
    LOWER = "lower"  # invoicenbr


class Numbers(StrEnum):
    """How amounts are written that are documented as `double`."""

    NUMBER = "number"  # 1234.5
    STRING = "string"  # "1234.50"
    GROUPED = "grouped"  # "1,234.50"
    DOLLARS = "dollars"  # "$1,234.50"


class Deleted(StrEnum):
    """What becomes of the row of a deleted payment."""

    VANISHES = "vanishes"  # the next read does not have it
    NEGATIVE_ROW = "negative_row"  # it stays, and a second row takes the amount back


@dataclass(frozen=True, slots=True, kw_only=True)
class BigTimeSwitches:
    """One possible BigTime. The defaults are the assumptions of the fact sheet."""

    # seen: AccountCredit is documented word for word, the rest of the vocabulary is prose only
    spelling: Spelling = Spelling.PLAIN
    # assumed: the label of a QuickBooks credit that comes back as a payment (also AccountCredit, Check or "")
    pushed_credit_label: str = "Credit Memo"
    # assumed: the label of QuickBooks money that comes back as a payment and carries no method of its own
    pushed_money_label: str = "Check"
    # assumed: both dates are documented, which one filters is not
    payments_filtered_by: FilteredBy = FilteredBy.PAID
    # assumed
    invoices_filtered_by: InvoiceFilteredBy = InvoiceFilteredBy.ISSUED
    # documented type DateTime, wire format assumed
    payment_timestamp: Timestamp = Timestamp.SECONDS
    # seen: clients read invoice dates as YYYY-MM-DD
    invoice_timestamp: Timestamp = Timestamp.DATE
    # documented as double; BalanceDue is a string in any case
    numbers: Numbers = Numbers.NUMBER
    # seen: clients guard against all of these
    absent: Absent = Absent.NULL
    # seen: Pascal mostly, and not always
    casing: Casing = Casing.PASCAL
    # assumed: "Posted" appears in one client's column notes, nothing is known of the other state
    posted_word: str = "Posted"
    not_posted_word: str = ""
    # assumed
    deleted_payment: Deleted = Deleted.VANISHES
    # assumed: whether /invoice/history also has invoices that were never marked as sent
    drafts_in_history: bool = False
    # assumed: the longest list that is sent; what is beyond is cut off without a word. None: no cap
    row_cap: int | None = None
    # documented both ways: the current help says "just gets updated", the old manual "deleted and re-imported"
    sid_changes_on_reimport: bool = False
    # documented both ways: 24 hours in older crawls, 7 days in the newest
    session_hours: int = 24
    # seen in the detailed view of a client; whether the list shows the link to QuickBooks, too, is assumed
    quickbooks_id_in_client_list: bool = False
    # seen in two clients; whether the limit counts per key, firm or address is not known
    calls_per_minute: int = 30
    # seen in one client; without it the reader has to choose his own pause
    sends_retry_after: bool = True
    # assumed: an invoice marked as paid shows nothing due, though no payment row exists
    marked_paid_shows_nothing_due: bool = True
    # assumed: PaidAmt of an invoice marked as paid (False: only what payment rows say)
    marked_paid_counts_as_paid: bool = False
    # assumed: the help on client credits points to "included"
    paid_includes_account_credit: bool = True
    # assumed: an error page of the web server instead of JSON
    errors_are_html: bool = True

    def spell(self, word: str) -> str:
        """A payment method in the spelling of this firm; a word that BigTime does not know stays as it is."""
        if self.spelling is Spelling.SHOUTED:
            return word.upper()
        known = {
            Spelling.SPACED: {"AccountCredit": "Account Credit", "CreditCard": "Credit Card"},
            Spelling.JOINED: {"Account Credit": "AccountCredit", "Credit Card": "CreditCard"},
        }
        return known.get(self.spelling, {}).get(word, word)
