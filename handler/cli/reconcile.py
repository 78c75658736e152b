"""`reconcile`: what `serve` does every quarter of an hour, now and once."""

import sys

import click

from handler.cases import Cases
from handler.cli.environment import environment
from handler.cli.record import opened
from handler.config import Config
from handler.logs import log_to
from handler.notices import told_by
from handler.process import process
from handler.reconcile import lapsing
from handler.reconcile import reread
from handler.reconcile import withdrawn
from handler.sellers import Sellers
from handler.services import Services


@click.command(short_help="Read again what buyers withdrew from.")
def reconcile() -> None:
    """Read again what buyers withdrew from, work on what no notification told, and list reserves about to lapse.

    Example: python -m handler reconcile
    """
    config = Config.from_environ(environment())
    log_to(sys.stderr)
    sellers = Sellers(connections=1)
    sellers.serve(config.accounts)
    with opened(read_only=False) as record:
        _reconciled(Services(sellers, record, lambda *_: None, channels=told_by(config)), record)


def _reconciled(services: Services, record: Cases) -> None:
    purchases = withdrawn(services)
    found = [target for purchase in purchases for target in reread(purchase, services)]
    for target in found:
        process(target, services)
        case = record.get(target)
        click.echo(f"found: {target} is {case.state} ({case.reason})" if case else "")
    click.echo(f"{len(purchases)} withdrawn purchases read again, {len(found)} payments found that nobody told of.")
    for seller in services.sellers.all():
        for reserve in lapsing(seller, services.clock()):
            click.echo(f"lapses at {reserve.at:%Y-%m-%d %H:%M}Z: {reserve.payment} (account {reserve.account})")
