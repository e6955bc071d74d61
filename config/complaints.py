"""What is wrong with a configuration file: all of it at once, each with what to write instead.

A value is repeated in a sentence only when it cannot be a secret.
"""

import difflib
import re
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mappings.problems import Problem, problem

_SECRET_WORDS = ("secret", "token", "password", "passwd", "api_key", "apikey", "private_key", "encryption_key")
# Which secret a reader means who writes this key in the file.
_SECRET_NAMES = {
    "client_secret": "QUICKBOOKS_CLIENT_SECRET",
    "quickbooks_client_secret": "QUICKBOOKS_CLIENT_SECRET",
    "api_token": "BIGTIME_API_TOKEN",
    "api_key": "BIGTIME_API_TOKEN",
    "apikey": "BIGTIME_API_TOKEN",
    "token": "BIGTIME_API_TOKEN",
    "bigtime_api_token": "BIGTIME_API_TOKEN",
    "encryption_key": "ENCRYPTION_KEY",
    "smtp_password": "SMTP_PASSWORD",
    "webhook": "SLACK_WEBHOOK_URL",
    "webhook_url": "SLACK_WEBHOOK_URL",
    "slack_webhook_url": "SLACK_WEBHOOK_URL",
    "apprise_url": "APPRISE_URL",
}
# How a value of each kind is written; keyed by the error types of pydantic that a reader can meet.
_EXPECTED = {
    "string_type": "must be text: write it in double quotes",
    "int_type": "must be a whole number: write it without quotes",
    "int_parsing": "must be a whole number: write it without quotes",
    "int_from_float": "must be a whole number: write it without a decimal point",
    "bool_type": "must be true or false, without quotes",
    "bool_parsing": "must be true or false, without quotes",
    "date_type": "must be a date: write 2023-01-01, without quotes",
    "date_from_datetime_parsing": "must be a date: write 2023-01-01, without quotes",
    "date_from_datetime_inexact": "must be a date without a time: write 2023-01-01",
    "date_parsing": "must be a date: write 2023-01-01, without quotes",
    "tuple_type": 'must be a list: write ["first", "second"]',
    "list_type": 'must be a list: write ["first", "second"]',
    "model_type": "must be a section of its own: write its name in square brackets, then its keys",
    "model_attributes_type": "must be a section of its own: write its name in square brackets, then its keys",
    "dict_type": "must be a section of its own: write its name in square brackets, then its keys",
}


class ConfigurationError(Exception):
    """The configuration cannot be used; `problems` names every reason at once, the text is for a person.

    `source` is the file (or the thing) that has to be changed.
    """

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__(_format(source, self.problems))


def _format(source: str, problems: Sequence[Problem]) -> str:
    lines = [_line(found) for found in problems]
    if len(lines) == 1:
        return f"{source}: {lines[0]}"
    return "\n".join([f"{source} has {len(lines)} problems:", *(f"  {line}" for line in lines)])


def _line(found: Problem) -> str:
    shown = f" = {found.value}" if found.value else ""
    return f"{found.where}{shown}: {found.sentence}" if found.where else found.sentence


def configuration_error(source: str | Path, sentence: str, *, where: str = "", value: str = "") -> ConfigurationError:
    """A `ConfigurationError` of one sentence; `sentence` says what is wrong and what to do."""
    return ConfigurationError(str(source), [problem(where, value, sentence)])


def looks_secret(key: str) -> bool:
    """Whether a key's name says that its value must not be shown or kept in the file."""
    plain = key.casefold().replace("-", "_")
    return plain in _SECRET_NAMES or any(word in plain for word in _SECRET_WORDS)


def dotted(path: Sequence[int | str]) -> str:
    """A key's path as a reader finds it: `companies[0].quickbooks.realm_id`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


_PASSWORD = re.compile(r"(://[^/@\s:]*:)[^\s]*@")


def shown(value: object) -> str:
    """A value as it stands in the file, safe for a message; empty when it cannot be shown in a line.

    A password in an address, which should not be there, is not repeated.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = _PASSWORD.sub(r"\1***@", value)
        return '"' + "".join(c if c.isprintable() else "?" for c in text) + '"'
    return "" if isinstance(value, Mapping | list | tuple) or value is None else str(value)


def problems_from_errors(error: ValidationError, model: type[BaseModel], raw: Mapping[str, Any]) -> list[Problem]:
    """pydantic's errors as problems with a path, the value and what to write instead."""
    errors = error.errors(include_url=False)
    paths = [found["loc"] for found in errors]
    return [_problem_from_error(found, model, raw) for found in errors if not _follows(found, paths)]


def _follows(error: ErrorDetails, paths: Sequence[tuple[int | str, ...]]) -> bool:
    """Whether a list only seems too short because its members were refused."""
    size = len(error["loc"])
    return error["type"] == "too_short" and any(len(path) > size and path[:size] == error["loc"] for path in paths)


def _problem_from_error(error: ErrorDetails, model: type[BaseModel], raw: Mapping[str, Any]) -> Problem:
    path = error["loc"]
    where, kind = dotted(path), error["type"]
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    if kind == "extra_forbidden":
        return _unknown_key(path, model, raw)
    if kind == "missing":
        return problem(where, "", f"is missing: write {key} = {_example(model, path)}")
    value = "" if looks_secret(key) else shown(error.get("input"))
    return problem(where, value, _sentence(error))


def _sentence(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "value_error":
        return str(context.get("error", error["msg"]))
    if kind == "tuple_type" and isinstance(error.get("input"), Mapping):
        return "must be a list of sections: write its name in double square brackets"
    if kind == "literal_error":
        return f"must be one of {str(context.get('expected', '')).replace(chr(39), chr(34))}"
    if kind in ("greater_than_equal", "greater_than"):
        return f"is too small: write {context.get('ge', context.get('gt'))} or more"
    if kind in ("less_than_equal", "less_than"):
        return f"is too large: write {context.get('le', context.get('lt'))} or less"
    if kind == "too_short":
        return "is empty: write at least one"
    return _EXPECTED.get(kind, f"cannot be used: {error['msg'][:1].lower()}{error['msg'][1:]}")


def _unknown_key(path: Sequence[int | str], model: type[BaseModel], raw: Mapping[str, Any]) -> Problem:
    key = str(path[-1])
    if looks_secret(key):
        return problem(dotted(path), "", _secret_sentence(key, path, raw))
    section = _section(model, path[:-1])
    known = sorted(section.model_fields) if section is not None else []
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    advice = f'did you mean "{nearest[0]}"?' if nearest else f"known here are {', '.join(known)}"
    return problem(dotted(path), "", f"is not a known key: {advice}")


def _secret_sentence(key: str, path: Sequence[int | str], raw: Mapping[str, Any]) -> str:
    if "refresh_token" in key.casefold() or "access_token" in key.casefold():
        return "is a secret and must not stand in this file: remove the line and run `tieout connect quickbooks`"
    name = _SECRET_NAMES.get(key.casefold().replace("-", "_"))
    variable = f"TIEOUT_{name}" if name else "the environment variable of that secret (see `tieout init`)"
    alias = _alias_of(path, raw)
    if name and name != "ENCRYPTION_KEY" and alias:
        variable = f"TIEOUT_{name}_{environment_name(alias)} (or {variable})"
    return f"is a secret and must not stand in this file: remove the line and set {variable}, or put it in a file"


def _alias_of(path: Sequence[int | str], raw: Mapping[str, Any]) -> str:
    companies = raw.get("companies")
    if len(path) < 2 or path[0] != "companies" or not isinstance(companies, list) or not isinstance(path[1], int):
        return ""
    company = companies[path[1]] if path[1] < len(companies) else None
    alias = company.get("alias") if isinstance(company, Mapping) else None
    return alias if isinstance(alias, str) and alias.isprintable() else ""


def environment_name(alias: str) -> str:
    """An alias as a part of an environment variable's name: `acme-east` → `ACME_EAST`."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in alias).upper()


def _section(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel] | None:
    """The model that describes the section at `path`; None when the path leads nowhere known."""
    current: type[BaseModel] = model
    for part in path:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part)
        inner = _model_in(field.annotation) if field is not None else None
        if inner is None:
            return None
        current = inner
    return current


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := _model_in(part)) is not None), None)


def _example(model: type[BaseModel], path: Sequence[int | str]) -> str:
    section, key = _section(model, path[:-1]), str(path[-1])
    field = section.model_fields.get(key) if section is not None else None
    if field is not None and field.examples:
        return shown(field.examples[0])
    return "… (see `tieout init`)"
