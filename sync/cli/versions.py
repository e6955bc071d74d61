"""`tieout version`."""

from importlib import metadata

import click

from sync.cli.invocation import common_options, example


def program_version() -> str:
    """The installed version; `unknown` when it runs from a source tree that was not installed."""
    try:
        return metadata.version("tieout")
    except metadata.PackageNotFoundError:
        return "unknown"


@click.command(epilog=example("tieout version"))
@common_options
def version() -> None:
    """Print the version."""
    click.echo(f"tieout {program_version()}")
