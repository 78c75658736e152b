"""`listen`: the endpoint without the rest, for whoever sets it up: each delivery as it comes, with its verdict."""

import logging

import click

from handler.allowance import Allowance
from handler.cli.address import at_address
from handler.cli.address import server_at
from handler.cli.audience import Audience
from handler.cli.environment import environment
from handler.cli.environment import use_color
from handler.cli.table import room
from handler.clock import utc_now
from handler.config import all_sources
from handler.receive import Reception
from handler.web import create_app


@click.command(short_help="Print each delivery with its verdict; store nothing.")
@at_address
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def listen(host: str, port: int, *, as_json: bool) -> None:
    """Answer notifications as `serve` would, and print each with its verdict; nothing is stored or released.

    For what is refused it tells what most likely happened, as `diagnose` does. Only secrets are needed. To hear
    senders on the internet, let a tunnel lead to it, and register the tunnel's address.

    Example: python -m handler listen --port 8080
    """
    # What is refused is told in full, with what to do; a fault of ours is still to be seen.
    logging.getLogger("handler.web").setLevel(logging.ERROR)
    audience = Audience(all_sources(environment()), as_json=as_json, color=use_color(environment()), letters=room())
    reception = Reception(audience.source_of, audience.accept, utc_now, Allowance(utc_now))
    app = create_app(reception, lambda: True, audience.heard)
    server = server_at(audience.overhearing(app), host, port)
    audience.leave = server.stop
    click.echo(f"Listening on {server.url}. Nothing is stored, and nothing is released.", err=as_json)
    server.run()
