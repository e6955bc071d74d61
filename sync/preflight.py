"""What can go wrong next: credits that are one click away from the wrong place. Pure; said in the morning's digest."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta

import msgspec

from mappings.alerts import WatchedFinding
from mappings.findings import Severity, TieLine
from mappings.model import Content, Method, Payment, Preferences
from sync.alert_words import safe
from sync.rules.desk import amount

# BigTime does not show a client's credit; that it was used lately is the sign that there is one.
LOOK_BACK = timedelta(days=90)
_MOST_CLIENTS = 5


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What the warnings rest on: BigTime's recent payments, posted invoices, findings, QuickBooks' settings."""

    payments: tuple[Content, ...] = ()
    lines: tuple[TieLine, ...] = ()
    findings: tuple[WatchedFinding, ...] = ()
    preferences: Preferences | None = None


def preflight_lines(outlook: Outlook) -> tuple[str, ...]:
    """The warnings, each one sentence."""
    return (
        *_credit_in_use(outlook.payments, outlook.lines),
        *_credit_beside_debt(outlook.findings),
        *_automatic(outlook.preferences),
    )


def _credit_in_use(payments: Iterable[Content], lines: Iterable[TieLine]) -> list[str]:
    users = {
        payment.client_id
        for payment in payments
        if isinstance(payment, Payment) and payment.method is Method.ACCOUNT_CREDIT and not payment.voided
    }
    open_lines: dict[tuple[str, str], list[TieLine]] = defaultdict(list)
    for line in lines:
        if line.client.bigtime in users and line.bigtime_minor > 0:
            open_lines[line.client.bigtime, line.currency].append(line)
    ranked = sorted(open_lines.items(), key=lambda each: (-sum(line.bigtime_minor for line in each[1]), each[0]))
    said = [_one_click(found, currency) for (_, currency), found in ranked[:_MOST_CLIENTS]]
    return said + _rest(len(ranked), "clients with credit in use have open posted invoices")


def _one_click(lines: Sequence[TieLine], currency: str) -> str:
    total = amount(sum(line.bigtime_minor for line in lines), currency)
    count = f"{len(lines)} posted invoice{'s' if len(lines) != 1 else ''}"
    return (
        f"{safe(lines[0].client.name)}: {count} with {total} open, and client credit is in use in BigTime. "
        "Credit them in QuickBooks only."
    )


def _credit_beside_debt(findings: Iterable[WatchedFinding]) -> list[str]:
    # One that is more urgent stands among the incidents already.
    found = [each.finding for each in findings if each.finding.code == "F4" and each.status == "open"]
    found = [finding for finding in found if finding.severity is Severity.S4]
    found.sort(key=lambda finding: (-finding.exposure_minor, finding.fingerprint))
    said = [
        f"{safe(finding.client.name)}: open credit in QuickBooks beside an overdue invoice, "
        f"{amount(finding.exposure_minor, finding.currency)} could be applied."
        for finding in found[:_MOST_CLIENTS]
    ]
    return said + _rest(len(found), "clients have open credit beside an overdue invoice")


def _automatic(preferences: Preferences | None) -> list[str]:
    if preferences is None or not preferences.auto_apply_credit:
        return []
    warning = (
        "QuickBooks applies credits to invoices by itself: one that is meant for another invoice may be used up "
        "before anybody looks (Settings › Advanced › Automation)."
    )
    return [warning]


def _rest(count: int, words: str) -> list[str]:
    return [f"And {count - _MOST_CLIENTS} more {words}."] if count > _MOST_CLIENTS else []
