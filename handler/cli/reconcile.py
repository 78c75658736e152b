"""`reconcile`: what `serve` does every quarter of an hour, now and once."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from handler.cases import Cases
from handler.cli.environment import environment
from handler.cli.record import opened
from handler.config import Config
from handler.errors import CredentialsError
from handler.errors import MercadoPagoError
from handler.logs import log_to
from handler.models import Target
from handler.notices import told_by
from handler.process import process
from handler.reconcile import lapsing
from handler.reconcile import reread_each
from handler.reconcile import withdrawn
from handler.sellers import Seller
from handler.sellers import Sellers
from handler.services import Services


@click.command(short_help="Read again what buyers withdrew from.")
def reconcile() -> None:
    """Read again what buyers withdrew from, work on what no notification told, and list reserves about to lapse.

    An account that Mercado Pago does not answer, or a purchase that cannot be read, is named, and the others are
    read all the same; the exit status is 1 then.

    Example: python -m handler reconcile
    """
    config = Config.from_environ(environment())
    log_to(sys.stderr)
    sellers = Sellers(connections=1)
    sellers.serve(config.accounts)
    with opened(read_only=False) as record:
        failed = _reconciled(Services(sellers, record, lambda *_: None, channels=told_by(config)), record)
    raise SystemExit(1 if failed else 0)


def _reconciled(services: Services, record: Cases) -> set[str]:
    """Return the accounts of which something could not be read."""
    purchases, away, unread = withdrawn(services), set[str](), set[str]()
    read, found = 0, list[Target]()
    for seller in services.sellers.all():
        own = [purchase for purchase in purchases if purchase.account == seller.account.name]
        with _unless_away(seller, away):
            for purchase, targets, problem in reread_each(own, services):
                found += targets
                read += problem is None
                if problem is not None:
                    unread.add(purchase.account)
                    click.echo(f"{purchase}: not read: {problem}", err=True)
    for target in found:
        _work_on(target, services, record)
    click.echo(f"{read} withdrawn purchases read again, {len(found)} payments found that nobody told of.")
    for seller in services.sellers.all():
        if seller.account.name not in away:
            with _unless_away(seller, away):
                _list_lapsing(seller, services)
    return away | unread


@contextmanager
def _unless_away(seller: Seller, failed: set[str]) -> Iterator[None]:
    """Tell what keeps an account from being read, and go on with the others."""
    try:
        yield
    except MercadoPagoError as error:
        failed.add(seller.account.name)
        is_refused = isinstance(error, CredentialsError)
        remedy = "put a valid access token in place; `doctor` tells what is wrong" if is_refused else "try again later"
        click.echo(f"account {seller.account.name}: not read to the end: {error}; {remedy}", err=True)


def _work_on(target: Target, services: Services, record: Cases) -> None:
    process(target, services)
    case = record.get(target)
    click.echo(f"found: {target} is {case.state} ({case.reason})" if case else "")


def _list_lapsing(seller: Seller, services: Services) -> None:
    for reserve in lapsing(seller, services.clock()):
        click.echo(f"lapses at {reserve.at:%Y-%m-%d %H:%M}Z: {reserve.payment} (account {reserve.account})")
