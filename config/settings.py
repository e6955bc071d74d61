"""The settings of a Tieout installation: one TOML file, overridden by `TIEOUT_<SECTION>__<KEY>` variables.

Nothing here is a secret; `config.secret_lookup` finds those. `load_settings` answers with a whole, frozen value
or names every problem of the file at once; it opens no database and sends nothing.
"""

import difflib
import os
import tomllib
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from config.alert_settings import AlertSettings, ChannelSettings, channel_disagreements
from config.complaints import (
    ConfigurationError,
    configuration_error,
    dotted,
    environment_name,
    problems_from_errors,
    shown,
)
from config.daemon_settings import DaemonSettings
from mappings.problems import Problem, problem

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_QUICKBOOKS_HOSTS = {
    "production": "quickbooks.api.intuit.com",
    "sandbox": "sandbox-quickbooks.api.intuit.com",
}
_DISCOVERY_HOST = "developer.intuit.com"
_LARGEST_FILE_BYTES = 1_000_000


def _check_alias(text: str) -> str:
    plain = text.isascii() and text.replace("-", "").replace("_", "").isalnum()
    if not plain or not text[0].isalnum() or len(text) > 40:
        raise ValueError("must be a short name of letters, digits, - and _: it is part of commands and variables")
    return text


def _check_timezone(text: str) -> str:
    known = zoneinfo.available_timezones()
    if text in known:
        return text
    nearest = difflib.get_close_matches(text, known, n=1, cutoff=0.6)
    advice = f'did you mean "{nearest[0]}"?' if nearest else 'write one like "America/New_York"'
    raise ValueError(f"is not a time zone of the IANA list: {advice}")


def _check_realm(text: str) -> str:
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise ValueError("must be QuickBooks' company id, digits only (Settings › Additional info in QuickBooks)")
    return text


def _check_word(text: str) -> str:
    if not text.strip() or text != text.strip() or not text.isprintable():
        raise ValueError("must not be empty, nor start or end with a space")
    return text


def web_address(text: str) -> SplitResult:
    """The parts of an address that secrets may be sent to. Raises `ValueError` with what to write instead."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not a web address: write https://host/path") from None
    if parts.scheme not in ("http", "https") or not host or not text.isprintable() or " " in text:
        raise ValueError("is not a web address: write https://host/path")
    if parts.username or parts.password:
        raise ValueError("must not hold a user name or password")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ValueError("would send secrets unencrypted: write https:// (http:// is for this machine only)")
    return parts


def _check_address(text: str) -> str:
    web_address(text)
    return text.rstrip("/")


def _check_origin(text: str) -> str:
    if not text:
        return text
    parts = web_address(text)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f'must be the origin only: write "{parts.scheme}://{parts.netloc}"')
    return f"{parts.scheme}://{parts.netloc}"


def _check_optional_address(text: str) -> str:
    if text:
        web_address(text)
    return text


def _check_store(text: str) -> str:
    scheme = text.partition("://")[0]
    if "://" not in text or scheme not in ("sqlite", "postgresql", "postgresql+psycopg", "sqlite+pysqlite"):
        raise ValueError('must be "sqlite:///tieout.db" or "postgresql://user@host/database"')
    return text


Word = Annotated[str, AfterValidator(_check_word)]


class _Section(BaseModel):
    """A section of the file: frozen, and a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class StoreSettings(_Section):
    """Where the state is kept. A relative SQLite path is relative to the configuration file."""

    url: Annotated[str, AfterValidator(_check_store)] = "sqlite:///tieout.db"


class SecretsSettings(_Section):
    """Where secret files lie, beside `$CREDENTIALS_DIRECTORY`; a relative path is relative to the file."""

    directory: Word = "secrets"


class QuickBooksSettings(_Section):
    """One QuickBooks Online company and the Intuit app that reads it."""

    realm_id: Annotated[
        str, Field(coerce_numbers_to_str=True), AfterValidator(_check_realm), Field(examples=["9130347"])
    ]
    environment: Literal["production", "sandbox"] = "production"
    client_id: Annotated[Word, Field(examples=["the client id of your Intuit app"])]
    base_url: Annotated[str, AfterValidator(_check_origin)] = ""
    discovery_url: Annotated[str, AfterValidator(_check_optional_address)] = ""
    redirect_url: Annotated[str, AfterValidator(_check_address)] = "http://localhost:8484/callback"
    monthly_call_budget: Annotated[int, Field(ge=1)] = 500_000


class BigTimeSettings(_Section):
    """One BigTime firm."""

    firm: Annotated[Word, Field(examples=["abc3-4567-fgr4"])]
    base_url: Annotated[str, AfterValidator(_check_address)] = "https://iq.bigtime.net/BigtimeData/api/v2"
    history_start: date = date(2023, 1, 1)
    user_id: str = ""
    calls_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 25
    reread_hours: Annotated[int, Field(ge=1, le=24 * 31)] = 24


class CompanySettings(_Section):
    """One company: a QuickBooks realm and a BigTime firm that belong together."""

    alias: Annotated[str, AfterValidator(_check_alias), Field(examples=["acme"], min_length=1)]
    timezone: Annotated[str, AfterValidator(_check_timezone)] = "America/New_York"
    quickbooks: QuickBooksSettings
    bigtime: BigTimeSettings


class RuleSettings(_Section):
    """What the firm counts as normal."""

    grace_hours: Annotated[int, Field(ge=0, le=24 * 60)] = 24
    duplicate_window_days: Annotated[int, Field(ge=0, le=366)] = 7
    stale_credit_days: Annotated[int, Field(ge=0, le=3660)] = 30


class VocabularySettings(_Section):
    """The words that BigTime uses for things; an empty list stands for the built-in words."""

    account_credit: tuple[Word, ...] = ("AccountCredit", "Account Credit")
    posted: tuple[Word, ...] = ("Posted",)
    money: tuple[Word, ...] = ()
    credit_memo: tuple[Word, ...] = ()
    not_posted: tuple[str, ...] = ()


class WorkerSettings(_Section):
    """How a worker behaves: how long it may hold a company in silence, how long it waits for an answer."""

    lease_seconds: Annotated[int, Field(ge=30, le=86_400)] = 300
    request_deadline_seconds: Annotated[int, Field(ge=1, le=600)] = 120


class LoggingSettings(_Section):
    """What is written to standard error beside the progress."""

    level: Literal["debug", "info", "warning", "error"] = "warning"
    format: Literal["text", "json"] = "text"


class Settings(BaseSettings):
    """Everything that `tieout.toml` says. `companies` have distinct aliases, realms and firms."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix="TIEOUT_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
    )

    store: StoreSettings = StoreSettings()
    secrets: SecretsSettings = SecretsSettings()
    companies: Annotated[tuple[CompanySettings, ...], Field(min_length=1)]
    rules: RuleSettings = RuleSettings()
    bigtime_vocabulary: VocabularySettings = VocabularySettings()
    worker: WorkerSettings = WorkerSettings()
    daemon: DaemonSettings = DaemonSettings()
    logging: LoggingSettings = LoggingSettings()
    alerts: AlertSettings = AlertSettings()
    channels: tuple[ChannelSettings, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file; there are no other sources."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    def company(self, alias: str | None) -> CompanySettings:
        """The company of that alias; None means the only one.

        Raises: `ConfigurationError` when there is no such company, or several and none is named.
        """
        names = [company.alias for company in self.companies]
        if alias is None:
            if len(self.companies) == 1:
                return self.companies[0]
            raise configuration_error("--company", f"there are several companies: name one of {', '.join(names)}")
        for company in self.companies:
            if company.alias == alias:
                return company
        nearest = difflib.get_close_matches(alias, names, n=1)
        advice = f'did you mean "{nearest[0]}"?' if nearest else f"the configuration has {', '.join(names)}"
        raise configuration_error("--company", f"no company is called {shown(alias)}: {advice}")


def load_settings(path: Path) -> Settings:
    """The settings of a file, with its relative paths made absolute.

    Raises: `ConfigurationError` naming all problems at once: unknown keys, wrong values, secrets in the file,
    two companies with one realm, an environment that does not fit its address.
    """
    raw = _read(path)
    problems = list(_disagreements(raw))
    try:
        settings = Settings(**raw)
    except SettingsError as error:
        raise configuration_error("environment", f"{error}: it must be JSON") from None
    except ValidationError as error:
        problems = problems_from_errors(error, Settings, raw) + problems
    if problems:
        raise ConfigurationError(str(path), problems)
    return _anchored(settings, path.absolute().parent)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE_BYTES + 1)
    except FileNotFoundError:
        raise configuration_error(
            path, "there is no such file: `tieout init` writes one, or name yours with --config or TIEOUT_CONFIG"
        ) from None
    except OSError as error:
        raise configuration_error(path, f"cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST_FILE_BYTES:
        raise configuration_error(path, "is larger than 1 MB: this is not a configuration file")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise configuration_error(path, "is not UTF-8 text: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise configuration_error(path, f"is not valid TOML: {error}") from None


def _disagreements(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong between values that are right by themselves; looks at the file as it stands."""
    store = raw.get("store")
    url = store.get("url") if isinstance(store, Mapping) else None
    if isinstance(url, str) and _password_of(url):
        yield problem("store.url", "", "holds a password: leave it out here and set TIEOUT_STORE_PASSWORD")
    companies = raw.get("companies")
    tables = [table for table in companies if isinstance(table, Mapping)] if isinstance(companies, list) else []
    for index, table in enumerate(tables):
        quickbooks = table.get("quickbooks")
        if isinstance(quickbooks, Mapping):
            yield from _address_disagreements(index, quickbooks)
    yield from channel_disagreements(raw)
    yield from _repeated(tables, "alias", lambda table: environment_name(str(table.get("alias", ""))))
    yield from _repeated(tables, "quickbooks.realm_id", lambda table: _inner(table, "quickbooks", "realm_id"))
    yield from _repeated(tables, "bigtime.firm", lambda table: _inner(table, "bigtime", "firm"))


def _inner(table: Mapping[str, Any], section: str, key: str) -> str:
    part = table.get(section)
    return str(part.get(key, "")) if isinstance(part, Mapping) else ""


def _password_of(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


def _repeated(tables: list[Mapping[str, Any]], key: str, name_of: Any) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, table in enumerate(tables):
        name = name_of(table)
        if name and name in seen:
            where = f"{dotted(['companies', index])}.{key}"
            yield problem(where, shown(name), f"is already that of companies[{seen[name]}]: each company needs its own")
        seen.setdefault(name, index)


def _address_disagreements(index: int, quickbooks: Mapping[str, Any]) -> Iterator[Problem]:
    """An environment and addresses that belong to different worlds would send real tokens to the wrong place."""
    where = f"companies[{index}].quickbooks"
    environment = quickbooks.get("environment", "production")
    base, discovery = str(quickbooks.get("base_url", "")), str(quickbooks.get("discovery_url", ""))
    wrong = {"production": "sandbox", "sandbox": "production"}.get(str(environment), "")
    if wrong and _host(base) == _QUICKBOOKS_HOSTS[wrong]:
        yield problem(f"{where}.base_url", shown(base), f'is the {wrong} address: write environment = "{wrong}"')
    of_sandbox = _host(discovery) == _DISCOVERY_HOST and discovery.rstrip("/").endswith("sandbox_configuration")
    if environment == "production" and of_sandbox:
        yield problem(f"{where}.discovery_url", shown(discovery), 'is the sandbox\'s: write environment = "sandbox"')
    elsewhere = bool(base) and _host(base) not in _QUICKBOOKS_HOSTS.values()
    if elsewhere and not discovery:
        yield problem(
            f"{where}.discovery_url", "", "is missing: a base_url of your own needs the OAuth discovery address, too"
        )


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _anchored(settings: Settings, folder: Path) -> Settings:
    """The same settings with paths that do not depend on the directory the program is started in."""
    url, directory = settings.store.url, settings.secrets.directory
    for scheme in ("sqlite:///", "sqlite+pysqlite:///"):
        rest = url.removeprefix(scheme)
        if rest not in (url, "") and not rest.startswith((":memory:", "file:")):
            url = f"sqlite:///{folder / Path(rest).expanduser()}"
            break
    directory = str(folder / Path(directory).expanduser())
    return settings.model_copy(
        update={"store": StoreSettings(url=url), "secrets": SecretsSettings(directory=directory)}
    )


def settings_path(given: str | None) -> Path:
    """Which file holds the settings: the one given, else `TIEOUT_CONFIG`, else `./tieout.toml`."""
    return Path(given or os.environ.get("TIEOUT_CONFIG") or "tieout.toml")
