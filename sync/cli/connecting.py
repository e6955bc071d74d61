"""`tieout connect` and `tieout disconnect`: the access to the two systems. Secrets come in by the browser, a hidden
prompt or standard input, never as an argument, which other users of the machine could read."""

import os
import sys
import webbrowser
from urllib.parse import urlsplit

import click

from config.complaints import configuration_error
from config.settings import CompanySettings
from connectors.quickbooks.auth import new_state
from connectors.quickbooks.tokens import Tokens
from sync.cli.application import Grantor
from sync.cli.callback import LOOPBACK_HOSTS, CallbackServer, Grant, read_grant
from sync.cli.hostile_text import visible
from sync.cli.initialising import ensure_encryption_key
from sync.cli.invocation import Invocation, common_options, example, pass_invocation

_WAIT_SECONDS = 600.0  # a state that is older than ten minutes is no longer ours
_LONGEST_SECRET = 8192


@click.group(epilog=example("tieout connect quickbooks", "tieout connect bigtime"))
@common_options
def connect() -> None:
    """Give Tieout access to a system, and check that it works."""


@connect.command(
    "quickbooks",
    epilog=example(
        "tieout connect quickbooks",
        "tieout connect quickbooks --paste",
        "tieout connect quickbooks --refresh-token - < token.txt",
    ),
)
@common_options
@click.option("--refresh-token", metavar="-", help="Read a refresh token from standard input instead of a browser.")
@click.option("--no-browser", is_flag=True, help="Only print the address to open.")
@click.option("--paste", is_flag=True, help="Paste the address at which the browser ended; for machines without one.")
@pass_invocation
def connect_quickbooks(invocation: Invocation, refresh_token: str | None, *, no_browser: bool, paste: bool) -> None:
    """Connect QuickBooks Online: a person agrees in the browser, and the tokens are stored encrypted."""
    if refresh_token not in (None, "-"):
        raise configuration_error(
            "--refresh-token", "a secret on the command line can be seen by others: write `--refresh-token -`"
        )
    settings = invocation.settings()
    company = settings.company(invocation.company)
    _ensure_key(settings.secrets.directory)
    with invocation.open(settings) as application:
        access = application.access(company)
        authority = access.authority()
        if refresh_token == "-":  # noqa: S105 - the mark for standard input
            tokens = authority.refresh(_read_secret("refresh token"))
        else:
            tokens = _ask_in_browser(authority, company, opens=not no_browser, pastes=paste)
        # Kept before anything else: Intuit has already made the earlier tokens worthless.
        access.save_quickbooks_tokens(tokens)
        name = access.check_quickbooks()
    click.echo(visible(f"{company.alias}: QuickBooks company {company.quickbooks.realm_id}, {name}, is connected."))


def _ask_in_browser(authority: Grantor, company: CompanySettings, *, opens: bool, pastes: bool) -> Tokens:
    state = new_state()
    redirect_url = company.quickbooks.redirect_url
    address = authority.authorize_url(state)
    if pastes or urlsplit(redirect_url).hostname not in LOOPBACK_HOSTS:
        click.echo(
            f"Open this address, agree, and paste the address at which the browser ends:\n\n{address}\n", err=True
        )
        grant = read_grant(_read_secret("address"), state=state, redirect_url=redirect_url)
    else:
        grant = _wait_for_browser(address, state, redirect_url, opens=opens)
    if grant.realm_id != company.quickbooks.realm_id:
        raise configuration_error(
            f"companies.{company.alias}.quickbooks.realm_id",
            f"the person chose QuickBooks company {_digits(grant.realm_id)}, the configuration says "
            f"{company.quickbooks.realm_id}: choose that company, or correct the configuration",
        )
    return authority.exchange_code(grant.code)


def _wait_for_browser(address: str, state: str, redirect_url: str, *, opens: bool) -> Grant:
    with CallbackServer(redirect_url, state=state) as server:
        click.echo(f"Open this address in a browser and agree:\n\n{address}\n", err=True)
        if opens and _has_browser():
            webbrowser.open(address)
        return server.wait(seconds=_WAIT_SECONDS)


def _has_browser() -> bool:
    """Whether a window can open: a text browser would take over the terminal."""
    graphical = sys.platform in ("darwin", "win32") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    return graphical and sys.stdout.isatty()


@connect.command("bigtime", epilog=example("tieout connect bigtime", "tieout connect bigtime < token.txt"))
@common_options
@pass_invocation
def connect_bigtime(invocation: Invocation) -> None:
    """Connect BigTime with an API token, from standard input or a hidden prompt; it is stored encrypted.

    Make the token in BigTime for a user who may see all invoices and payments: BigTime leaves out, without
    a word, what its user may not see.
    """
    settings = invocation.settings()
    company = settings.company(invocation.company)
    _ensure_key(settings.secrets.directory)
    with invocation.open(settings) as application:
        access = application.access(company)
        access.save_bigtime_token(_read_secret("BigTime API token"))
        found = access.check_bigtime()
    click.echo(visible(f"{company.alias}: BigTime {found}, is connected."))


@click.group(epilog=example("tieout disconnect quickbooks", "tieout disconnect bigtime"))
@common_options
def disconnect() -> None:
    """End Tieout's access to a system and wipe what was stored for it."""


@disconnect.command("quickbooks", epilog=example("tieout disconnect quickbooks --forget"))
@common_options
@click.option("--forget", is_flag=True, help="Wipe the stored tokens even when Intuit cannot be told.")
@pass_invocation
def disconnect_quickbooks(invocation: Invocation, *, forget: bool) -> None:
    """Tell Intuit that the access ends, and wipe the stored tokens. Records and findings stay."""
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        was_connected = application.access(company).disconnect_quickbooks(forget=forget)
    click.echo(f"{company.alias}: QuickBooks " + ("is disconnected." if was_connected else "was not connected."))


@disconnect.command("bigtime", epilog=example("tieout disconnect bigtime"))
@common_options
@pass_invocation
def disconnect_bigtime(invocation: Invocation) -> None:
    """Wipe the stored API token. BigTime has no call to end it: delete it there, too."""
    settings = invocation.settings()
    company = settings.company(invocation.company)
    with invocation.open(settings) as application:
        was_connected = application.access(company).disconnect_bigtime()
    click.echo(f"{company.alias}: BigTime " + ("is disconnected." if was_connected else "was not connected."))
    click.echo("Delete the token in BigTime, too: there it stays good.")


def _ensure_key(directory: str) -> None:
    click.echo(ensure_encryption_key(directory), err=True)


def _read_secret(what: str) -> str:
    """One line from standard input, or from a hidden prompt at a terminal."""
    if sys.stdin.isatty():
        text = str(click.prompt(f"Paste the {what}", hide_input=True, err=True))
    else:
        text = sys.stdin.readline(_LONGEST_SECRET + 1)
    secret = text.strip()
    if not secret or len(secret) > _LONGEST_SECRET or not secret.isascii() or not secret.isprintable():
        raise configuration_error("standard input", f"does not hold a {what}: write it on one line")
    return secret


def _digits(realm_id: str) -> str:
    return realm_id if realm_id.isdigit() and len(realm_id) <= 30 else "with another id"
