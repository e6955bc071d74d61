"""Secrets are found in one order, and never shown."""

import base64
import stat
from pathlib import Path

import pytest

from config.complaints import ConfigurationError
from config.secret_lookup import SecretLookup, SecretName, new_encryption_key, secret_lookup, write_secret

NAME = SecretName.BIGTIME_API_TOKEN
FILE = "TIEOUT_BIGTIME_API_TOKEN"


def found(lookup: SecretLookup, alias: str | None = "acme-east") -> str | None:
    secret = lookup.find(NAME, alias)
    return secret.value.get_secret_value() if secret else None


def test_the_variable_of_the_company_wins_then_the_common_one_then_a_file(tmp_path: Path) -> None:
    write_secret(tmp_path / FILE, "file")
    common = {"TIEOUT_BIGTIME_API_TOKEN": "common"}
    own = {**common, "TIEOUT_BIGTIME_API_TOKEN_ACME_EAST": "own"}
    assert "own" == found(SecretLookup(own, (tmp_path,)))
    assert "common" == found(SecretLookup(own, (tmp_path,)), alias="globex")
    assert "common" == found(SecretLookup(common, (tmp_path,)))
    assert "file" == found(SecretLookup({}, (tmp_path,)))
    assert found(SecretLookup({}, ())) is None


def test_a_companys_file_wins_over_the_common_file(tmp_path: Path) -> None:
    write_secret(tmp_path / FILE, "common")
    write_secret(tmp_path / "bigtime_api_token_acme_east", "own")
    assert "own" == found(SecretLookup({}, (tmp_path,)))
    assert "common" == found(SecretLookup({}, (tmp_path,)), alias="globex")


def test_an_empty_variable_is_no_secret(tmp_path: Path) -> None:
    write_secret(tmp_path / FILE, "file")
    assert "file" == found(SecretLookup({"TIEOUT_BIGTIME_API_TOKEN": " "}, (tmp_path,)))


def test_a_file_that_others_can_read_is_refused_unless_the_service_manager_guards_it(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text("CANARY\n")
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600") as caught:
        found(SecretLookup({}, (tmp_path,)))
    assert "CANARY" not in str(caught.value)
    assert "CANARY" == found(secret_lookup("", {"CREDENTIALS_DIRECTORY": str(tmp_path)}))


def test_a_missing_secret_names_every_place_that_was_searched(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SecretLookup({}, (tmp_path,)).require(NAME, "acme", advice="run `tieout connect bigtime`")
    message = str(caught.value)
    for part in ("TIEOUT_BIGTIME_API_TOKEN_ACME", "TIEOUT_BIGTIME_API_TOKEN", str(tmp_path), "tieout connect bigtime"):
        assert part in message


def test_a_new_key_is_32_random_bytes_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "TIEOUT_ENCRYPTION_KEY"
    write_secret(path, new_encryption_key())
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)
    assert 32 == len(base64.b64decode(new_encryption_key(), validate=True))
    assert new_encryption_key() != new_encryption_key()
    with pytest.raises(FileExistsError):
        write_secret(path, "other")


def test_a_found_secret_does_not_show_in_its_own_text() -> None:
    secret = SecretLookup({"TIEOUT_BIGTIME_API_TOKEN": "CANARY"}, ()).find(NAME)
    assert "CANARY" not in repr(secret)
    assert secret is not None
    assert "environment variable TIEOUT_BIGTIME_API_TOKEN" == secret.source
