"""Everything about QuickBooks Online that public material does not settle, as one frozen value of switches.

A worker is right only when it is right under every setting: tests turn the switches, the simulator obeys.
Beside each stands how its default is known: `observed` (in recorded replies or working clients), `documented`
(Intuit's pages, samples or schemas) or `assumed` (not settled in public; the default is a guess).
Source: facts/quickbooks.md, the sections named, and §11.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Scope(StrEnum):
    """What the limit of 1000 objects in one change-data reply counts."""

    REPLY = "reply"  # all entities together
    ENTITY = "entity"  # each entity on its own


class TooManyAsked(StrEnum):
    """What happens to MAXRESULTS above 1000."""

    CLAMP = "clamp"  # 1000 rows come back
    REFUSE = "refuse"  # Fault 4001


class ThrottleShape(StrEnum):
    """How a throttled reply is written."""

    XML = "xml"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickBooksSwitches:
    """The settings of one simulated QuickBooks. The defaults are the most likely truth, or the harsher guess."""

    # Tokens, §1.2 and §1.3
    access_token_seconds: int = 3600  # documented
    refresh_token_lifetime: timedelta = timedelta(days=101)  # observed: 8,726,400 s; documented as "100 days"
    refresh_token_cap: timedelta = timedelta(days=5 * 365)  # documented 2025-11-12
    rotate_refresh_token_after: timedelta = timedelta(hours=24)  # documented
    # Documented both ways; the default is the strict reading: the old value dies when a new one is returned.
    old_refresh_token_grace: timedelta = timedelta()
    # Documented as "can": two refreshes with one value at the same time end the connection.
    concurrent_refresh_revokes: bool = True
    reused_code_revokes: bool = False  # assumed ("Intuit may revoke the tokens", oauth-jsclient #173)
    code_lifetime: timedelta = timedelta(minutes=5)  # assumed

    # Queries, §2
    too_many_asked: TooManyAsked = TooManyAsked.CLAMP  # assumed
    naive_time_is_pacific: bool = True  # observed once (PHP-SDK #69); otherwise UTC
    # Observed: present for these, missing for Payment, CreditMemo, Customer, Purchase; the rest is assumed.
    total_count_for: frozenset[str] = frozenset({"Invoice", "JournalEntry", "Deposit"})
    scramble_ties: bool = False  # assumed: rows of one second come by Id; True: in a fixed order that is not by Id

    # Change data capture, §3
    cdc_days: int = 30  # documented
    cdc_cap: int = 1000  # documented
    cdc_cap_counts: Scope = Scope.REPLY  # documented "per request"
    cdc_includes_the_second: bool = True  # assumed: an object changed exactly at changedSince is in the reply
    cdc_too_old_code: str = "4001"  # assumed: the code was not found anywhere

    # Throttles and meter, §5
    throttled: bool = False  # the limits are documented; off so that tests do not wait for nothing
    per_second: int = 10  # documented, per realm and app
    per_minute: int = 500  # documented, per realm
    throttle_shape: ThrottleShape = ThrottleShape.XML  # observed
    retry_after: str = ""  # assumed absent; otherwise the header's value
    monthly_cap: int | None = None  # documented 500,000 for the Builder tier; None: not enforced

    # Books, §6
    credit_memo_moves_when_applied: bool = True  # assumed: SyncToken and time move as the invoice's do (observed)
    deposit_moves_payments: bool = False  # assumed: carrying a payment to the bank leaves its SyncToken and time
    merge_moves_transactions: bool = True  # assumed: transactions of the merged customer get a new time
    # Assumed: a payment that only links credits gives the credit back when its invoice is voided or unlinked.
    # False is the literal reading of the documented rule: the amount turns into UnappliedAmt of that payment.
    unlinking_frees_credits: bool = True
    auto_apply_pairwise: bool = True  # observed: one zero payment per pair of invoice and credit; else one per save
    void_note: str = "Voided"  # documented: prepended to PrivateNote
    payment_method_is_named: bool = True  # assumed: PaymentMethodRef carries the name, not only the value
    duplicate_numbers_refused: bool = False  # a company preference; 6140 when on
    extra_fields: Mapping[str, object] = field(
        default_factory=lambda: {"FutureField": {"seen": True}}
    )  # documented: additive
