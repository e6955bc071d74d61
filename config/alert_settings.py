"""The settings of alerts: what is news for the team, when its morning is, and where messages go."""

import difflib
import zoneinfo
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from config.complaints import environment_name, shown
from mappings.problems import Problem, problem

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
SeverityName = Literal["S1", "S2", "S3", "S4"]
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_OF_EMAIL = ("host", "sender", "recipients")


def _check_timezone(text: str) -> str:
    known = zoneinfo.available_timezones()
    if text in known:
        return text
    nearest = difflib.get_close_matches(text, known, n=1, cutoff=0.6)
    advice = f'did you mean "{nearest[0]}"?' if nearest else 'write one like "America/New_York"'
    raise ValueError(f"is not a time zone of the IANA list: {advice}")


def _check_amount(text: str) -> str:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError('must be an amount of money in quotes: write "10000"') from None
    if not amount.is_finite() or amount <= 0:
        raise ValueError("must be more than nothing")
    return text


def _check_name(text: str) -> str:
    plain = text.isascii() and text.replace("-", "").replace("_", "").isalnum()
    if not plain or not text[0].isalnum() or len(text) > 40:
        raise ValueError("must be a short name of letters, digits, - and _: it is part of commands and variables")
    return text


def _check_mail_address(text: str) -> str:
    local, _, domain = text.rstrip(">").rpartition("<")[2].rpartition("@")
    if not local or not domain or not text.isprintable() or "," in text or " " in f"{local}{domain}":
        raise ValueError('must be one mail address: write "books@example.com" or "Books <books@example.com>"')
    return text


MailAddress = Annotated[str, AfterValidator(_check_mail_address)]


class _Section(BaseModel):
    """A section of the file: frozen, and a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class AlertSettings(_Section):
    """What is news, and when it is told."""

    timezone: Annotated[str, AfterValidator(_check_timezone)] = "America/New_York"
    digest_hour: Annotated[int, Field(ge=0, le=23)] = 8
    digest_days: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri")
    quiet_day: Weekday = "mon"
    min_severity: SeverityName = "S2"
    repeat_hours: Annotated[int, Field(ge=0, le=24 * 90)] = 72
    large_exposure: Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_check_amount)] = "10000"
    group_seconds: Annotated[int, Field(ge=0, le=86_400)] = 60
    burst: Annotated[int, Field(ge=1, le=1_000)] = 5
    outage_minutes: Annotated[int, Field(ge=0, le=7 * 24 * 60)] = 60
    stale_hours: Annotated[int, Field(ge=1, le=24 * 31)] = 26


class ChannelSettings(_Section):
    """One place that alerts go to. Its secret is found by its name: see `config.secret_lookup`."""

    name: Annotated[str, AfterValidator(_check_name), Field(examples=["bookkeeping"], min_length=1)]
    kind: Annotated[Literal["email", "slack", "apprise"], Field(examples=["email"])]
    companies: tuple[str, ...] = ()
    min_severity: SeverityName | None = None
    digest: bool = True
    only_reminders: bool = False
    host: str = ""
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    sender: MailAddress | Literal[""] = ""
    recipients: tuple[MailAddress, ...] = ()


def channel_disagreements(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong between values of channels that are right by themselves; looks at the file as it stands."""
    channels = raw.get("channels")
    tables = channels if isinstance(channels, list) else []
    companies = raw.get("companies")
    aliases = {
        str(company.get("alias"))
        for company in (companies if isinstance(companies, list) else [])
        if _is_table(company)
    }
    seen: dict[str, int] = {}
    for index, table in enumerate(tables):
        if not _is_table(table):
            continue
        where = f"channels[{index}]"
        name = environment_name(str(table.get("name", "")))
        if name and name in seen:
            yield problem(f"{where}.name", shown(table.get("name")), f"is already that of channels[{seen[name]}]")
        seen.setdefault(name, index)
        yield from _mail_disagreements(where, table)
        for alias in table.get("companies", []) if isinstance(table.get("companies"), list) else []:
            if str(alias) not in aliases:
                yield problem(f"{where}.companies", shown(alias), "is not the alias of a company")


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _mail_disagreements(where: str, table: Mapping[str, Any]) -> Iterator[Problem]:
    if table.get("kind") != "email":
        for key in (*_OF_EMAIL, "port", "security", "username"):
            if key in table and table.get("kind") in ("slack", "apprise"):
                yield problem(f"{where}.{key}", "", "is for e-mail only: remove the line")
        return
    for key in _OF_EMAIL:
        if not table.get(key):
            yield problem(f"{where}.{key}", "", "is missing: an e-mail channel needs host, sender and recipients")
    if table.get("security") == "none" and table.get("host") not in _LOOPBACK:
        yield problem(f"{where}.security", '"none"', 'is for a mail server on this machine only: write "starttls"')
