"""How a mapping gives up on a record: inside by `Refused`, at its edge as a `Problem` value.

Only the two mapping modules use it. `Refused` never leaves them: a caller sees a mapped record or a `Problem`.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

import msgspec

from mappings.model import Content
from mappings.money import minor_digits, minor_from_decimal
from mappings.problems import Problem, problem

# With fewer digits before the point no currency's minor units overflow 64 bits, so the exact short cut is taken.
_SAFE_DIGITS = 14
_ID = re.compile(r"[A-Za-z0-9._+-]{1,64}")
# What decoding or mapping hostile text can raise: malformed JSON and wrong types, bad UTF-8 and numbers beyond the
# interpreter's limit, nesting beyond the stack, dates beyond the calendar.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError, InvalidOperation)


class Refused(Exception):  # noqa: N818 - not an error: the mapping's way out with a `Problem` in hand
    """A record says something that we refuse to guess about."""

    def __init__(self, found: Problem) -> None:
        super().__init__(str(found))
        self.problem = found


def refuse(where: str, value: object, sentence: str) -> Refused:
    """What to raise when a value cannot be read."""
    return Refused(problem(where, value, sentence))


def whole_minor(amount: Decimal, currency: str, where: str) -> int:
    """The amount in whole minor units, by the rules of `mappings.money.minor_from_decimal`.

    Raises: `Refused` when it is not an exact amount of the currency.
    """
    if amount.is_finite() and amount.adjusted() < _SAFE_DIGITS:
        scaled = amount.scaleb(minor_digits(currency))
        minor = int(scaled)
        if minor == scaled:
            return minor
    result = minor_from_decimal(amount, currency, where)
    if isinstance(result, Problem):
        raise Refused(result)
    return result


def checked_id(text: str, where: str) -> str:
    """The id, when it looks like one: up to 64 letters, digits, and `._+-`.

    Raises: `Refused` otherwise; an id ends up in keys, commands and reports.
    """
    if _ID.fullmatch(text) is None:
        raise refuse(where, text, "is not an id: expected up to 64 letters and digits")
    return text


def utc(moment: datetime | None, where: str) -> datetime | None:
    """The moment in UTC.

    Raises: `Refused` for a time without an offset: it could be any of 26 hours.
    """
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise refuse(where, moment, "has no offset from UTC: the time it means is not known")
    return moment.astimezone(UTC)


def unreadable(error: Exception) -> Problem:
    """The problem that an exception of `UNREADABLE` stands for; never holds the text that was being read."""
    sentence, _, path = str(error).partition(" - at `$")
    where = path.strip("`.") or "record"
    if isinstance(error, RecursionError):
        return problem(where, "", "is nested too deeply: the record is set aside")
    if isinstance(error, msgspec.ValidationError):
        return problem(where, "", f"does not have the form we know ({sentence}): the record is set aside")
    return problem(where, "", "is not valid JSON text in UTF-8: the record is set aside")


def refuse_nul(content: Content) -> None:
    """Stops a content with the character NUL in a field that we keep: no database column can hold it.

    Raises: `Refused`.
    """
    if _has_nul(content):
        raise refuse("record", "", "contains the character NUL: it is set aside")


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, msgspec.Struct):
        return any(_has_nul(part) for part in msgspec.structs.astuple(value))
    return isinstance(value, tuple) and any(_has_nul(part) for part in value)


def iso(on_date: date | None) -> str:
    """The date as text; "" for none."""
    return on_date.isoformat() if on_date else ""
