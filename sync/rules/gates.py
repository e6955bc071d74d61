"""Group G: what a run could not read or does not understand, and settings that were changed."""

from collections.abc import Sequence
from datetime import timedelta

from mappings.findings import ClientRef, Evidence, Finding, Gap, Proof, Severity, fingerprint
from mappings.model import History, Preferences, RecordKey, Version
from sync.rules.catalogue import CATALOGUE
from sync.rules.moment import Moment

_NOBODY = ClientRef(name="")
# A changed setting stays on the list for as long as somebody may not have noticed it.
_SETTING_NEWS = timedelta(days=30)


def _gate(
    company: str,
    code: str,
    explanation: str,
    *,
    reason: str,
    subject: str,
    severity: Severity | None = None,
    evidence: tuple[Evidence, ...] = (),
    proof: Proof = Proof.PROVED,
) -> Finding:
    """A company-wide finding without an amount."""
    entry = CATALOGUE[code]
    return Finding(
        company=company,
        code=code,
        slug=entry.slug,
        severity=severity or entry.severity,
        proof=proof,
        reason=reason,
        currency="",
        exposure_minor=0,
        client=_NOBODY,
        invoice=None,
        evidence=evidence,
        explanation=explanation,
        fingerprint=fingerprint(company, code, (), subject),
        incident=f"{code}:{subject}",
    )


def findings_from_gaps(company: str, gaps: Sequence[Gap]) -> tuple[Finding, ...]:
    """G1, G2, G3, G6, G8, G10: one finding per system and gate of a run's certificate."""
    first: dict[tuple[str, str], Gap] = {}
    for gap in sorted(gaps):
        if gap.code in CATALOGUE:
            first.setdefault((gap.system, gap.code), gap)
    return tuple(
        _gate(company, code, gap.sentence, reason="the run's certificate says so", subject=f"{system}:{code}")
        for (system, code), gap in first.items()
    )


def unknown_words(company: str, words: Sequence[tuple[str, str, RecordKey]]) -> tuple[Finding, ...]:
    """G5: a word of BigTime that the configuration does not know, with one record that uses it.

    `words` are (field, word, record). Rows with such a word are neither money nor credit until somebody says so.
    """
    return tuple(
        _gate(
            company,
            "G5",
            f"BigTime uses the {field} {word!r}, which the configuration does not know, for example in {key}. It "
            "is not guessed at: add it to [bigtime_vocabulary].",
            reason="the word is in none of the configured lists",
            subject=f"{field}:{word}",
        )
        for field, word, key in words
    )


def changed_preferences(company: str, preferences: History | None, moment: Moment) -> tuple[Finding, ...]:
    """G9: a QuickBooks setting that moves credits, or the closing date, was changed in the last 30 days."""
    if preferences is None:
        return ()
    found = []
    for before, after in zip(preferences.versions, preferences.versions[1:], strict=False):
        if moment.now - after.observed_at > _SETTING_NEWS:
            continue
        found.extend(_changed(company, before, after))
    return tuple(found)


def _changed(company: str, before: Version, after: Version) -> list[Finding]:
    old, new = before.content, after.content
    if not isinstance(old, Preferences) or not isinstance(new, Preferences):
        return []
    settings = (
        ("automatic application of credits", old.auto_apply_credit, new.auto_apply_credit),
        ("automatic application of payments", old.auto_apply_payments, new.auto_apply_payments),
        ("the closing date", old.book_close_on, new.book_close_on),
    )
    return [
        _gate(
            company,
            "G9",
            f"QuickBooks: {name} changed from {_word(was)} to {_word(now)}, seen "
            f"{after.observed_at:%Y-%m-%d %H:%M} UTC.",
            reason="two versions of the preferences differ",
            subject=f"{name}:{after.sequence}",
            evidence=tuple(sorted(Evidence(version.key, version.sha256) for version in (before, after))),
        )
        for name, was, now in settings
        if was != now
    ]


def _word(value: object) -> str:
    if value is None:
        return "none"
    return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def inferred_deletions(company: str, keys: Sequence[RecordKey]) -> tuple[Finding, ...]:
    """G11: BigTime records that one complete read did not show; the next complete run decides."""
    return tuple(
        _gate(
            company,
            "G11",
            f"{key} was not in the last complete read of BigTime. It counts until a second complete read agrees.",
            reason="BigTime has no list of deletions",
            subject=str(key),
            proof=Proof.CANNOT_TELL,
        )
        for key in sorted(keys)
    )
