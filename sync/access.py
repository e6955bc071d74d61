"""One company's access to its two systems: made, used, checked and ended. Secrets pass through and are never shown."""

from collections.abc import Callable

from config.complaints import configuration_error
from config.secret_lookup import SecretLookup, SecretName, new_encryption_key
from config.settings import CompanySettings, WorkerSettings
from connectors.bigtime.reading import BigTimeReader
from connectors.errors import AccessRevoked, ConnectorError, ContractBroken, NotFound, Rejected
from connectors.metering import CallMeter
from connectors.quickbooks.auth import Authority
from connectors.quickbooks.reading import QuickBooksReader
from connectors.quickbooks.tokens import NOT_CONNECTED, REFRESH_OPERATION, TokenKeeper, Tokens
from mappings.model import Kind, System
from state.errors import KeyUnusable
from state.keyring import KeyRing
from state.store import CompanyStore, Store
from state.tokens import TokenStore
from sync.connections import bigtime_client, quickbooks_authority, quickbooks_client
from sync.ports import Clock
from sync.stored_access import BIGTIME_TOKEN, QUICKBOOKS, QuickBooksTokens, StoredCounts

_KEY_ADVICE = "put the earlier one back; `tieout connect` makes a new one, and forgets what the earlier one kept secret"


class CompanyAccess:
    """The access of one company. `learn` is told every secret that is used, so that logs can mask it.

    `owner` names this process where only one may refresh a token. Nothing is sent before a method is called.
    """

    def __init__(
        self,
        company: CompanySettings,
        worker: WorkerSettings,
        *,
        store: Store,
        stored: CompanyStore,
        secrets: SecretLookup,
        clock: Clock,
        owner: str,
        learn: Callable[[str], None],
    ) -> None:
        self._company = company
        self._worker = worker
        self._store = store
        self._stored = stored
        self._secrets = secrets
        self._clock = clock
        self._owner = owner
        self._learn = learn

    # QuickBooks

    def authority(self) -> Authority:
        """Intuit's authorization server for the company's app.

        Raises: `ConfigurationError` when the app's secret is nowhere to be found.
        """
        return quickbooks_authority(self._company, self._secrets, self._clock)

    def quickbooks_reader(self, clock: Clock) -> QuickBooksReader:
        """Reads the company's QuickBooks; waits by `clock`.

        Raises: `ConfigurationError` when the app's secret is missing, or the encryption key though something is stored;
        `AccessRevoked` when nothing ever was.
        """
        if not self._can_be_stored():
            raise AccessRevoked(System.QUICKBOOKS, REFRESH_OPERATION, NOT_CONNECTED)
        keeper = TokenKeeper(self._tokens(), self.authority(), clock, owner=self._owner)
        meter = CallMeter(
            System.QUICKBOOKS,
            clock,
            counts=StoredCounts(self._store, self._stored.meter),
            monthly_budget=self._company.quickbooks.monthly_call_budget,
        )
        return QuickBooksReader(quickbooks_client(self._company, self._worker, clock, access=keeper, meter=meter))

    def save_quickbooks_tokens(self, tokens: Tokens) -> None:
        """Store the tokens, whatever was stored before."""
        self._learn(tokens.access_token)
        self._learn(tokens.refresh_token)
        self._forget_unreadable()
        self._tokens().save(
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            access_expires_at=tokens.access_expires_at,
            refresh_expires_at=tokens.refresh_expires_at,
            hard_expires_at=tokens.hard_expires_at,
            expected_version=None,
        )
        self._audit("quickbooks connected")

    def check_quickbooks(self) -> str:
        """The name of the QuickBooks company, read with the stored tokens. Raises: a `ConnectorError`."""
        reader = self.quickbooks_reader(self._clock)
        try:
            name = reader.fetch_company_name()
        except (Rejected, NotFound, ContractBroken):
            count = reader.fetch_count(Kind.INVOICE)
            return f"company {self._company.quickbooks.realm_id}, {count} invoices; it does not say its name"
        finally:
            reader.meter.save()
        return f"{name.name} ({name.country})" if name.country else name.name

    def _forget_unreadable(self) -> None:
        """Wipe what an encryption key wrote that is gone: a person connects anew because of it."""
        for provider, load in ((QUICKBOOKS, self._tokens().load), (System.BIGTIME, self._stored_token)):
            try:
                load()
            except KeyUnusable:
                self._token_store().wipe(provider)

    def disconnect_quickbooks(self, *, forget: bool) -> bool:
        """Revoke the access at Intuit and wipe the tokens; False when there were none.

        With `forget` they are wiped even when Intuit cannot be told, or when nobody can read them any more.
        Raises: a `ConnectorError` or `KeyUnusable` otherwise.
        """
        try:
            held = self._tokens().load()
            if held is not None:
                self.authority().revoke(held.refresh_token)
        except (ConnectorError, KeyUnusable):
            if not forget:
                raise
            held = None
        was_connected = held is not None or forget
        self._token_store().wipe(QUICKBOOKS)
        if was_connected:
            self._audit("quickbooks disconnected")
        return was_connected

    # BigTime

    def bigtime_reader(self, clock: Clock) -> BigTimeReader:
        """Reads the company's BigTime; waits by `clock`."""
        client = bigtime_client(self._company, self._worker, clock, secrets=self._secrets, stored=self._stored_token)
        return BigTimeReader(client)

    def save_bigtime_token(self, token: str) -> None:
        """Store the API token."""
        self._learn(token)
        self._forget_unreadable()
        self._token_store().record_secret(BIGTIME_TOKEN, token, at=self._clock.now())
        self._audit("bigtime connected")

    def check_bigtime(self) -> str:
        """How many clients BigTime shows. Raises: a `ConnectorError`."""
        count = len(self.bigtime_reader(self._clock).fetch_clients())
        if count == 0:
            raise configuration_error("BigTime", "shows no client at all: check the rights of the token's user")
        return f"firm {self._company.bigtime.firm}, {count} clients"

    def disconnect_bigtime(self) -> bool:
        """Wipe the stored API token; False when there was none."""
        was_connected = bool(self._stored_token())
        self._token_store().wipe(System.BIGTIME)
        if was_connected:
            self._audit("bigtime disconnected")
        return was_connected

    # Secrets

    def check_keys(self) -> str:
        """Where the encryption key is, once everything stored could be read with it."""
        key = self._secrets.require(SecretName.ENCRYPTION_KEY, advice=_KEY_ADVICE)
        self._tokens().load()
        self._token_store().load_secret(BIGTIME_TOKEN)
        return f"encryption key in the {key.source}"

    def _stored_token(self) -> str:
        """The API token that `connect` has stored; "" when there is none."""
        if not self._can_be_stored():
            return ""
        token = self._token_store().load_secret(BIGTIME_TOKEN) or ""
        self._learn(token)
        return token

    def _can_be_stored(self) -> bool:
        """Whether something may be stored: there is a key to read it with, or something that only a lost key reads."""
        if self._secrets.find(SecretName.ENCRYPTION_KEY) is not None:
            return True
        strange = self._stored.tokens(KeyRing.from_text(new_encryption_key()))
        try:
            strange.load_token(QUICKBOOKS)
            strange.load_secret(BIGTIME_TOKEN)
        except KeyUnusable:
            return True
        return False

    def _tokens(self) -> QuickBooksTokens:
        quickbooks = self._company.quickbooks
        return QuickBooksTokens(
            self._token_store(), self._clock, realm_id=quickbooks.realm_id, environment=quickbooks.environment
        )

    def _token_store(self) -> TokenStore:
        key = self._secrets.require(SecretName.ENCRYPTION_KEY, advice=_KEY_ADVICE)
        try:
            return self._stored.tokens(KeyRing.from_text(key.value.get_secret_value()))
        except KeyUnusable as error:
            raise configuration_error(key.source, str(error)) from None

    def _audit(self, action: str) -> None:
        self._stored.audit.append(
            at=self._clock.now(), actor="tieout", action=action, subject=self._company.alias, detail={}
        )
