"""`doctor`: what is wrong with a set-up, and what to do about it."""

import json
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import click

from handler.cli.address import WEB_ADDRESS
from handler.cli.environment import environment
from handler.cli.environment import names_in_file
from handler.cli.table import room
from handler.clock import utc_now
from handler.doctor import Means
from handler.doctor import examine
from handler.doctor.alerts import try_alerts
from handler.doctor.settings import look_at_file
from handler.exchange import USER_AGENT
from handler.exchange import Exchange


@click.command(short_help="Look over the set-up, with a remedy for each finding.")
@click.option("--url", type=WEB_ADDRESS, help="Where it is reached from outside, such as https://shop.example.com.")
@click.option("--alert", is_flag=True, help="Send a test message to ALERT_URL and ALERT_EMAIL, whichever is set.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def doctor(url: str | None, *, alert: bool, as_json: bool) -> None:
    """Look over the set-up: settings, token, Mercado Pago, clock, record, and with --url the way from outside.

    Nothing is cancelled. The tests that are sent to --url are signed, and hold nothing for the handler. The
    exit status is 1 if anything is not well.

    Example: python -m handler doctor --url https://shop.example.com
    """
    exchange = Exchange(connections=1, user_agent=USER_AGENT)
    is_well = True
    found = examine(environment(), Means(exchange, utc_now), url, names_in_file())
    tried = try_alerts(environment(), utc_now) if alert else ()
    for finding in chain(look_at_file(Path(".env")), found, tried):
        is_well = is_well and finding.is_well
        click.echo(json.dumps(asdict(finding)) if as_json else finding.told(room()))
    exchange.close()
    raise SystemExit(0 if is_well else 1)
