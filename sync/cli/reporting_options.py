"""The options that every report has, and the question they ask."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click
import msgspec

from config.complaints import configuration_error
from mappings.problems import problem
from sync.reports.scope import Dating, Scope

Command = TypeVar("Command", bound=Callable[..., Any])
AS_OF = click.option("--as-of", metavar="MOMENT", help="As it was known then: 2026-11-02 or 2026-11-02T09:00:00Z.")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked on the command line, as it was written; "" for what was not said."""

    month: str = ""
    first: str = ""
    last: str = ""
    as_of: str = ""
    client: str = ""
    currency: str = ""
    dates: str = ""
    account: str = ""

    def parameters(self) -> dict[str, str]:
        """What was asked, without the moment: a report that is asked for again as of its own moment is the same."""
        given = {
            "month": self.month,
            "from": self.first,
            "to": self.last,
            "client": self.client,
            "currency": self.currency,
            "dates": self.dates,
            "account": self.account,
        }
        return {name: value for name, value in given.items() if value}

    def by_month(self) -> "Question":
        """The same question, by its month when its period is the first to the last day of one.

        Raises: `ConfigurationError` for a day that cannot be read.
        """
        first, last = _day(self.first, "--from"), _day(self.last, "--to")
        if self.month or first is None or last is None or month_of(f"{first:%Y-%m}") != (first, last):
            return self
        return msgspec.structs.replace(self, month=f"{first:%Y-%m}", first="", last="")

    def scope(self, company: str, timezone: ZoneInfo, judged_at: datetime) -> Scope:
        """The scope that is asked for, told as of the last run unless an earlier moment is named.

        Raises: `ConfigurationError` for a month, day, moment or currency that cannot be read, or a period without days.
        """
        first, last = (_day(self.first, "--from"), _day(self.last, "--to"))
        if self.month:
            if self.first or self.last:
                raise configuration_error("--month", "stands alone: leave out --from and --to")
            first, last = month_of(self.month)
        if first is not None and last is not None and last < first:
            raise configuration_error("--to", f"{last.isoformat()} is before --from {first.isoformat()}")
        as_of = moment_from(self.as_of, timezone) if self.as_of else judged_at
        return Scope(
            company=company,
            as_of=min(as_of, judged_at),
            timezone=timezone,
            first=first,
            last=last,
            client=self.client,
            currency=_currency(self.currency),
            account=self.account,
            dating=Dating(self.dates or Dating.CAME),
        )


def report_options(command: Command) -> Command:
    """Give a command the options of a report, as one argument `question`."""
    for option in (
        click.option(
            "--dates",
            type=click.Choice([str(dating) for dating in Dating]),
            help="Which day decides the month: when an application came into being (the default), the date that the "
            "transaction has in the books, or the day on which we could first know it.",
        ),
        click.option("--currency", metavar="CODE", help="Only amounts in this currency."),
        click.option("--client", metavar="CLIENT", help="Only this client, by name or id."),
        AS_OF,
        click.option("--to", "last", metavar="DAY", help="The last day of the period."),
        click.option("--from", "first", metavar="DAY", help="The first day of the period."),
        click.option("--month", metavar="YYYY-MM", help="The period is this month."),
    ):
        command = option(command)
    return command


def question_from(options: dict[str, Any]) -> Question:
    """The question in a command's options; takes them out of `options`."""
    return Question(**{name: options.pop(name, None) or "" for name in Question.__struct_fields__})


def month_of(text: str) -> tuple[date, date]:
    """The first and last day of a month written as 2026-10. Raises: `ConfigurationError`."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise configuration_error("--month", f"{_shown(text)} is not a month: write it as 2026-10") from None
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _day(text: str, option: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise configuration_error(option, f"{_shown(text)} is not a day: write it as 2026-10-31") from None


def _currency(text: str) -> str:
    """The code in capitals; "" when none was named."""
    code = text.strip().upper()
    if text and not (len(code) == len("USD") and code.isascii() and code.isalpha()):
        raise configuration_error("--currency", f"{_shown(text)} is not a currency: write its code, as USD")
    return code


def moment_from(text: str, timezone: ZoneInfo) -> datetime:
    """The moment of `--as-of`; a day alone is its evening in the company's time zone. Raises: `ConfigurationError`."""
    try:
        if len(text) == len("2026-10-31"):
            following = date.fromisoformat(text) + timedelta(days=1)
            midnight = datetime.combine(following, time(), tzinfo=timezone)
            return midnight.astimezone(UTC) - timedelta(microseconds=1)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise configuration_error(
            "--as-of", f"{_shown(text)} is not a moment: write it as 2026-11-02 or 2026-11-02T09:00:00Z"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone)).astimezone(UTC)


def _shown(text: str) -> str:
    return repr(problem("", text, "").value)
