"""When an incident is not told: somebody has silenced it, or something else speaks for it. Pure.

Source: facts/reliability.md C4 (inhibition and silences as Alertmanager has them).
"""

from datetime import datetime

from mappings.alerts import AlertSituation, Silence, SilenceScope
from sync.alert_incidents import OUTAGES, RECONNECT, STALE, UNSETTLED, AlertPolicy, Incident

# What a run could not read; whatever else is found while one of these is open may only follow from it.
_GATES = OUTAGES | {"G8"}
# What looks the same as a record that was not read.
_FOLLOWS_FROM_GAPS = ("C", "F", "A5", "D7", "D8", "E12", "G4", "G11")


def held_by(incident: Incident, situation: AlertSituation, policy: AlertPolicy, now: datetime) -> str:
    """Why the incident is not told now, for people; "" when it is to be told."""
    silence = next((each for each in situation.silences if each.covers(now) and _is_silenced(incident, each)), None)
    if silence is not None:
        return f"silenced by {silence.author} until {silence.expires_at:%Y-%m-%d %H:%M} UTC: {silence.reason}"
    codes = {each.finding.code for each in incident.active}
    gates = [each for each in situation.findings if each.status in UNSETTLED and each.finding.code in _GATES]
    lost = any(each.status in UNSETTLED and each.finding.code == RECONNECT for each in situation.findings)
    if lost and RECONNECT not in codes:
        return "a system has to be connected again first"
    if incident.is_outage and not _has_lasted(incident.since, situation, policy):
        return "it may pass by itself"
    told = any(each.finding.code not in OUTAGES or _has_lasted(each.since, situation, policy) for each in gates)
    if told and incident.name == STALE:
        return "the reading is incomplete, and that is told"
    follows = all(each.finding.code.startswith(_FOLLOWS_FROM_GAPS) for each in incident.active)
    if gates and follows and incident.since >= min(each.since for each in gates):
        return "it may follow from what could not be read"
    return ""


def _has_lasted(since: datetime, situation: AlertSituation, policy: AlertPolicy) -> bool:
    """Whether an outage was still there when somebody looked after the grace: nobody knows before that."""
    return situation.tried_at is not None and situation.tried_at - since >= policy.outage_grace


def _is_silenced(incident: Incident, silence: Silence) -> bool:
    findings = [each.finding for each in incident.active]
    value = silence.value.casefold()
    match silence.scope:
        case SilenceScope.COMPANY:
            return True
        case SilenceScope.INCIDENT:
            return incident.name.casefold() == value
        case SilenceScope.CODE:
            return all(finding.code.casefold() == value for finding in findings)
        case SilenceScope.CLIENT:
            return all(
                value in (finding.client.name.casefold(), finding.client.bigtime, finding.client.quickbooks)
                for finding in findings
            )
