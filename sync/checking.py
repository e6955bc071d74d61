"""Is everything there that a run needs? Each part is tried, and what is wrong with it is said for all of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

import msgspec

from config.complaints import ConfigurationError, configuration_error
from connectors.errors import ConnectorError, handling_of
from mappings.bigtime import invoice_from_bigtime, payments_from_bigtime
from mappings.model import Invoice, Method, Payment, Posted
from mappings.quickbooks import MappedRecord
from mappings.vocabulary import Vocabulary
from state.errors import StoreError
from sync.exit_codes import ExitCode

# How far back the words of BigTime are looked for; one call each for invoices and payments.
_LOOK_BACK = timedelta(days=60)
_LONGEST_WORD = 40


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One part that was tried. `exit_code` is 0 when it works; `detail` is what was found, or what to do."""

    name: str
    detail: str
    exit_code: ExitCode = ExitCode.CLEAN

    @property
    def works(self) -> bool:
        """Whether nothing has to be done about it."""
        return self.exit_code is ExitCode.CLEAN


def attempt(name: str, work: Callable[[], str]) -> Check:
    """Try one part. `work` answers what it found; an expected error becomes a check that failed."""
    try:
        return Check(name=name, detail=work())
    except ConnectorError as error:
        return Check(name=name, detail=str(error), exit_code=ExitCode(handling_of(error).exit_code))
    except (ConfigurationError, StoreError) as error:
        return Check(name=name, detail=str(error), exit_code=ExitCode.USAGE)


def worst(checks: Iterable[Check]) -> ExitCode:
    """The exit code of a command that made these checks: configuration first, then reconnecting, then the rest."""
    found = {check.exit_code for check in checks}
    order = (ExitCode.USAGE, ExitCode.RECONNECT, ExitCode.NOT_UNDERSTOOD, ExitCode.INCOMPLETE)
    return next((code for code in order if code in found), ExitCode.CLEAN)


def look_back(today: date) -> tuple[date, date]:
    """The days whose records show which words BigTime uses."""
    return today - _LOOK_BACK, today


def describe_words(invoices: Sequence[bytes], payments: Sequence[bytes], vocabulary: Vocabulary) -> str:
    """The words that BigTime uses for payments and posting, and which of them nobody has configured.

    Raises: `ConfigurationError` naming the unknown words.
    """
    mapped = [invoice_from_bigtime(raw, vocabulary, "USD", is_draft=False) for raw in invoices]
    records = (*mapped, *payments_from_bigtime(payments, vocabulary, "USD"))
    rows = [record.content for record in records if isinstance(record, MappedRecord)]
    methods = Counter(row.method_name for row in rows if isinstance(row, Payment))
    states = Counter(row.posted_status for row in rows if isinstance(row, Invoice))
    unknown = [
        *(f'payment type "{_word(word)}"' for word in methods if vocabulary.method_of(word) is Method.UNKNOWN),
        *(f'posting state "{_word(word)}"' for word in states if vocabulary.posted_of(word) is Posted.UNKNOWN),
    ]
    if unknown:
        sentence = f"does not know {', '.join(sorted(unknown)[:8])}: put each word into the list it belongs to"
        raise configuration_error("[bigtime_vocabulary]", sentence)
    return f"payment types {_counted(methods)}; posting states {_counted(states)}"


def _counted(words: Counter[str]) -> str:
    return ", ".join(f'"{_word(word)}" {count}x' for word, count in words.most_common(6)) or "none seen"


def _word(word: str) -> str:
    return word if len(word) <= _LONGEST_WORD else word[: _LONGEST_WORD - 1] + "…"
