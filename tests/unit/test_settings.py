"""A configuration is used whole, or refused with every reason at once."""

from datetime import date
from pathlib import Path

import pytest

from config.complaints import ConfigurationError, shown
from config.settings import Settings, load_settings, settings_path

PLAIN = """
[[companies]]
alias = "acme"
[companies.quickbooks]
realm_id = "9130347"
client_id = "client"
[companies.bigtime]
firm = "abc3-4567-fgr4"
"""
EXAMPLE = Path(__file__).parents[2] / "config" / "example.toml"


def written(folder: Path, text: str) -> Path:
    path = folder / "tieout.toml"
    path.write_text(text, encoding="utf-8")
    return path


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(written(folder, text))
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert old in PLAIN
    return PLAIN.replace(old, new)


def test_the_smallest_file_has_the_documented_defaults(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, PLAIN))
    company = settings.company(None)
    assert f"sqlite:///{tmp_path}/tieout.db" == settings.store.url
    assert (24, 7, 30) == (
        settings.rules.grace_hours,
        settings.rules.duplicate_window_days,
        settings.rules.stale_credit_days,
    )
    assert "https://iq.bigtime.net/BigtimeData/api/v2" == company.bigtime.base_url
    assert (25, date(2023, 1, 1)) == (company.bigtime.calls_per_minute, company.bigtime.history_start)
    assert ("production", "", "") == (
        company.quickbooks.environment,
        company.quickbooks.base_url,
        company.quickbooks.discovery_url,
    )
    assert ("AccountCredit", "Account Credit") == settings.bigtime_vocabulary.account_credit


def test_the_commented_example_is_a_valid_file(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, EXAMPLE.read_text(encoding="utf-8")))
    assert "acme" == settings.company("acme").alias


def test_the_example_mentions_every_key(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    sections = [Settings, *(field.annotation for field in Settings.model_fields.values())]
    company = load_settings(written(tmp_path, PLAIN)).company(None)
    sections += [type(company), type(company.quickbooks), type(company.bigtime)]
    for section in sections:
        for key in getattr(section, "model_fields", {}):
            assert key in text, key


def test_three_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = (
        changed('realm_id = "9130347"', 'realm_id = "acme inc"\nenviroment = "sandbox"') + "[rules]\ngrace_hours = -1\n"
    )
    message = complaint(tmp_path, text)
    assert "tieout.toml has 3 problems" in message
    assert 'companies[0].quickbooks.realm_id = "acme inc"' in message
    assert 'did you mean "environment"?' in message
    assert "rules.grace_hours = -1: is too small: write 0 or more" in message


def test_mistakes_inside_and_between_values_are_named_together(tmp_path: Path) -> None:
    text = changed('client_id = "client"', "") + PLAIN
    with pytest.raises(ConfigurationError) as caught:
        load_settings(written(tmp_path, text))
    wheres = {found.where for found in caught.value.problems}
    assert {
        "companies[0].quickbooks.client_id",
        "companies[1].alias",
        "companies[1].quickbooks.realm_id",
        "companies[1].bigtime.firm",
    } == wheres


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('firm = "abc3-4567-fgr4"', 'firm = "f"\napi_token = "CANARY"', "TIEOUT_BIGTIME_API_TOKEN_ACME"),
        ('client_id = "client"', 'client_id = "c"\nclient_secret = "CANARY"', "TIEOUT_QUICKBOOKS_CLIENT_SECRET_ACME"),
        ('client_id = "client"', 'client_id = "c"\nrefresh_token = "CANARY"', "tieout connect quickbooks"),
        ("[[companies]]", 'encryption_key = "CANARY"\n[[companies]]', "TIEOUT_ENCRYPTION_KEY"),
        ("[[companies]]", '[store]\nurl = "postgresql://me:CANARY@host/x"\n[[companies]]', "TIEOUT_STORE_PASSWORD"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path, old: str, new: str, said: str) -> None:
    message = complaint(tmp_path, changed(old, new))
    assert said in message
    assert "CANARY" not in message


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ('environment = "prod"', 'must be one of "production" or "sandbox"'),
        ('base_url = "https://sandbox-quickbooks.api.intuit.com"', 'write environment = "sandbox"'),
        ('environment = "sandbox"\nbase_url = "https://quickbooks.api.intuit.com"', 'write environment = "production"'),
        ('base_url = "http://books.example.com"', "would send secrets unencrypted"),
        ('base_url = "http://127.0.0.1:8081/v3/company"', 'write "http://127.0.0.1:8081"'),
        ('base_url = "http://127.0.0.1:8081"', "OAuth discovery address"),
        ('base_url = "https://user:CANARY@host"', "must not hold a user name or password"),
        (
            'discovery_url = "https://developer.intuit.com/.well-known/openid_sandbox_configuration"',
            'write environment = "sandbox"',
        ),
    ],
)
def test_an_environment_and_its_addresses_must_fit(tmp_path: Path, new: str, said: str) -> None:
    assert said in complaint(tmp_path, changed('client_id = "client"', f'client_id = "client"\n{new}'))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('alias = "acme"', 'alias = "acme"\ntimezone = "America/NewYork"', 'did you mean "America/New_York"?'),
        ('alias = "acme"', 'alias = "Ac me!"', "must be a short name"),
        ('realm_id = "9130347"', 'realm_id = ""', "digits only"),
        ('firm = "abc3-4567-fgr4"', 'firm = " "', "must not be empty"),
        ('firm = "abc3-4567-fgr4"', 'firm = "f"\nhistory_start = "soon"', "must be a date: write 2023-01-01"),
        ('firm = "abc3-4567-fgr4"', 'firm = "f"\ncalls_per_minute = "many"', "must be a whole number"),
        ("[[companies]]", '[bigtime_vocabulary]\nposted = "Posted"\n[[companies]]', "must be a list"),
        ("[[companies]]", "[companies]", "double square brackets"),
    ],
)
def test_a_wrong_value_is_answered_with_what_to_write(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in complaint(tmp_path, changed(old, new))


def test_a_realm_id_without_quotes_is_understood(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, changed('realm_id = "9130347"', "realm_id = 9130347")))
    assert "9130347" == settings.company("acme").quickbooks.realm_id


def test_a_missing_or_broken_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="tieout init"):
        load_settings(tmp_path / "none.toml")
    assert "is not valid TOML" in complaint(tmp_path, "[store\n")
    (tmp_path / "latin.toml").write_bytes(b'[store]\nurl = "\xe9"\n')
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load_settings(tmp_path / "latin.toml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_settings(tmp_path)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIEOUT_RULES__GRACE_HOURS", "48")
    monkeypatch.setenv("TIEOUT_STORE__URL", "postgresql://me:secret@host/x")
    settings = load_settings(written(tmp_path, PLAIN + "[rules]\ngrace_hours = 1\nstale_credit_days = 9\n"))
    assert (48, 9) == (settings.rules.grace_hours, settings.rules.stale_credit_days)
    assert "postgresql://me:secret@host/x" == settings.store.url


def test_a_wrong_variable_is_refused_as_a_wrong_key_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIEOUT_RULES__GRACE_HOURS", "soon")
    assert "rules.grace_hours" in complaint(tmp_path, PLAIN)


def test_a_company_is_named_unless_it_is_the_only_one(tmp_path: Path) -> None:
    second = PLAIN.replace("acme", "globex").replace("9130347", "77").replace("abc3", "abc4")
    settings = load_settings(written(tmp_path, PLAIN + second))
    assert "globex" == settings.company("globex").alias
    with pytest.raises(ConfigurationError, match="name one of acme, globex"):
        settings.company(None)
    with pytest.raises(ConfigurationError, match='did you mean "globex"'):
        settings.company("globx")


def test_aliases_that_give_one_variable_name_are_refused(tmp_path: Path) -> None:
    first = PLAIN.replace('"acme"', '"acme-east"')
    second = PLAIN.replace('"acme"', '"acme_east"').replace("9130347", "77").replace("abc3", "abc4")
    assert "companies[1].alias" in complaint(tmp_path, first + second)


def test_the_file_is_the_given_one_then_the_variables_then_the_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIEOUT_CONFIG", "/etc/tieout.toml")
    assert (Path("a.toml"), Path("/etc/tieout.toml")) == (settings_path("a.toml"), settings_path(None))
    monkeypatch.delenv("TIEOUT_CONFIG")
    assert Path("tieout.toml") == settings_path(None)


def test_a_password_in_an_address_is_not_repeated() -> None:
    assert '"nonsense://u:***@host/database"' == shown("nonsense://u:p@ss@host/database")
    assert '"https://host/a:b"' == shown("https://host/a:b")
