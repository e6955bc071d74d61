"""What was told, held against what was really wrong. Knows nothing of how the daemon came to tell it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from statistics import median

from mappings.alerts import AlertKind, DeliveryState
from tests.soak.daemon import Burden, Told
from tests.soak.firm import TrueIncident
from tests.soak.office import Soaked

_ALERTS = frozenset({AlertKind.RAISED, AlertKind.UPDATED, AlertKind.CHANNEL})
_LATE = timedelta(hours=5)  # a turn, and the wait after the last failed attempt
_ABOUT_INCIDENTS = _ALERTS | {AlertKind.REMINDER, AlertKind.RESOLVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelJudgement:
    """How one channel's readers were told.

    `alerts` counts what says that something is wrong: new, changed, or a channel that fails. `unknown` are such about
    nothing that was wrong, `after_end` all that came after a resolution of an incident that did not come back.
    """

    channel: str
    incidents: int
    alerts: int
    missed: tuple[str, ...]
    repeated: tuple[str, ...]
    unknown: tuple[str, ...]
    after_end: tuple[str, ...]
    unresolved: tuple[str, ...]
    reminders: int
    updates: int
    resolutions: int
    others: int
    delivered: int
    taken: int
    unsent: int

    @property
    def alerts_per_incident(self) -> float:
        """1.0 when each incident was told once, and nothing else."""
        return self.alerts / self.incidents if self.incidents else 0.0


def judge(soaked: Soaked) -> tuple[ChannelJudgement, ...]:
    """Each channel's judgement; a channel is not to tell of its own failure."""
    counts = {"mail": len(soaked.mails), **soaked.posts}
    return tuple(_judged(name, soaked, taken) for name, taken in counts.items())


def thirds(burdens: Sequence[Burden]) -> tuple[tuple[Burden, ...], ...]:
    """What the daemon held in each third of the time; everything is used for the first time in the first."""
    ends = [len(burdens) * part // 3 for part in range(4)]
    return tuple(tuple(burdens[one:two]) for one, two in pairwise(ends))


def growth(burdens: Sequence[Burden], measure: Callable[[Burden], float]) -> float:
    """How much more the daemon held in the last third than in the second: 1.0 when it was as much. By medians."""
    _, middle, last = (median(measure(each) for each in part) for part in thirds(burdens))
    return last / middle


def _judged(name: str, soaked: Soaked, taken: int) -> ChannelJudgement:
    told = [each for each in soaked.account.told if each.channel == name]
    sent = [each for each in told if each.state is DeliveryState.SENT]
    silences = [each for each in soaked.incidents if each.subject == f"channel {name}"]
    known_to_others = [
        each
        for each in soaked.incidents
        if each not in silences and not (each.code == "channel" and _had_nothing_to_say(each, soaked.account.told))
    ]
    about = _by_incident(known_to_others, [each for each in sent if each.kind in _ALERTS])
    # what came and went in the silence need not be told; when it was tried before its end, it may be
    truth = [each for each in known_to_others if about[id(each)] or not _is_over_unheard(each, silences)]
    known = {id(each) for found in about.values() for each in found}
    strange = [each for each in sent if each.kind in _ALERTS and id(each) not in known]
    kinds = Counter(each.kind for each in sent)
    return ChannelJudgement(
        channel=name,
        incidents=len(truth),
        alerts=len({each.message for each in sent if each.kind in _ALERTS}) + _told_together(sent),
        missed=tuple(_named(each) for each in truth if not about[id(each)]),
        repeated=tuple(
            f"{_named(each)}: {[f'{one.kind} {one.created_at:%m-%d %H:%M}' for one in about[id(each)]]}"
            for each in truth
            if len({one.message for one in about[id(each)] if one.kind is not AlertKind.UPDATED}) > 1
        ),
        unknown=tuple(f"{each.created_at:%m-%d %H:%M} {each.kind} {each.heading}" for each in strange),
        after_end=tuple(_after_end(sent)),
        unresolved=tuple(
            _named(each)
            for each in truth
            if each.ended_at is not None and each.code != "channel" and not _is_resolved(each, about[id(each)], sent)
        ),
        reminders=kinds[AlertKind.REMINDER],
        updates=kinds[AlertKind.UPDATED],
        resolutions=kinds[AlertKind.RESOLVED],
        others=sum(number for kind, number in kinds.items() if kind not in _ABOUT_INCIDENTS),
        delivered=len({each.message for each in sent}),
        taken=taken,
        unsent=sum(each.state in (DeliveryState.PENDING, DeliveryState.DEAD) for each in told),
    )


def _is_over_unheard(incident: TrueIncident, silences: Iterable[TrueIncident]) -> bool:
    """Whether it came and went while the channel took nothing: what is over before it could be told needs no word."""
    over_at = incident.ended_at or incident.settled_at
    return any(
        over_at is not None
        and silence.ended_at is not None
        and silence.opened_at - _LATE <= incident.opened_at
        and over_at <= silence.ended_at + _LATE
        for silence in silences
    )


def _had_nothing_to_say(silence: TrueIncident, told: Iterable[Told]) -> bool:
    """Whether nothing was to be sent on a channel while it took nothing: then nobody can know."""
    assert silence.ended_at is not None
    name = silence.subject.removeprefix("channel ")
    tried = (each for each in told if each.channel == name and each.state is not DeliveryState.SUPERSEDED)
    return not any(silence.opened_at <= each.created_at <= silence.ended_at - _LATE for each in tried)


def _told_together(sent: Iterable[Told]) -> int:
    """How many more alerts a channel's readers got than messages: one message may tell of several incidents."""
    subjects: defaultdict[str, set[str]] = defaultdict(set)
    for each in sent:
        if each.kind in _ALERTS:
            # the outage of a system is one thing, however many companies it is told of
            shared = any(subject.startswith("outage") for subject in each.subjects)
            subjects[each.message].add("outage" if shared else each.key)
    return sum(len(keys) - 1 for keys in subjects.values())


def _by_incident(truth: Sequence[TrueIncident], alerts: Iterable[Told]) -> dict[int, list[Told]]:
    """The alerts about each incident; one about several counts for each of them."""
    found: dict[int, list[Told]] = {id(each): [] for each in truth}
    for alert in alerts:
        for incident in truth:
            is_its = incident.subject in alert.subjects and incident.company in ("", alert.company)
            if is_its and alert.created_at >= incident.opened_at:
                found[id(incident)].append(alert)
    return found


def _after_end(sent: Sequence[Told]) -> Iterable[str]:
    """Messages of an episode after its resolution. A new episode is another incident, and counted as an alert."""
    ended: dict[tuple[str, int], Told] = {}
    for each in sorted(sent, key=lambda one: one.created_at):
        if (each.key, each.episode) in ended:
            yield f"{each.created_at:%m-%d %H:%M} {each.kind} {each.heading}"
        if each.kind is AlertKind.RESOLVED:
            ended[each.key, each.episode] = each


def _is_resolved(incident: TrueIncident, alerts: Sequence[Told], sent: Iterable[Told]) -> bool:
    episodes = {(each.key, each.episode) for each in alerts}
    ends = {(each.key, each.episode) for each in sent if each.kind is AlertKind.RESOLVED}
    return bool(episodes) and episodes <= ends


def _named(incident: TrueIncident) -> str:
    return f"{incident.company or 'all'} {incident.code} {incident.subject} {incident.opened_at:%m-%d %H:%M}"
