"""Incidents as alerts see them: findings with one cause, what is at stake in them, and who wants to know. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from mappings.alerts import AlertSituation, Told, WatchedFinding
from mappings.findings import ClientRef, Finding, Proof, Severity, fingerprint
from mappings.money import minor_digits
from sync.rules.incidents import is_consequence

STALE = "STALE"
RECONNECT = "G3"
# What keeps a run from reading, and may pass by itself.
OUTAGES = frozenset({"G1", "G2", "G6", "G10"})
# A system that cannot be reached: it strikes every company at once, and nobody can do anything about it.
OUT_OF_REACH = frozenset({"G10"})
# What is as it should be, as long as it does not last.
_NOTHING_YET = frozenset({"G4", "G11"})
UNSETTLED = ("open", "acknowledged")


class ChannelRoute(msgspec.Struct, frozen=True, kw_only=True):
    """What goes to a channel. `companies` empty: all; `only_reminders`: only what nobody has taken for long."""

    name: str
    min_severity: Severity = Severity.S2
    companies: frozenset[str] = frozenset()
    only_reminders: bool = False

    def wants(self, company: str) -> bool:
        """Whether it is for this company."""
        return not self.companies or company in self.companies


class AlertPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How much the team wants to be told.

    `large_exposure` is in whole units of whatever currency; an incident of that size is told whatever its severity,
    and said again sooner. `remind_after` zero: never. `outage_wait` is how long the news of an outage waits for the
    other companies that it has struck.
    """

    channels: tuple[ChannelRoute, ...] = ()
    group_wait: timedelta = timedelta(seconds=60)
    remind_after: timedelta = timedelta(hours=72)
    large_exposure: Decimal = Decimal(10_000)
    outage_grace: timedelta = timedelta(minutes=60)
    outage_wait: timedelta = timedelta(seconds=60)
    stale_after: timedelta = timedelta(hours=26)


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Findings with one cause, as they are now. `active` are those that nobody has settled, the most urgent first."""

    name: str
    active: tuple[WatchedFinding, ...]
    settled: tuple[WatchedFinding, ...]

    @property
    def severity(self) -> Severity:
        """That of the most urgent active finding; S4 when there is none."""
        return min((each.finding.severity for each in self.active), default=Severity.S4)

    @property
    def since(self) -> datetime:
        """When the first of its active findings was opened."""
        return min(each.since for each in self.active)

    @property
    def is_outage(self) -> bool:
        """Whether it is nothing but a reading that was kept from being complete, and may pass by itself."""
        return bool(self.active) and all(each.finding.code in OUTAGES for each in self.active)

    @property
    def is_out_of_reach(self) -> bool:
        """Whether it is nothing but a system that cannot be reached."""
        return bool(self.active) and all(each.finding.code in OUT_OF_REACH for each in self.active)

    @property
    def told(self) -> tuple[Told, ...]:
        """What somebody knows who is told of it now."""
        return tuple(sorted(told_of(each.finding) for each in self.active))

    def exposures(self) -> dict[str, int]:
        """The money at stake by currency; what merely follows from another finding is not counted twice."""
        causes = [each.finding for each in self.active if not is_consequence(each.finding.code)]
        totals: dict[str, int] = defaultdict(int)
        for finding in causes or [each.finding for each in self.active]:
            if causes:
                totals[finding.currency] += finding.exposure_minor
            else:
                totals[finding.currency] = max(totals[finding.currency], finding.exposure_minor)
        return {currency: minor for currency, minor in sorted(totals.items()) if currency and minor}


def incidents_of(situation: AlertSituation, policy: AlertPolicy, now: datetime) -> tuple[Incident, ...]:
    """The company's findings by their incident, and one about itself when it has not been read for long."""
    members: dict[str, list[WatchedFinding]] = defaultdict(list)
    for watched in (*situation.findings, *_staleness(situation, policy, now)):
        members[watched.finding.incident].append(watched)
    return tuple(
        Incident(
            name=name,
            active=tuple(sorted((each for each in found if each.status in UNSETTLED), key=_urgency)),
            settled=tuple(each for each in found if each.status not in UNSETTLED),
        )
        for name, found in sorted(members.items())
    )


def told_of(finding: Finding) -> Told:
    """What is material in a finding."""
    return Told(finding.fingerprint, finding.severity, finding.currency, finding.exposure_minor, finding.claim_minor)


def is_large(incident: Incident, policy: AlertPolicy) -> bool:
    """Whether there is so much money at stake that it is told whatever its severity."""
    wrong = tuple(each for each in incident.active if each.finding.code not in _NOTHING_YET)
    incident = msgspec.structs.replace(incident, active=wrong)
    amounts = (Decimal(minor).scaleb(-minor_digits(currency)) for currency, minor in incident.exposures().items())
    return any(amount >= policy.large_exposure for amount in amounts)


def _urgency(watched: WatchedFinding) -> tuple[str, bool, int, str]:
    finding = watched.finding
    return finding.severity.value, is_consequence(finding.code), -finding.exposure_minor, finding.fingerprint


def _staleness(situation: AlertSituation, policy: AlertPolicy, now: datetime) -> Iterable[WatchedFinding]:
    """A finding about Tieout itself: nothing complete was read for long, whatever the reason.

    The time of a lost connection does not count once it is there again: that was told.
    """
    since = situation.complete_at or situation.began_at
    if since is None:
        return
    due_at = max(since, _connected_at(situation, now) or since) + policy.stale_after
    if now < due_at:
        return
    yield WatchedFinding(
        name=STALE,
        status="open",
        since=due_at,
        finding=Finding(
            company=situation.company,
            code=STALE,
            slug="no-complete-reading",
            severity=Severity.S2,
            proof=Proof.PROVED,
            reason="the list of runs",
            currency="",
            exposure_minor=0,
            client=ClientRef(name=""),
            invoice=None,
            evidence=(),
            explanation=(
                f"Nothing complete has been read since {since:%Y-%m-%d %H:%M} UTC, so nobody knows how the books "
                "stand. See whether Tieout is running, and run `tieout check`."
            ),
            fingerprint=fingerprint(situation.company, STALE, ()),
            incident=STALE,
        ),
    )


def _connected_at(situation: AlertSituation, now: datetime) -> datetime | None:
    """When a connection that was lost was seen to be there again; None when none was lost, or one still is."""
    lost = any(each.status in UNSETTLED and each.finding.code == RECONNECT for each in situation.findings)
    ends = [each.ended_at or now for each in situation.alerts if each.incident.startswith(f"{RECONNECT}:")]
    return None if lost else max(ends, default=None)


def unsettled(incidents: Sequence[Incident]) -> tuple[Incident, ...]:
    """Those with something active, the most urgent first."""
    found = [incident for incident in incidents if incident.active]
    return tuple(sorted(found, key=lambda each: (each.severity.value, -sum(each.exposures().values()), each.name)))
