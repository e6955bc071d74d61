"""What the rules must know about the reading itself: BigTime words nobody has configured, records that one read did
not show, and QuickBooks' settings. Costs in proportion to what changed, not to what is stored.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from mappings.findings import Gap
from mappings.model import Content, Invoice, Kind, Method, Payment, Posted, RecordKey, System
from sync.ports import RecordStore
from sync.reconciling import Certificate

_FEED = "unknown-words"
_MOST_WORDS = 50
_KINDS = (Kind.INVOICE, Kind.PAYMENT)


class _Sighting(msgspec.Struct, frozen=True, order=True, array_like=True):
    """An unknown word, the field it stands in, and one record that uses it."""

    field: str
    word: str
    kind: Kind
    id: str

    @property
    def key(self) -> RecordKey:
        return RecordKey(System.BIGTIME, self.kind, self.id)


_SIGHTINGS = msgspec.json.Decoder(tuple[_Sighting, ...])


class Knowledge:
    """What is known of one company's reading."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store

    def learn(self, run_id: str, changed: Iterable[RecordKey]) -> None:
        """Bring the list of unknown words up to date after a pull that changed these records.

        Side effects: one small transaction, only when the list changes.
        """
        before = _load(self._store)
        touched = [key for key in changed if key.system is System.BIGTIME and key.kind in _KINDS]
        now = _sightings(self._store.load_contents([*touched, *(sighting.key for sighting in before)]))
        found = {(sighting.field, sighting.word) for sighting in now}
        if any((sighting.field, sighting.word) not in found for sighting in before):
            now = _sightings(_all_contents(self._store))
        self._save(run_id, before, now)

    def learn_everything(self, run_id: str) -> None:
        """Like `learn`, when it is not known what a pull changed, because an error ended it."""
        self._save(run_id, _load(self._store), _sightings(_all_contents(self._store)))

    def _save(self, run_id: str, before: tuple[_Sighting, ...], now: tuple[_Sighting, ...]) -> None:
        if now != before:
            with self._store.pull_unit(run_id) as unit:
                unit.save_cursor(_FEED, msgspec.json.encode(now).decode())

    def certificate(self, gaps: Sequence[Gap]) -> Certificate:
        """What the rules have to know beside the books, for a run with these gaps."""
        preferences = sorted(self._store.load_ids(System.QUICKBOOKS, Kind.PREFERENCES))
        key = RecordKey(System.QUICKBOOKS, Kind.PREFERENCES, preferences[0]) if preferences else None
        return Certificate(
            gaps=tuple(gaps),
            words=tuple((sighting.field, sighting.word, sighting.key) for sighting in _load(self._store)),
            missing=tuple(key for kind in _KINDS for key in self._store.load_missing(System.BIGTIME, kind)),
            preferences=self._store.load_history(key) if key is not None else None,
        )


def _load(store: RecordStore) -> tuple[_Sighting, ...]:
    text = store.load_cursor(_FEED)
    return _SIGHTINGS.decode(text) if text else ()


def _all_contents(store: RecordStore) -> Mapping[RecordKey, Content]:
    keys = [RecordKey(System.BIGTIME, kind, id_) for kind in _KINDS for id_ in store.load_ids(System.BIGTIME, kind)]
    return store.load_contents(keys)


def _sightings(contents: Mapping[RecordKey, Content]) -> tuple[_Sighting, ...]:
    """One record for each unknown word: the first by key, so that the answer does not depend on the order."""
    first: dict[tuple[str, str], _Sighting] = {}
    for key in sorted(contents):
        found = _unknown_word(contents[key])
        if found is not None and found not in first:
            first[found] = _Sighting(*found, key.kind, key.id)
    return tuple(sorted(first.values()))[:_MOST_WORDS]


def _unknown_word(content: Content) -> tuple[str, str] | None:
    match content:
        case Payment() if content.method is Method.UNKNOWN:
            return "payment type", content.method_name
        case Invoice() if content.posted is Posted.UNKNOWN:
            return "posting state", content.posted_status
        case _:
            return None
