"""Where the reading of QuickBooks stands, as one value that is stored together with the rows it stands for."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from connectors.quickbooks.statements import Place
from mappings.model import Kind

FEED = "quickbooks"
# What change data capture follows. Customers are left out: each transaction moves its customer's time.
TRANSACTION_KINDS = (
    Kind.INVOICE,
    Kind.PAYMENT,
    Kind.CREDIT_MEMO,
    Kind.REFUND_RECEIPT,
    Kind.JOURNAL_ENTRY,
    Kind.PURCHASE,
    Kind.DEPOSIT,
)
ALL_KINDS = (Kind.CUSTOMER, *TRANSACTION_KINDS)
_MOST_SET_ASIDE = 40  # ids are up to 64 characters long, a cursor a few KB


class Enumeration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reading of whole kinds that may take several runs.

    `begun` is the server's time at its start; `places` are the kinds still to be read, each with where to go on;
    `sweeps` the kinds whose ids are still to be compared for deletions; `careful` distrusts short pages.
    """

    begun: datetime
    places: dict[Kind, Place]
    sweeps: tuple[Kind, ...] = ()
    careful: bool = False


class QuickBooksCursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that the next run needs to know.

    `watermark`: everything that QuickBooks changed before it is in the store; None until the first load is over.
    `complete_at`: the server's time of the reading that found that; a little later than the watermark.
    `enumeration`: the reading of whole kinds that is under way. `customers_since` is the same as `watermark`, for
    customers. `daily_at` is when the daily reads were last done, by our clock. `set_aside` are the ids of records
    that could not be understood, by kind: they are in no figure. `miscounted` are the kinds of which the last daily
    count found another number than we hold.
    """

    watermark: datetime | None = None
    complete_at: datetime | None = None
    enumeration: Enumeration | None = None
    customers_since: datetime | None = None
    daily_at: datetime | None = None
    home_currency: str = ""
    set_aside: dict[Kind, tuple[str, ...]] = {}
    miscounted: tuple[Kind, ...] = ()

    @property
    def is_first_load(self) -> bool:
        """Whether the company has never been read to the end."""
        return self.watermark is None


_DECODER = msgspec.json.Decoder(QuickBooksCursor)


def parse_cursor(text: str | None) -> QuickBooksCursor:
    """The cursor that `format_cursor` wrote; an empty one for None.

    Raises: `msgspec.DecodeError` for a damaged store.
    """
    return _DECODER.decode(text) if text is not None else QuickBooksCursor()


def format_cursor(cursor: QuickBooksCursor) -> str:
    """The cursor as JSON text; equal cursors give equal texts."""
    return msgspec.json.encode(cursor, order="deterministic").decode()


def with_enumeration(
    cursor: QuickBooksCursor,
    kinds: Iterable[Kind],
    *,
    begun: datetime,
    since: datetime | None = None,
    sweep: bool = False,
    careful: bool = False,
) -> QuickBooksCursor:
    """The cursor at the start of a reading of whole kinds, from the beginning or from `since` on."""
    wanted = tuple(kinds)
    return msgspec.structs.replace(
        cursor,
        enumeration=Enumeration(
            begun=begun,
            places=dict.fromkeys(wanted, Place(since)),
            sweeps=wanted if sweep else (),
            careful=careful,
        ),
    )


def with_place(cursor: QuickBooksCursor, kind: Kind, place: Place | None) -> QuickBooksCursor:
    """The cursor after a page: where the kind goes on, or that it is read to its end."""
    enumeration = cursor.enumeration
    assert enumeration is not None
    places = {other: where for other, where in enumeration.places.items() if other is not kind}
    if place is not None:
        places = {kind: place, **places}
    return msgspec.structs.replace(cursor, enumeration=msgspec.structs.replace(enumeration, places=places))


def without_sweep(cursor: QuickBooksCursor, kind: Kind) -> QuickBooksCursor:
    """The cursor after a kind's ids have been compared."""
    enumeration = cursor.enumeration
    assert enumeration is not None
    rest = tuple(other for other in enumeration.sweeps if other is not kind)
    return msgspec.structs.replace(cursor, enumeration=msgspec.structs.replace(enumeration, sweeps=rest))


def with_finished_enumeration(cursor: QuickBooksCursor, overlap: timedelta) -> QuickBooksCursor:
    """The cursor when an enumeration is done: changes are followed from a little before its start.

    The watermark never goes back, and an enumeration of a few kinds (careful, after a failed count) does not move
    it forward for the others.
    """
    enumeration = cursor.enumeration
    assert enumeration is not None
    assert not enumeration.places
    assert not enumeration.sweeps
    begun = enumeration.begun - overlap
    done = msgspec.structs.replace(cursor, enumeration=None)
    if cursor.watermark is None:
        return msgspec.structs.replace(done, watermark=begun, complete_at=enumeration.begun, customers_since=begun)
    if enumeration.careful or begun <= cursor.watermark:
        return done
    return msgspec.structs.replace(done, watermark=begun, complete_at=enumeration.begun)


def with_set_aside(
    cursor: QuickBooksCursor, kind: Kind, *, bad: Iterable[str], good: Iterable[str]
) -> QuickBooksCursor:
    """The cursor after some records of a kind could not be understood, and others now could."""
    before = cursor.set_aside.get(kind, ())
    readable = set(good) if before else set()
    after = tuple(sorted({*(id_ for id_ in before if id_ not in readable), *bad}))[:_MOST_SET_ASIDE]
    if after == before:
        return cursor
    others: Mapping[Kind, tuple[str, ...]] = {k: ids for k, ids in cursor.set_aside.items() if k is not kind}
    return msgspec.structs.replace(cursor, set_aside={**others, kind: after} if after else dict(others))
