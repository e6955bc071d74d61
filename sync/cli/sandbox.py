"""`tieout sandbox`: the simulators alone, for whoever writes something against them."""

from datetime import timedelta

import click

from sync.cli.hostile_text import visible
from sync.cli.invocation import common_options, example
from sync.clocks import SystemClock


@click.command(epilog=example("tieout sandbox", "tieout sandbox --days 60 --seed 7 --quickbooks-port 8081"))
@common_options
@click.option("--days", type=click.IntRange(1, 400), default=28, show_default=True, help="Days of work in it.")
@click.option("--seed", type=int, default=1, show_default=True, help="Equal seeds give equal firms.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Only addresses of this machine make sense.")
@click.option("--quickbooks-port", type=click.IntRange(0, 65_535), default=0, help="0 takes a free one.")
@click.option("--bigtime-port", type=click.IntRange(0, 65_535), default=0, help="0 takes a free one.")
def sandbox(days: int, seed: int, host: str, quickbooks_port: int, bigtime_port: int) -> None:
    """Serve both simulators on this machine until Ctrl-C, with four months of history and a story in them."""
    # Loaded here: real work never needs the simulators.
    from connectors.sandbox.serving import serve_world  # noqa: PLC0415
    from connectors.sandbox.story import Story  # noqa: PLC0415
    from sync.simulation import keep_time, settings_text  # noqa: PLC0415

    real = SystemClock()
    story = Story(seed=seed, days=days, first_day=real.now().date() - timedelta(days=days))
    world = story.new_world()
    while not story.is_finished:
        story.advance(world)
    with serve_world(world, host=host, quickbooks_port=quickbooks_port, bigtime_port=bigtime_port) as served:
        click.echo(settings_text(served, history_start=story.starts_at.date().isoformat()))
        click.echo(f"Above is a tieout.toml for QuickBooks on {served.quickbooks_url}", err=True)
        click.echo(f"and BigTime on {served.bigtime_url}; both keep the real time.", err=True)
        click.echo(f"TIEOUT_QUICKBOOKS_CLIENT_SECRET={served.quickbooks_client[1]}", err=True)
        click.echo(f"TIEOUT_BIGTIME_API_TOKEN={served.bigtime_api_token}", err=True)
        click.echo(f"A refresh token for `tieout connect`: {visible(served.connect().refresh_token)}", err=True)
        click.echo("Stop with Ctrl-C.", err=True)
        keep_time(world, real)
