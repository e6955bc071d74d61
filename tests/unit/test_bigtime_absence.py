"""When a record that was not shown is called gone."""

from datetime import UTC, date, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mappings.model import Kind, RecordKey, System
from mappings.records import StoredRecord
from sync.pulling.absence import Absence, Reads, Seen, infer_absence
from sync.pulling.windows import month_of

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=1)


def stored(number: int, *, on: date | None = date(2026, 2, 3), missing_since: datetime | None = None) -> StoredRecord:
    return StoredRecord(
        key=RecordKey(System.BIGTIME, Kind.PAYMENT, f"{number}:9:2026-02-03:1"),
        client_id="1",
        dated_on=on,
        applied_on=on,
        is_open=False,
        missing_since=missing_since,
    )


def invoice_key(number: int) -> RecordKey:
    return RecordKey(System.BIGTIME, Kind.INVOICE, str(number))


def judge(
    known: list[StoredRecord],
    shown: list[StoredRecord],
    *,
    oldest_read_at: datetime | None = NOW,
    is_certain: bool = True,
    prefixes: tuple[str, ...] = (),
    accept_losses: bool = False,
) -> Absence:
    rows: dict[int, int] = {}
    for record in shown:
        if record.dated_on is not None:
            rows[month_of(record.dated_on)] = rows.get(month_of(record.dated_on), 0) + 1
    return infer_absence(
        known,
        Seen(ids=frozenset(record.key.id for record in shown), prefixes=prefixes, is_certain=is_certain, rows=rows),
        expected=lambda _: True,
        reads=Reads(run_started_at=NOW, oldest_read_at=oldest_read_at),
        accept_losses=accept_losses,
    )


def test_a_record_is_missing_first_and_gone_in_a_later_run() -> None:
    assert judge([stored(1)], []).missing_keys == (stored(1).key,)
    assert judge([stored(1)], []).gone == ()
    again = stored(1, missing_since=EARLIER)
    assert judge([again], []).gone == (again,)
    assert judge([again], []).missing == ()


def test_a_record_is_not_gone_twice_missed_in_one_run() -> None:
    again = stored(1, missing_since=NOW)
    assert judge([again], []).gone == ()
    assert judge([again], []).unsettled == (again,)


def test_a_record_is_not_gone_until_everything_was_read_since_it_was_missed() -> None:
    again = stored(1, missing_since=EARLIER)
    assert judge([again], [], oldest_read_at=EARLIER - timedelta(seconds=1)).gone == ()
    assert judge([again], [], oldest_read_at=None).gone == ()
    assert judge([again], [], oldest_read_at=EARLIER).gone == (again,)


def test_what_was_not_asked_for_is_not_missing() -> None:
    nothing = infer_absence(
        [stored(1)],
        Seen(ids=frozenset()),
        expected=lambda _: False,
        reads=Reads(run_started_at=NOW, oldest_read_at=NOW),
    )
    assert nothing == Absence()


def test_a_row_that_could_not_be_understood_is_there() -> None:
    assert judge([stored(1), stored(12)], [], prefixes=("1:",)).missing_keys == (stored(12).key,)


def test_a_row_without_a_name_could_be_any() -> None:
    assert judge([stored(1)], [], is_certain=False) == Absence()


def test_losing_most_of_a_month_at_once_is_a_loss_of_rights() -> None:
    known = [stored(number) for number in range(10)]
    lost = judge(known, known[:4])
    assert (lost.missing, lost.gone, lost.lost_months, lost.lost_count) == (
        (),
        (),
        frozenset({month_of(date(2026, 2, 1))}),
        6,
    )
    assert len(judge(known, known[:5]).missing) == 5
    assert len(judge(known[:9], []).missing) == 9


def test_a_person_can_say_that_the_loss_is_real() -> None:
    known = [stored(number) for number in range(10)]
    assert len(judge(known, [], accept_losses=True).missing) == 10


def test_losing_most_of_many_small_months_is_a_loss_of_rights() -> None:
    known = [stored(number, on=date(2025, number, 3)) for number in range(1, 13)]
    assert judge(known, known[:3]).lost_count == 9
    assert judge(known, known[:3]).missing == ()


def test_a_loss_in_one_month_does_not_stop_the_judgement_of_others() -> None:
    lost = [stored(number) for number in range(12)]
    fine = [stored(100 + number, on=date(2026, 1, 3)) for number in range(30)]
    judged = judge([*lost, *fine], fine[1:])
    assert judged.missing_keys == (fine[0].key,)
    assert judged.lost_count == 12


def test_deleting_and_importing_again_is_no_loss_of_rights() -> None:
    known = [stored(number) for number in range(10)]
    imported = [stored(100 + number) for number in range(10)]
    assert len(judge(known, imported).missing) == 10


def test_clients_have_no_dates_and_are_protected_all_the_same() -> None:
    known = [stored(number, on=None) for number in range(10)]
    assert judge(known, known[:4]).lost_count == 6
    assert len(judge(known, known[:6]).missing) == 4


@given(
    known=st.sets(st.integers(0, 60)),
    shown=st.sets(st.integers(0, 60)),
    missed=st.sets(st.integers(0, 60)),
    since_minutes=st.integers(-90, 90),
)
def test_every_absent_record_is_exactly_one_of_missing_gone_unsettled_or_lost(
    known: set[int], shown: set[int], missed: set[int], since_minutes: int
) -> None:
    since = NOW + timedelta(minutes=since_minutes)
    records = [stored(number, missing_since=since if number in missed else None) for number in sorted(known)]
    judged = judge(records, [stored(number) for number in sorted(shown)])
    absent = {stored(number).key for number in known - shown}
    parts = [{record.key for record in part} for part in (judged.missing, judged.gone, judged.unsettled)]
    assert sum(len(part) for part in parts) + judged.lost_count == len(absent)
    assert set().union(*parts) <= absent
    assert not judged.gone or since < NOW
    assert {record.key for record in judged.gone} <= {record.key for record in records if record.missing_since}


@given(known=st.sets(st.integers(0, 40)), shown=st.sets(st.integers(0, 40)), extra=st.sets(st.integers(0, 40)))
def test_showing_more_never_makes_more_gone(known: set[int], shown: set[int], extra: set[int]) -> None:
    records = [stored(number, missing_since=EARLIER) for number in sorted(known)]
    fewer = judge(records, [stored(number) for number in sorted(shown)], accept_losses=True)
    more = judge(records, [stored(number) for number in sorted(shown | extra)], accept_losses=True)
    assert {record.key for record in more.gone} <= {record.key for record in fewer.gone}


def test_a_list_of_invoices_that_is_suddenly_empty_is_a_loss_of_rights() -> None:
    known = [msgspec.structs.replace(stored(number), key=invoice_key(number)) for number in range(2)]

    assert (judge(known, []).lost_count, judge(known, []).missing) == (2, ())
    assert len(judge(known[:1], []).missing) == 1
    assert len(judge(known, known[:1]).missing) == 1
    five = [*known, *(msgspec.structs.replace(known[0], key=invoice_key(number)) for number in (2, 3, 4))]
    assert (judge(five, five[:2]).lost_count, len(judge(five, five[:3]).missing)) == (3, 2)
    assert len(judge(known, [], accept_losses=True).missing) == 2


def test_what_is_absent_beside_a_loss_of_rights_is_not_missing_either() -> None:
    lost = infer_absence(
        [stored(1)],
        Seen(ids=frozenset()),
        expected=lambda _: True,
        reads=Reads(run_started_at=NOW, oldest_read_at=NOW),
        rights_are_lost=True,
    )

    assert (lost.lost_count, lost.missing, lost.gone) == (1, (), ())
