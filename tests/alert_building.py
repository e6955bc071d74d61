"""Findings, situations and a small installation, for tests of alerts."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from mappings.alerts import AlertChange, AlertKind, AlertRecord, AlertSituation, Silence, WatchedFinding
from mappings.findings import ClientRef, Finding, InvoiceRef, Proof, Severity, fingerprint
from mappings.model import Kind, RecordKey, System
from sync.alert_incidents import AlertPolicy, ChannelRoute
from sync.alert_rules import plan_alerts

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
POLICY = AlertPolicy(channels=(ChannelRoute(name="mail"),))


def finding(code: str = "A1", record: str = "71", **values: Any) -> Finding:
    """A finding of the company acme; each record is an incident of its own unless one is named."""
    fields: dict[str, Any] = {
        "company": "acme",
        "code": code,
        "slug": "credited-in-bigtime-after-posting",
        "severity": Severity.S1,
        "proof": Proof.PROVED,
        "reason": "seen",
        "currency": "USD",
        "exposure_minor": 200_00,
        "client": ClientRef(name="Acme & Söhne", bigtime="301", quickbooks="12"),
        "invoice": InvoiceRef(number=f"INV-{record}", bigtime=record),
        "evidence": (),
        "explanation": "A credit was applied in BigTime after the invoice was posted.",
        "fingerprint": fingerprint("acme", code, (RecordKey(System.BIGTIME, Kind.PAYMENT, record),)),
        "incident": f"I-{record}",
    }
    return Finding(**{**fields, **values})


def gate(code: str = "G10") -> Finding:
    """A finding about the reading, as the gates make them."""
    return finding(
        code,
        code,
        slug="system-out-of-reach",
        severity=Severity.S2,
        currency="",
        exposure_minor=0,
        client=ClientRef(name=""),
        invoice=None,
        incident=f"{code}:quickbooks:{code}",
    )


def watched(found: Finding, *, status: str = "open", since: datetime = NOW, **values: Any) -> WatchedFinding:
    """The finding as alerts see it."""
    name = f"{found.code}-{found.fingerprint[:8]}"
    return WatchedFinding(name=name, finding=found, status=status, since=since, **values)


class Desk:
    """Keeps what the planner decides, as the store does, and remembers every message."""

    def __init__(self, policy: AlertPolicy = POLICY) -> None:
        self.policy = policy
        self.now = NOW
        self.alerts: dict[str, AlertRecord] = {}
        self.silences: list[Silence] = []
        self.messages: list[AlertChange] = []
        self.complete_at: datetime | None = None
        self.tried_at: datetime | None = None  # None: somebody tries at each look

    def look(self, *findings: WatchedFinding, **later: float) -> list[AlertKind]:
        """Let time pass, look at these findings, and answer why messages were written."""
        self.now += timedelta(**later)
        situation = AlertSituation(
            company="acme",
            findings=findings,
            alerts=tuple(self.alerts.values()),
            silences=tuple(self.silences),
            complete_at=self.complete_at or self.now,
            began_at=NOW,
            tried_at=self.tried_at or self.now,
        )
        changes = plan_alerts(situation, self.policy, self.now)
        for change in changes:
            self.alerts[change.alert.incident] = change.alert
        told = [change for change in changes if change.message is not None]
        self.messages += told
        again = plan_alerts(
            msgspec.structs.replace(situation, alerts=tuple(self.alerts.values())), self.policy, self.now
        )
        assert again == (), "planning the same twice must plan nothing"
        return [change.message.notice.kind for change in told if change.message is not None]


def settings_text(*, mail_port: int = 0, with_hook: bool = False, alerts: Mapping[str, object] | None = None) -> str:
    """A configuration with a mail channel called books, and a Slack channel called team."""
    lines: Sequence[str] = (
        '[[companies]]\nalias = "acme"',
        '[companies.quickbooks]\nrealm_id = "9130347"\nclient_id = "client"',
        '[companies.bigtime]\nfirm = "abc3-4567-fgr4"',
        "[alerts]",
        *(f"{key} = {msgspec.json.encode(value).decode()}" for key, value in (alerts or {}).items()),
    )
    if mail_port:
        lines = (
            *lines,
            f'[[channels]]\nname = "books"\nkind = "email"\nhost = "127.0.0.1"\nport = {mail_port}\nsecurity = "none"',
            'sender = "Tieout <tieout@example.com>"\nrecipients = ["books@example.com", "ann@example.com"]',
        )
    if with_hook:
        lines = (*lines, '[[channels]]\nname = "team"\nkind = "slack"')
    return "\n".join(lines) + "\n"
