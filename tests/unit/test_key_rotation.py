"""A key is replaced without a moment at which something cannot be read, whatever breaks off."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.complaints import ConfigurationError
from config.secret_lookup import SecretLookup, new_encryption_key, secret_lookup, write_secret
from connectors.sandbox.clock import SimulatedClock
from state.errors import CompanyBusy, KeyUnusable
from state.keyring import KeyRing
from state.store import Store
from state.tokens import Token, TokenStore
from sync.key_rotation import KeyRotation

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TOKEN = Token(
    environment="sandbox",
    realm_id="9130347",
    access_token="an access token",
    refresh_token="a refresh token",
    access_expires_at=NOW + timedelta(hours=1),
)


class Installation:
    """Two companies with stored secrets, and a key in a file."""

    def __init__(self, store: Store, folder: Path, clock: SimulatedClock) -> None:
        self.store = store
        self.clock = clock
        self.file = folder / "secrets" / "TIEOUT_ENCRYPTION_KEY"
        write_secret(self.file, new_encryption_key())
        self.secrets = secret_lookup(str(self.file.parent), {})
        for alias in ("acme", "birch"):
            self.tokens(alias).record_token("quickbooks", TOKEN, at=NOW)
            self.tokens(alias).record_secret("bigtime api token", f"token of {alias}", at=NOW)

    def ring(self) -> KeyRing:
        return KeyRing.from_text(self.file.read_text())

    def tokens(self, alias: str) -> TokenStore:
        return self.store.company(alias).tokens(self.ring())

    def rotation(self, secrets: SecretLookup | None = None) -> KeyRotation:
        return KeyRotation(self.store, secrets or self.secrets, self.clock, owner="a person", wait_seconds=10)

    def assert_readable(self) -> None:
        for alias in ("acme", "birch"):
            stored = self.tokens(alias).load_token("quickbooks")
            assert stored is not None
            assert TOKEN == stored.token
            assert f"token of {alias}" == self.tokens(alias).load_secret("bigtime api token")


@pytest.fixture
def installation(store_url: str, tmp_path: Path) -> object:
    clock = SimulatedClock(NOW)
    with Store.open(store_url, clock) as store:
        yield Installation(store, tmp_path, clock)


def test_a_rotation_writes_everything_anew_and_keeps_the_earlier_key(installation: Installation) -> None:
    before = installation.file.read_text().strip()
    done = installation.rotation().rotate()
    assert (True, 4) == (done.is_new, done.rewritten)
    assert [10, 0] == [count for _, count in done.status.keys]
    assert before == installation.file.read_text().split()[1]
    assert 0o600 == installation.file.stat().st_mode & 0o777
    assert [installation.file.name] == [path.name for path in installation.file.parent.iterdir()]
    installation.assert_readable()
    assert installation.store.company("acme").audit.verify() is None
    assert "keys rotated" in [entry.action for entry in installation.store.company("acme").audit.load_entries()]


def test_a_retired_key_opens_nothing(installation: Installation) -> None:
    before = KeyRing.from_text(installation.file.read_text())
    installation.rotation().rotate()
    assert 1 == len(installation.rotation().retire().keys)
    installation.assert_readable()
    with pytest.raises(KeyUnusable):
        installation.store.company("acme").tokens(before).load_token("quickbooks")


def test_a_rotation_that_broke_off_goes_on_with_the_same_key(installation: Installation) -> None:
    earlier = installation.file.read_text().strip()
    installation.file.write_text(f"{new_encryption_key()} {earlier}")
    newest = installation.ring().key_ids[0]
    installation.tokens("acme").reencrypt()  # and here the power failed
    installation.assert_readable()
    with pytest.raises(ConfigurationError, match="is still needed"):
        installation.rotation().retire()
    done = installation.rotation().rotate()
    assert (False, 2, newest) == (done.is_new, done.rewritten, done.status.keys[0][0])
    installation.assert_readable()


def test_a_company_that_is_worked_on_is_waited_for_and_then_left(installation: Installation) -> None:
    with (
        installation.store.company("acme").hold(owner="a worker", lasting=timedelta(days=1)),
        pytest.raises(CompanyBusy),
    ):
        installation.rotation().rotate()
    installation.assert_readable()
    assert 4 == installation.rotation().rotate().rewritten
    with (
        installation.store.company("birch").hold(owner="a worker", lasting=timedelta(days=1)),
        pytest.raises(CompanyBusy),
    ):
        installation.rotation().retire()
    assert 2 == len(installation.ring().key_ids)


def test_a_key_that_is_not_in_a_file_of_ours_is_for_a_person_to_change(installation: Installation) -> None:
    key = installation.file.read_text().strip()
    provided = secret_lookup("", {"TIEOUT_ENCRYPTION_KEY": key})
    with pytest.raises(ConfigurationError, match="tieout keys new"):
        installation.rotation(provided).rotate()
    guarded = secret_lookup("", {"CREDENTIALS_DIRECTORY": str(installation.file.parent)})
    with pytest.raises(ConfigurationError, match="only you can change"):
        installation.rotation(guarded).rotate()
    by_hand = secret_lookup("", {"TIEOUT_ENCRYPTION_KEY": f"{new_encryption_key()} {key}"})
    done = installation.rotation(by_hand).rotate()
    assert (False, 4) == (done.is_new, done.rewritten)


def test_two_rotations_at_once_do_not_lose_a_key(installation: Installation) -> None:
    installation.file.with_name("TIEOUT_ENCRYPTION_KEY.new").write_text("another is at it")
    with pytest.raises(ConfigurationError, match="another rotation is going on"):
        installation.rotation().rotate()
    installation.assert_readable()
