"""Replaces the encryption key: a new one encrypts from now on, everything stored is written anew, the old one retires.

A crash at any point leaves every secret readable, and the same command goes on from there: the new key is in the ring
before anything is written with it, and the old one stays until nothing needs it. Source: facts/reliability.md B3.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import msgspec

from config.complaints import configuration_error
from config.secret_lookup import SecretLookup, SecretName, new_encryption_key, replace_secret
from state.errors import CompanyBusy, KeyUnusable
from state.keyring import KeyRing
from state.store import CompanyStore, Store
from sync.ports import Clock

_LASTING = timedelta(minutes=5)
_RETRY_SECONDS = 2.0


class KeyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of the ring by their ids, the newest first, with how many stored secrets each has written.

    `foreign` counts those written with a key that is not in the ring: nobody can read them.
    """

    source: str
    keys: tuple[tuple[str, int], ...]
    foreign: int


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """What a rotation did. `is_new`: it made a key, rather than going on with an earlier rotation."""

    is_new: bool
    rewritten: int
    status: KeyStatus


class KeyRotation:
    """The keys of an installation. `wait_seconds` is how long a company that is being worked on is waited for."""

    def __init__(
        self, store: Store, secrets: SecretLookup, clock: Clock, *, owner: str, wait_seconds: float = 300.0
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._clock = clock
        self._owner = owner
        self._wait_seconds = wait_seconds

    def status(self) -> KeyStatus:
        """Which keys there are, and what each is still needed for."""
        return self._status(self._ring())

    def rotate(self) -> Rotation:
        """Make a new key and write everything stored with it; the earlier keys stay in the ring, for reading.

        When an earlier rotation broke off, or a new key was put first in the ring by hand, goes on with that.
        Raises: `ConfigurationError` when the key is not in a file that we may replace; `CompanyBusy` when a company is
        worked on for too long: what was rewritten stays, and the same command goes on.
        """
        before = self._status(self._ring())
        is_new = not any(count for _, count in before.keys[1:])
        if is_new:
            self._replace(
                f"{new_encryption_key()} {self._text()}", advice="put the output of `tieout keys new` before it"
            )
        rewritten = sum(self._rewrite(alias) for alias in self._store.load_aliases())
        return Rotation(is_new=is_new, rewritten=rewritten, status=self.status())

    def retire(self) -> KeyStatus:
        """Take all keys but the newest out of the ring.

        Raises: `ConfigurationError` when something stored still needs one of them; `CompanyBusy` when a company is
        worked on, for its worker may still write with an earlier key.
        """
        with ExitStack() as held:
            for alias in self._store.load_aliases():
                held.enter_context(self._hold(self._store.known_company(alias)))
            status = self._status(self._ring())
            needed = [key for key, count in status.keys[1:] if count]
            if needed:
                raise configuration_error("keys", f"key {needed[0]} is still needed: run `tieout keys rotate` before")
            if len(status.keys) > 1:
                newest = self._text().replace(",", " ").split()[0]
                self._replace(newest, advice="leave only its first key there")
            return self.status()

    def _rewrite(self, alias: str) -> int:
        stored = self._store.known_company(alias)
        with self._hold(stored):
            count = stored.tokens(self._ring()).reencrypt()
            if count:
                detail = {"secrets": count, "key": self._ring().key_ids[0]}
                stored.audit.append(
                    at=self._clock.now(), actor=self._owner, action="keys rotated", subject=alias, detail=detail
                )
        return count

    @contextmanager
    def _hold(self, stored: CompanyStore) -> Iterator[None]:
        """Hold the company, so that no worker reads or writes its secrets with the ring of before."""
        until = self._clock.monotonic_seconds() + self._wait_seconds
        with ExitStack() as held:
            while True:
                try:
                    held.enter_context(stored.hold(owner=self._owner, lasting=_LASTING))
                    break
                except CompanyBusy:
                    if self._clock.monotonic_seconds() >= until:
                        raise
                    self._clock.sleep_seconds(_RETRY_SECONDS)
            yield

    def _replace(self, text: str, *, advice: str) -> None:
        found = self._secrets.require(SecretName.ENCRYPTION_KEY, advice="`tieout connect` makes one")
        if found.path is None:
            raise configuration_error(
                SecretName.ENCRYPTION_KEY.value,
                f"the key comes from the {found.source}, which only you can change: {advice}, and run this again",
            )
        replace_secret(found.path, text)

    def _text(self) -> str:
        found = self._secrets.require(SecretName.ENCRYPTION_KEY, advice="`tieout connect` makes one")
        return found.value.get_secret_value()

    def _ring(self) -> KeyRing:
        try:
            return KeyRing.from_text(self._text())
        except KeyUnusable as error:
            raise configuration_error(SecretName.ENCRYPTION_KEY.value, str(error)) from None

    def _status(self, ring: KeyRing) -> KeyStatus:
        counts = dict(self._store.count_secrets_by_key())
        keys = tuple((key, counts.pop(key, 0)) for key in ring.key_ids)
        found = self._secrets.require(SecretName.ENCRYPTION_KEY, advice="`tieout connect` makes one")
        return KeyStatus(source=found.source, keys=keys, foreign=sum(counts.values()))
