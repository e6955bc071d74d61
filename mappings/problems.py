"""Bad data as a value: a record that cannot be understood is reported, and the run goes on."""

import msgspec


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something in a record that we refuse to guess about.

    `where` is a path inside the record (`Line[2].Amount`), `value` the offending text, cut to 200 characters
    and safe to show; `sentence` says what is wrong and what the reader can do. A `Problem` never holds a
    whole record: the raw text is kept apart, as evidence.
    """

    where: str
    value: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.where}: {self.sentence} (found {self.value!r})"


def problem(where: str, value: object, sentence: str) -> Problem:
    """A `Problem` with its value cut to a length that is safe in a log line and a table cell."""
    text = str(value)
    return Problem(where=where, value=text if len(text) <= 200 else text[:197] + "...", sentence=sentence)
