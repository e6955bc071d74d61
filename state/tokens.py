"""OAuth tokens and other secrets of a company, encrypted; one process at a time refreshes a token.

A refresh is a lease taken by compare-and-set, a call outside any transaction, and a commit. The token before
the last is kept, because a reply that was lost may leave it the only one that works. Source:
facts/reliability.md R6, F20, F21.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, insert, or_, select, update

from state.companies import Company
from state.engine import read, write
from state.keyring import KeyRing
from state.leases import lock_company
from state.tables import OAUTH_TOKEN, SECRET

_SEALED = ("realm", "access", "refresh", "previous_refresh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An OAuth token of one provider. Times are aware UTC; None: the provider did not say."""

    environment: str
    realm_id: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_expires_at: datetime
    refresh_expires_at: datetime | None = None
    hard_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """A token as stored: `version` grows with each one, `previous_refresh_token` is "" when there was none."""

    token: Token
    version: int
    previous_refresh_token: str = field(repr=False)
    stored_at: datetime


class TokenStore:
    """The secrets of one company; needs no lease of the company."""

    def __init__(self, engine: Engine, company: Company, keyring: KeyRing) -> None:
        self._engine = engine
        self._company = company
        self._keyring = keyring

    def load_token(self, provider: str) -> StoredToken | None:
        """The provider's token; None when it was never connected. Raises: `KeyUnusable`."""
        with read(self._engine) as connection:
            row = connection.execute(select(OAUTH_TOKEN).where(self._is(provider))).one_or_none()
        return None if row is None else self._opened(provider, row)

    def record_token(
        self, provider: str, token: Token, *, at: datetime, expected_version: int | None = None
    ) -> StoredToken | None:
        """Store a token in the place of the earlier one, whose refresh token is kept, and end a refresh.

        With an `expected_version`, None and nothing stored when the stored token is of another version. Raises:
        `KeyUnusable` when the earlier one cannot be read: `wipe` it first.
        """
        with write(self._engine) as connection:
            lock_company(connection, self._company)
            row = connection.execute(select(OAUTH_TOKEN).where(self._is(provider))).one_or_none()
            earlier = None if row is None else self._opened(provider, row)
            version = 0 if earlier is None else earlier.version
            if expected_version is not None and expected_version != version:
                return None
            stored = StoredToken(
                token=token, version=version + 1, previous_refresh_token=_previous(earlier, token), stored_at=at
            )
            connection.execute(delete(OAUTH_TOKEN).where(self._is(provider)))
            connection.execute(insert(OAUTH_TOKEN).values(**self._sealed(provider, stored)))
        return stored

    def begin_refresh(self, provider: str, *, version: int, owner: str, lasting: timedelta, now: datetime) -> bool:
        """Take the right to refresh the token of that version; False: another does it, or has done it.

        The winner sends the refresh outside any transaction and then calls `record_token` or `end_refresh`;
        the others load the token again. `lasting` must exceed the deadline of the call.
        """
        free = or_(OAUTH_TOKEN.c.refresh_until.is_(None), OAUTH_TOKEN.c.refresh_until <= now)
        with write(self._engine) as connection:
            taken = connection.execute(
                update(OAUTH_TOKEN)
                .where(self._is(provider), OAUTH_TOKEN.c.version == version, free)
                .values(refresh_owner=owner, refresh_until=now + lasting)
            )
            return taken.rowcount == 1

    def end_refresh(self, provider: str, *, owner: str) -> None:
        """Give the right back without a new token."""
        with write(self._engine) as connection:
            connection.execute(
                update(OAUTH_TOKEN)
                .where(self._is(provider), OAUTH_TOKEN.c.refresh_owner == owner)
                .values(refresh_owner=None, refresh_until=None)
            )

    def record_secret(self, name: str, secret: str, *, at: datetime) -> None:
        """Store a secret by its name, for example BigTime's API token."""
        place = self._place("secret", name)
        with write(self._engine) as connection:
            connection.execute(delete(SECRET).where(self._named(name)))
            connection.execute(
                insert(SECRET).values(
                    company_id=self._company.id,
                    name=name,
                    value=self._keyring.encrypt(secret, place=place),
                    stored_at=at,
                )
            )

    def load_secret(self, name: str) -> str | None:
        """The secret of that name; None when there is none. Raises: `KeyUnusable`."""
        with read(self._engine) as connection:
            value = connection.execute(select(SECRET.c.value).where(self._named(name))).scalar()
        return None if value is None else self._keyring.decrypt(value, place=self._place("secret", name))

    def wipe(self, provider: str) -> None:
        """Forget the provider's token and every secret whose name begins with the provider's."""
        with write(self._engine) as connection:
            connection.execute(delete(OAUTH_TOKEN).where(self._is(provider)))
            own = SECRET.c.company_id == self._company.id
            connection.execute(delete(SECRET).where(own, SECRET.c.name.startswith(provider, autoescape=True)))

    def reencrypt(self) -> int:
        """Write everything that an earlier key wrote with the newest; answers how many rows that were."""
        with write(self._engine) as connection:
            return self._reencrypt_tokens(connection) + self._reencrypt_secrets(connection)

    def _reencrypt_tokens(self, connection: Connection) -> int:
        count = 0
        rows = connection.execute(select(OAUTH_TOKEN).where(OAUTH_TOKEN.c.company_id == self._company.id)).all()
        for row in rows:
            if not all(self._keyring.is_newest(getattr(row, name)) for name in _SEALED if getattr(row, name)):
                sealed = self._sealed(row.provider, self._opened(row.provider, row))
                values = {name: sealed[name] for name in (*_SEALED, "realm_lookup")}
                connection.execute(update(OAUTH_TOKEN).where(self._is(row.provider)).values(**values))
                count += 1
        return count

    def _reencrypt_secrets(self, connection: Connection) -> int:
        count = 0
        for row in connection.execute(select(SECRET).where(SECRET.c.company_id == self._company.id)).all():
            if not self._keyring.is_newest(row.value):
                place = self._place("secret", row.name)
                value = self._keyring.encrypt(self._keyring.decrypt(row.value, place=place), place=place)
                connection.execute(update(SECRET).where(self._named(row.name)).values(value=value))
                count += 1
        return count

    def _opened(self, provider: str, row: Row[Any]) -> StoredToken:
        def opened(column: str) -> str:
            ciphertext: bytes | None = getattr(row, column)
            if ciphertext is None:
                return ""
            return self._keyring.decrypt(ciphertext, place=self._place(provider, column))

        return StoredToken(
            token=Token(
                environment=row.environment,
                realm_id=opened("realm"),
                access_token=opened("access"),
                refresh_token=opened("refresh"),
                access_expires_at=row.access_expires_at,
                refresh_expires_at=row.refresh_expires_at,
                hard_expires_at=row.hard_expires_at,
            ),
            version=row.version,
            previous_refresh_token=opened("previous_refresh"),
            stored_at=row.stored_at,
        )

    def _sealed(self, provider: str, stored: StoredToken) -> dict[str, Any]:
        token = stored.token
        texts = {
            "realm": token.realm_id,
            "access": token.access_token,
            "refresh": token.refresh_token,
            "previous_refresh": stored.previous_refresh_token,
        }
        sealed = {
            column: self._keyring.encrypt(text, place=self._place(provider, column)) for column, text in texts.items()
        }
        return {
            **sealed,
            "company_id": self._company.id,
            "provider": provider,
            "environment": token.environment,
            "version": stored.version,
            "realm_lookup": self._keyring.lookups(token.realm_id)[0],
            "access_expires_at": token.access_expires_at,
            "refresh_expires_at": token.refresh_expires_at,
            "hard_expires_at": token.hard_expires_at,
            "stored_at": stored.stored_at,
        }

    def _place(self, provider: str, column: str) -> str:
        return f"{provider}|{self._company.alias}|{column}"

    def _is(self, provider: str) -> Any:
        return (OAUTH_TOKEN.c.company_id == self._company.id) & (OAUTH_TOKEN.c.provider == provider)

    def _named(self, name: str) -> Any:
        return (SECRET.c.company_id == self._company.id) & (SECRET.c.name == name)


def load_company_of_realm(engine: Engine, keyring: KeyRing, realm_id: str) -> int | None:
    """The number of the company that is connected to that realm; None when none is."""
    query = select(OAUTH_TOKEN.c.company_id).where(OAUTH_TOKEN.c.realm_lookup.in_(keyring.lookups(realm_id)))
    with read(engine) as connection:
        return connection.execute(query.limit(1)).scalar()


def _previous(earlier: StoredToken | None, token: Token) -> str:
    if earlier is None or (earlier.token.realm_id, earlier.token.environment) != (token.realm_id, token.environment):
        return ""  # it would open another company
    if earlier.token.refresh_token == token.refresh_token:
        return earlier.previous_refresh_token
    return earlier.token.refresh_token
