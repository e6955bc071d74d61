"""Where secrets come from: the environment, then a directory of files. They never stand in the settings.

pydantic-settings' own secrets directory knows one value per field; ours differ per company, hence this lookup.
A secret's value never appears in an exception, a repr or a log of this module.
"""

import base64
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from pydantic import SecretStr

from config.complaints import configuration_error, environment_name

_LARGEST_SECRET_BYTES = 16_384
_KEY_BYTES = 32


class SecretName(StrEnum):
    """The secrets that Tieout knows; the value is the part of a variable's or file's name after `TIEOUT_`."""

    QUICKBOOKS_CLIENT_SECRET = "QUICKBOOKS_CLIENT_SECRET"  # noqa: S105 - a name: the secret of the Intuit app
    BIGTIME_API_TOKEN = "BIGTIME_API_TOKEN"  # noqa: S105 - a name: of a BigTime user who sees all
    BIGTIME_PASSWORD = "BIGTIME_PASSWORD"  # noqa: S105 - a name: of the user in companies.bigtime.user_id
    ENCRYPTION_KEY = "ENCRYPTION_KEY"  # 32 bytes in base64; earlier keys may follow it, after a space
    STORE_PASSWORD = "STORE_PASSWORD"  # noqa: S105 - a name: of the PostgreSQL user in store.url
    SMTP_PASSWORD = "SMTP_PASSWORD"  # noqa: S105 - a name: of the user in channels.username
    SLACK_WEBHOOK_URL = "SLACK_WEBHOOK_URL"  # the address is the secret
    APPRISE_URL = "APPRISE_URL"  # an address of Apprise holds the secrets of the service
    QUICKBOOKS_WEBHOOK_TOKEN = "QUICKBOOKS_WEBHOOK_TOKEN"  # noqa: S105 - a name: the app's verifier token


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret and the place where it was found, which may be shown.

    `path` is its file when that is ours to replace; None for a variable, and for what the service manager provides.
    """

    value: SecretStr
    source: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class SecretLookup:
    """Finds secrets by name and company: `TIEOUT_<NAME>_<ALIAS>`, `TIEOUT_<NAME>`, then files of these names.

    `directories` are searched in their order. `environ` is read at each lookup, so that a replaced value is seen.
    A file's name may leave out the `TIEOUT_`, and may be in lower case.
    """

    environ: Mapping[str, str]
    directories: tuple[Path, ...]

    def find(self, name: SecretName, alias: str | None = None) -> Secret | None:
        """The first of the places that has the secret; None when none has. An empty value counts as none.

        Raises: `ConfigurationError` when a secret file can be read by other users, or not by us.
        """
        variables = [f"TIEOUT_{name}"]
        if alias is not None:
            variables.insert(0, f"TIEOUT_{name}_{environment_name(alias)}")
        for variable in variables:
            value = self.environ.get(variable, "").strip()
            if value:
                return Secret(SecretStr(value), f"environment variable {variable}")
        for path in self._files(variables):
            is_guarded = self._is_credentials_directory(path.parent)
            value = _read_secret(path, guarded=is_guarded)
            if value:
                return Secret(SecretStr(value), f"file {path}", None if is_guarded else path)
        return None

    def require(self, name: SecretName, alias: str | None = None, *, advice: str) -> Secret:
        """The secret. Raises: `ConfigurationError` saying every place that was searched, and `advice`."""
        found = self.find(name, alias)
        if found is not None:
            return found
        variables = f"TIEOUT_{name}" if alias is None else f"TIEOUT_{name}_{environment_name(alias)} or TIEOUT_{name}"
        places = " or ".join(str(directory) for directory in self.directories)
        place = f" nor a file of that name in {places}" if places else ""
        raise configuration_error(name.replace("_", " ").capitalize(), f"there is no {variables}{place}: {advice}")

    def _files(self, variables: list[str]) -> Iterator[Path]:
        for variable in variables:
            plain = variable.removeprefix("TIEOUT_")
            for directory in self.directories:
                for name in (variable, plain, variable.lower(), plain.lower()):
                    path = _place(directory, name)
                    if path.is_file():
                        yield path

    def _is_credentials_directory(self, directory: Path) -> bool:
        given = self.environ.get("CREDENTIALS_DIRECTORY")
        return bool(given) and Path(str(given)) == directory


@lru_cache(maxsize=512)
def _place(directory: Path, name: str) -> Path:
    """The same path each time: a new one enters its parts into Python's table of names, which grows as it wears out."""
    return directory / name


def secret_lookup(configured: str, environ: Mapping[str, str]) -> SecretLookup:
    """The lookup in `$CREDENTIALS_DIRECTORY`, where systemd puts secrets, and then in the configured directory.

    Source: systemd.exec(5), `LoadCredential=`.
    """
    places = (environ.get("CREDENTIALS_DIRECTORY", ""), configured)
    return SecretLookup(environ, tuple(Path(place) for place in places if place))


def new_encryption_key() -> str:
    """A fresh random key in the form in which it is configured."""
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode("ascii")


def write_secret(path: Path, value: str) -> None:
    """Put a secret into a new file that only its owner can read, in a directory that only its owner can enter.

    Raises: `FileExistsError` when the file is there: a key is never overwritten.
    Side effects: makes the directory.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(value + "\n")
        file.flush()
        os.fsync(file.fileno())


def replace_secret(path: Path, value: str) -> None:
    """Put a secret in the place of an earlier one: a reader sees the one or the other, and a crash leaves one of them.

    Raises: `ConfigurationError` when somebody else is at it, or was cut off: `….new` is then there.
    """
    beside = path.with_name(f"{path.name}.new")
    try:
        write_secret(beside, value)
    except FileExistsError:
        raise configuration_error(
            beside, "is there already: another rotation is going on, or broke off; remove the file if none is"
        ) from None
    beside.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_secret(path: Path, *, guarded: bool) -> str:
    """The text of a secret file. `guarded`: the directory is the service manager's, who lets nobody else in."""
    try:
        mode = path.stat().st_mode
        if not guarded and os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            raise configuration_error(path, f"can be read by other users of this machine: run `chmod 600 {path}`")
        with path.open("rb") as file:
            content = file.read(_LARGEST_SECRET_BYTES + 1)
    except OSError as error:
        raise configuration_error(path, f"cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST_SECRET_BYTES:
        raise configuration_error(path, "is larger than 16 KB: this is not a secret")
    try:
        return content.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise configuration_error(path, "is not text: write the secret as it is, without any encoding") from None
