"""Shows the books to whatever makes a report, and says what a reader must know before he trusts it."""

from collections.abc import Iterator

from config.complaints import ConfigurationError, configuration_error
from mappings.model import Book
from mappings.problems import problem
from sync.cli.application import ReportReader
from sync.reports.naming import near_names
from sync.reports.opened import OpenBook, open_books
from sync.reports.report import Reading, Report, Taker
from sync.reports.scope import Scope
from sync.reports.tying_out import TyingOut


def gather(reader: ReportReader, scope: Scope, taker: Taker) -> Reading:
    """Show every book that concerns the scope to the taker.

    Raises: `ConfigurationError` when no client, or no receivable account, has the name that was asked.
    """
    currencies: set[str] = set()
    accounts: dict[str, str] = {}
    is_known = not scope.client
    for opened in _opened(reader, scope):
        is_known = True
        accounts = opened.book.account_names
        if scope.currency:
            currencies |= currencies_of(opened.book)
        taker.add(opened)
    if not is_known:
        raise unknown_client(reader, scope)
    if scope.account and not _is_account(scope.account, accounts):
        raise _unknown_account(scope.account, accounts)
    return Reading(gaps=reader.gaps(scope.as_of), notes=tuple(_notes(scope, currencies)))


def tie_out(reader: ReportReader, scope: Scope) -> tuple[Report, Report]:
    """The tie-out by client and the findings behind it, of the reading that stands for the period's last moment."""
    reading = reader.reading_near(scope.ends_at, scope.as_of)
    tying = TyingOut(scope, reading, reader.lives(scope.as_of))
    for book in reader.report_books(reading.moment.now) if reading else ():
        tying.add(book)
    return tying.reports()


def _opened(reader: ReportReader, scope: Scope) -> Iterator[OpenBook]:
    return open_books(reader.report_books(scope.as_of), scope)


def currencies_of(book: Book) -> set[str]:
    """The currencies of a book's records."""
    contents = (version.content for history in book.histories for version in history.versions)
    return {currency for content in contents if (currency := getattr(content, "currency", ""))}


def unknown_client(reader: ReportReader, scope: Scope) -> ConfigurationError:
    """The complaint that no client is called so, with the names that may have been meant."""
    near = ", ".join(_quoted(name) for name in near_names(reader.report_books(scope.as_of), scope.client))
    advice = f"did you mean {near}?" if near else "write it as a system shows it"
    return configuration_error("--client", f"no client is called {_quoted(scope.client)}: {advice}")


def _is_account(asked: str, accounts: dict[str, str]) -> bool:
    return asked in accounts or asked.casefold() in {name.casefold() for name in accounts.values()}


def _unknown_account(asked: str, accounts: dict[str, str]) -> ConfigurationError:
    there = ", ".join(_quoted(name) for name in sorted(accounts.values()))
    advice = f"there are {there}" if there else "QuickBooks has not said which accounts there are"
    return configuration_error("--account", f"no receivable account is called {_quoted(asked)}: {advice}")


def _quoted(text: str) -> str:
    return repr(problem("", text, "").value)


def _notes(scope: Scope, currencies: set[str]) -> Iterator[str]:
    if scope.last is not None and not scope.is_over:
        yield (
            f"The period ends on {scope.last.isoformat()} and is told as of {scope.today.isoformat()}: "
            "what is still to come is not in it."
        )
    if scope.currency and scope.currency not in currencies:
        there = ", ".join(sorted(currencies)) or "nothing"
        yield f"There is nothing in {scope.currency}: the books have {there}."
