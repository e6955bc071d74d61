"""Group G: what was not read or not understood is said once, and a changed setting stays news for a month."""

from datetime import date, timedelta

from mappings.findings import Gap, Proof, Severity
from mappings.model import History, Kind, Preferences, RecordKey, System, Version
from sync.rules.gates import changed_preferences, findings_from_gaps, inferred_deletions, unknown_words
from tests.books import moment, noon

_KEY = RecordKey(System.QUICKBOOKS, Kind.PREFERENCES, "1")


def settings_seen(*seen: tuple[str, Preferences | None]) -> History:
    """The company's settings, as they were on these days."""
    return History(
        tuple(
            Version(
                key=_KEY,
                sequence=number,
                content=content,
                observed_at=noon(day),
                absent_before=None,
                modified_at=None,
                sha256=f"sha256:{number}",
                run_id="run",
            )
            for number, (day, content) in enumerate(seen, start=1)
        )
    )


_OFF, _ON = Preferences(auto_apply_credit=False), Preferences(auto_apply_credit=True)


def test_each_gate_of_each_system_is_told_once_and_other_words_are_left_alone() -> None:
    gaps = [
        Gap("G10", "quickbooks", "b: out of reach"),
        Gap("G10", "quickbooks", "a: out of reach"),
        Gap("G10", "bigtime", "out of reach"),
        Gap("X1", "bigtime", "something that is no gate"),
    ]

    found = findings_from_gaps("acme", gaps)

    assert ["out of reach", "a: out of reach"] == [each.explanation for each in found]
    assert {("G10", Severity.S2, Proof.PROVED, "", 0)} == {
        (each.code, each.severity, each.proof, each.currency, each.exposure_minor) for each in found
    }
    assert 2 == len({each.fingerprint for each in found})
    assert ["G10:bigtime:G10", "G10:quickbooks:G10"] == [each.incident for each in found]


def test_a_gate_is_the_same_finding_whatever_the_sentence_says_today() -> None:
    (before,), (after,) = (
        findings_from_gaps("acme", [Gap("G1", "bigtime", words)]) for words in ("500 rows", "501 rows")
    )

    assert before.fingerprint == after.fingerprint


def test_automatic_application_that_was_turned_on_is_told_with_the_moment_and_both_settings() -> None:
    (found,) = changed_preferences(
        "acme", settings_seen(("2026-03-01", _OFF), ("2026-03-20", _ON)), moment("2026-04-01")
    )

    assert ("G9", Severity.S4, 2) == (found.code, found.severity, len(found.evidence))
    assert "automatic application of credits changed from off to on, seen 2026-03-20 12:00 UTC" in found.explanation


def test_a_setting_is_news_for_thirty_days() -> None:
    history = settings_seen(("2026-01-01", _OFF), ("2026-03-02", _ON))

    assert 1 == len(changed_preferences("acme", history, moment("2026-04-01")))
    assert () == changed_preferences("acme", history, moment("2026-04-02"))


def test_every_change_of_every_setting_is_news_of_its_own() -> None:
    closed = Preferences(auto_apply_credit=True, auto_apply_payments=True, book_close_on=date(2026, 2, 28))
    history = settings_seen(("2026-03-10", _OFF), ("2026-03-11", _ON), ("2026-03-12", closed), ("2026-03-13", _ON))

    found = changed_preferences("acme", history, moment("2026-03-14"))

    assert [
        "automatic application of credits changed from off to on",
        "automatic application of payments changed from off to on",
        "the closing date changed from none to 2026-02-28",
        "automatic application of payments changed from on to off",
        "the closing date changed from 2026-02-28 to none",
    ] == [each.explanation.removeprefix("QuickBooks: ").partition(", seen")[0] for each in found]
    assert 5 == len({each.fingerprint for each in found})


def test_settings_that_were_never_read_or_are_gone_are_no_change() -> None:
    assert () == changed_preferences("acme", None, moment())
    assert () == changed_preferences("acme", settings_seen(("2026-03-30", _ON)), moment())
    assert () == changed_preferences("acme", settings_seen(("2026-03-29", _ON), ("2026-03-30", None)), moment())
    assert () == changed_preferences("acme", settings_seen(("2026-03-29", None), ("2026-03-30", _ON)), moment())


def test_an_unknown_word_is_told_with_a_record_and_not_guessed_at() -> None:
    key = RecordKey(System.BIGTIME, Kind.PAYMENT, "51001:9001:2026-03-05:1")

    first, second = unknown_words("acme", [("PaymentMethod", "Barter", key), ("PostedStatus", "Queued", key)])

    assert ("G5", Severity.S3) == (first.code, first.severity)
    assert "'Barter'" in first.explanation
    assert str(key) in first.explanation
    assert first.fingerprint != second.fingerprint


def test_a_record_that_one_read_did_not_show_is_not_called_deleted() -> None:
    keys = [RecordKey(System.BIGTIME, Kind.INVOICE, each) for each in ("9002", "9001")]

    found = inferred_deletions("acme", keys)

    assert [("G11", Proof.CANNOT_TELL)] * 2 == [(each.code, each.proof) for each in found]
    assert [
        f"{key} was not in the last complete read" in each.explanation
        for key, each in zip(reversed(keys), found, strict=True)
    ] == [True, True]


def test_the_moment_between_two_days_counts_to_the_second() -> None:
    history = settings_seen(("2026-01-01", _OFF), ("2026-03-02", _ON))
    late = moment("2026-04-01")

    assert noon("2026-04-01") - noon("2026-03-02") == timedelta(days=30) == late.now - history.latest.observed_at
