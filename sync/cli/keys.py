"""`tieout keys`: the keys that encrypt stored tokens, and how to replace them."""

from typing import TYPE_CHECKING, cast

import click

from config.secret_lookup import new_encryption_key
from sync.cli.hostile_text import visible
from sync.cli.invocation import Invocation, common_options, example, pass_invocation

if TYPE_CHECKING:
    from sync.app import Application
    from sync.key_rotation import KeyStatus


@click.group(epilog=example("tieout keys list", "tieout keys rotate", "tieout keys retire"))
@common_options
def keys() -> None:
    """Look after the encryption keys of the installation. Keys themselves are never shown, only their names."""


@keys.command("list", epilog=example("tieout keys list"))
@common_options
@pass_invocation
def list_keys(invocation: Invocation) -> None:
    """Show which keys there are, the newest first, and how many stored values need each."""
    settings = invocation.settings()
    with invocation.open(settings) as application:
        _print(cast("Application", application).keys().status())


@keys.command(epilog=example("tieout keys rotate"))
@common_options
@pass_invocation
def rotate(invocation: Invocation) -> None:
    """Make a new key and write every stored secret anew with it. `tieout run` may go on meanwhile.

    The earlier key is kept until `tieout keys retire`: a backup of the database from before still needs it.
    When a rotation broke off, the same command goes on with it.
    """
    settings = invocation.settings()
    with invocation.open(settings) as application:
        done = cast("Application", application).keys().rotate()
    made = "Made a new key" if done.is_new else "Went on with the newest key"
    click.echo(f"{made}; everything stored is written with it ({done.rewritten} connections and tokens anew).")
    _print(done.status)


@keys.command(epilog=example("tieout keys retire"))
@common_options
@pass_invocation
def retire(invocation: Invocation) -> None:
    """Remove all keys but the newest; refused while anything stored needs one of them."""
    settings = invocation.settings()
    with invocation.open(settings) as application:
        _print(cast("Application", application).keys().retire())


@keys.command(epilog=example("tieout keys new"))
@common_options
def new() -> None:
    """Print a new key and change nothing, for keys that are kept in a variable or by the service manager."""
    click.echo(new_encryption_key())


def _print(status: "KeyStatus") -> None:
    click.echo(f"The keys are in the {visible(status.source)}.")
    for number, (key, count) in enumerate(status.keys):
        role = "encrypts" if number == 0 else "reads only"
        click.echo(f"  {key}  {role}, {count} stored values")
    if status.foreign:
        click.echo(
            f"  {status.foreign} stored values were written with a key that is gone: connect these systems again"
        )
