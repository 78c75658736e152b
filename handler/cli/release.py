"""`release`: a person says that a purchase fell through, where no notification did."""

import click

from handler.by_hand import is_releasable
from handler.by_hand import released
from handler.cli.environment import environment
from handler.cli.record import TARGET
from handler.cli.record import opened
from handler.clock import utc_now
from handler.config import Config
from handler.errors import ConfigError
from handler.models import State
from handler.models import Target
from handler.notices import told_by
from handler.process.at_once import at_once
from handler.sellers import Sellers
from handler.services import Services


@click.command(short_help="Release a payment or a purchase by hand.")
@TARGET
@click.option("--yes", is_flag=True, help="Do not ask before.")
def release(target: Target, *, yes: bool) -> None:
    """Cancel the reserves of a payment, an order or a purchase now, as if the buyer withdrew.

    It goes the way of any notification: the payment is read, the policy decides, and all of it is on record,
    as asked for by a person. The exit status is 1 unless everything was released.

    Example: python -m handler release purchase:ORDER-1234
    """
    if not is_releasable(target):
        msg = f"a {target.kind} has no reserve of its own: name a payment, an order or a purchase"
        raise click.BadParameter(msg, param_hint="TARGET")
    config = Config.from_environ(environment())
    if target.account not in config.accounts:
        raise ConfigError([f"there are no settings for account {target.account!r}"])
    if not yes:
        click.confirm(f"Cancel what is reserved for {target}? It cannot be undone", abort=True)
    sellers = Sellers(connections=1)
    sellers.serve(config.accounts)
    with opened(read_only=False) as record:
        services = Services(sellers, record, lambda *_: None, channels=told_by(config))
        case = at_once(target, released(target, utc_now()), services)
    if case is None or case.state is not State.CANCELLED:
        told = f"{case.state} ({case.reason}): {case.detail}" if case else "not there"
        goes_on = "; it is on record, and tried again while `serve` runs" if case and case.state.is_open else ""
        msg = f"{target} is {told}{goes_on}. See `show {target}`"
        raise click.ClickException(msg)
    click.echo(f"{target} is {case.state} ({case.reason}): {case.detail}")
