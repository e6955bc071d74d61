"""The parts of `tieout check` that ask the two systems: each system is asked once for what several lines say."""

from datetime import timedelta
from typing import Protocol

from config.complaints import configuration_error
from connectors.bigtime.reading import BigTimeReader
from connectors.quickbooks.reading import QuickBooksReader
from connectors.quickbooks.wire import Batch
from mappings.model import Kind, Preferences
from mappings.quickbooks import MappedRecord, content_from_quickbooks
from mappings.vocabulary import Vocabulary
from sync.checking import Check, attempt, describe_words, look_back
from sync.ports import Clock

# Tokens and change feeds are counted in seconds; what Intuit's own clock differs by passes in these.
_TOLERATED = timedelta(minutes=2)
_FEWER_PERCENT = 90  # of the clients seen before; with fewer, rights were probably lost


class Access(Protocol):
    """What is asked of a company's access."""

    def quickbooks_reader(self, clock: Clock) -> QuickBooksReader:
        """Reads the company's QuickBooks."""
        ...

    def check_quickbooks(self) -> str:
        """The name of the QuickBooks company."""
        ...

    def bigtime_reader(self, clock: Clock) -> BigTimeReader:
        """Reads the company's BigTime."""
        ...

    def check_bigtime(self) -> str:
        """How many clients BigTime shows."""
        ...


def check_quickbooks(access: Access, clock: Clock) -> tuple[Check, ...]:
    """The company that is reached, its settings, and whether its clock and ours agree."""
    reached = attempt("QuickBooks", access.check_quickbooks)
    if not reached.works:
        return reached, *(_not_tried(name, reached) for name in ("QuickBooks' settings", "clock"))
    answer: list[Batch] = []

    def settings() -> str:
        reader = access.quickbooks_reader(clock)
        try:
            answer.append(reader.fetch_preferences())
        finally:
            reader.meter.save()
        return _describe_settings(answer[0])

    found = attempt("QuickBooks' settings", settings)
    if not answer:
        return reached, found, _not_tried("clock", found)
    return reached, found, attempt("clock", lambda: describe_skew(answer[0].server_time - clock.now()))


def check_bigtime(access: Access, clock: Clock, vocabulary: Vocabulary, *, known_clients: int) -> tuple[Check, ...]:
    """The login, what its user may see, and the words that are in use; `known_clients` were seen before."""
    reached = attempt("BigTime", access.check_bigtime)
    if not reached.works:
        return reached, *(_not_tried(name, reached) for name in ("BigTime's rights", "BigTime's words"))
    rows: list[tuple[bytes, ...]] = []

    def rights() -> str:
        reader = access.bigtime_reader(clock)
        first, last = look_back(clock.now().date())
        rows.extend((tuple(reader.fetch_invoices(first, last)), tuple(reader.fetch_payments(first, last))))
        shown = len(reader.fetch_clients())
        if shown * 100 < known_clients * _FEWER_PERCENT:
            raise configuration_error(
                "BigTime",
                f"shows {shown} clients, {known_clients} were seen before: the user of the token has probably lost "
                "rights; give them back",
            )
        return f"shows {len(rows[0])} invoices and {len(rows[1])} payments of the last {(last - first).days} days"

    found = attempt("BigTime's rights", rights)
    if len(rows) < 2:
        return reached, found, _not_tried("BigTime's words", found)
    return reached, found, attempt("BigTime's words", lambda: describe_words(rows[0], rows[1], vocabulary))


def describe_skew(ahead: timedelta) -> str:
    """How far Intuit's clock is ahead of ours. Raises: `ConfigurationError` when that is too much."""
    seconds = round(abs(ahead).total_seconds())
    if abs(ahead) <= _TOLERATED:
        return f"agrees with Intuit's within {seconds} seconds"
    direction = "behind" if ahead > timedelta() else "ahead of"
    raise configuration_error(
        "clock",
        f"this machine's is {seconds // 60} minutes {direction} Intuit's: set it by NTP (`timedatectl set-ntp true`)",
    )


def _describe_settings(batch: Batch) -> str:
    if not batch.records:
        return "QuickBooks does not show them: warnings about automatic application are left out"
    mapped = content_from_quickbooks(Kind.PREFERENCES, batch.records[0])
    if not isinstance(mapped, MappedRecord) or not isinstance(mapped.content, Preferences):
        raise configuration_error("QuickBooks' settings", "cannot be understood: report this")
    settings = mapped.content
    applied = "applies credits by itself, which can put one on the wrong invoice" if settings.auto_apply_credit else ""
    closed = f"books closed until {settings.book_close_on}" if settings.book_close_on else "books not closed"
    return "; ".join(part for part in (applied, closed, settings.home_currency) if part)


def _not_tried(name: str, first: Check) -> Check:
    return Check(name=name, detail=f"not tried: {first.name} has to work first", exit_code=first.exit_code)
