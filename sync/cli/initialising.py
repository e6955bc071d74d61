"""`tieout init`: a commented configuration and an encryption key, ready to be filled in."""

import os
from importlib import resources
from pathlib import Path

import click

from config.complaints import configuration_error
from config.secret_lookup import SecretName, new_encryption_key, secret_lookup, write_secret
from sync.cli.invocation import Invocation, common_options, example, pass_invocation

_KEY_FILE = "TIEOUT_ENCRYPTION_KEY"


@click.command(epilog=example("tieout init", "tieout init --config /etc/tieout/tieout.toml"))
@common_options
@pass_invocation
def init(invocation: Invocation) -> None:
    """Write a commented configuration and make the key that encrypts stored tokens. Overwrites nothing."""
    path = invocation.path
    text = resources.files("config").joinpath("example.toml").read_text(encoding="utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise configuration_error(path, "is there already: edit it, or name another file with --config") from None
    click.echo(f"Wrote the configuration to {path}.")
    click.echo(ensure_encryption_key(path.absolute().parent / "secrets"))
    click.echo("Next: put your company into it, then run `tieout connect quickbooks`, `tieout connect bigtime`")
    click.echo("and `tieout check`.")


def ensure_encryption_key(directory: Path | str) -> str:
    """One sentence saying where the key lies; made in `directory` when there is none anywhere.

    Side effects: may write a file that only its owner can read.
    """
    found = secret_lookup(str(directory), os.environ).find(SecretName.ENCRYPTION_KEY)
    if found is not None:
        return f"The encryption key is in the {found.source}."
    path = Path(directory) / _KEY_FILE
    write_secret(path, new_encryption_key())
    return f"Made the encryption key: it lies in {path}, apart from the database. Keep a copy; back it up elsewhere."
