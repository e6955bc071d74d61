"""Joins one company's settings and secrets to the connectors of its two systems. Sends nothing by itself."""

from collections.abc import Callable

from config.secret_lookup import SecretLookup, SecretName
from config.settings import CompanySettings, WorkerSettings
from connectors.bigtime.client import ApiToken, BigTimeClient, Limits, UserLogin
from connectors.errors import AccessRevoked
from connectors.metering import CallMeter
from connectors.pacing import Pacer
from connectors.quickbooks.auth import Authority
from connectors.quickbooks.client import ORIGINS, AccessTokens, CallLimits, QuickBooksClient
from connectors.retrying import Retrier
from connectors.transport import Transport
from mappings.model import System
from sync.ports import Clock

# Source: facts/quickbooks.md: 500 requests a minute for a realm, 10 a second for a realm and an app.
_QUICKBOOKS_PACES = ((500, 60.0), (10, 1.0))


def quickbooks_authority(company: CompanySettings, secrets: SecretLookup, clock: Clock) -> Authority:
    """Intuit's authorization server for the company's app.

    Raises: `ConfigurationError` when the app's secret is nowhere to be found.
    """
    secret = secrets.require(
        SecretName.QUICKBOOKS_CLIENT_SECRET,
        company.alias,
        advice="it stands beside the client id in your app at developer.intuit.com",
    )
    return Authority(
        Transport(System.QUICKBOOKS),
        clock,
        client_id=company.quickbooks.client_id,
        client_secret=secret.value.get_secret_value(),
        redirect_url=company.quickbooks.redirect_url,
        environment=company.quickbooks.environment,
        discovery_url=company.quickbooks.discovery_url,
    )


def quickbooks_client(
    company: CompanySettings, worker: WorkerSettings, clock: Clock, *, access: AccessTokens, meter: CallMeter
) -> QuickBooksClient:
    """A reader of the company's QuickBooks, within Intuit's pace."""
    return QuickBooksClient(
        Transport(System.QUICKBOOKS),
        access,
        realm_id=company.quickbooks.realm_id,
        origin=company.quickbooks.base_url or ORIGINS[company.quickbooks.environment],
        meter=meter,
        retrier=Retrier(clock),
        pacers=[Pacer(limit, seconds, clock) for limit, seconds in _QUICKBOOKS_PACES],
        limits=CallLimits(deadline_seconds=worker.request_deadline_seconds),
    )


def bigtime_client(
    company: CompanySettings, worker: WorkerSettings, clock: Clock, *, secrets: SecretLookup, stored: Callable[[], str]
) -> BigTimeClient:
    """A reader of the company's BigTime. `stored` answers the API token that `connect` has stored, or ""."""
    return BigTimeClient(
        Transport(System.BIGTIME),
        _bigtime_access(company, secrets, stored),
        base_url=company.bigtime.base_url,
        firm=company.bigtime.firm,
        clock=clock,
        limits=Limits(
            calls_per_minute=company.bigtime.calls_per_minute, deadline_seconds=worker.request_deadline_seconds
        ),
    )


def _bigtime_access(company: CompanySettings, secrets: SecretLookup, stored: Callable[[], str]) -> ApiToken | UserLogin:
    alias = company.alias

    def read_token() -> str:
        found = secrets.find(SecretName.BIGTIME_API_TOKEN, alias)
        token = found.value.get_secret_value() if found is not None else stored()
        if not token:
            raise AccessRevoked(
                System.BIGTIME,
                "login",
                f"there is no API token: run `tieout connect bigtime`, or set TIEOUT_{SecretName.BIGTIME_API_TOKEN}",
            )
        return token

    def read_password() -> str:
        advice = f"it is the password of {company.bigtime.user_id}"
        return secrets.require(SecretName.BIGTIME_PASSWORD, alias, advice=advice).value.get_secret_value()

    if company.bigtime.user_id:
        return UserLogin(company.bigtime.user_id, read_password)
    return ApiToken(read_token)
