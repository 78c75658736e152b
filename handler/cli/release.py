"""`release`: a person says that a purchase fell through, where no notification did."""

from uuid import uuid4

import click

from handler.cli.environment import environment
from handler.cli.record import TARGET
from handler.cli.record import opened
from handler.clock import utc_now
from handler.config import Config
from handler.errors import ConfigError
from handler.models import Notification
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.models import TargetKind
from handler.process.at_once import at_once
from handler.sellers import Sellers
from handler.services import Services

#: Who says it, and what: as it stands in the history.
SOURCE, TOPIC = "person", "released by hand"

#: What a person can ask for: nothing else has a reserve.
RELEASABLE = (TargetKind.PAYMENT, TargetKind.ORDER, TargetKind.PURCHASE)


@click.command()
@TARGET
@click.option("--yes", is_flag=True, help="Do not ask before.")
def release(target: Target, *, yes: bool) -> None:
    """Cancel the reserves of a payment, an order or a purchase now, as if the buyer withdrew.

    It goes the way of any notification: the payment is read, the policy decides, and all of it is on record,
    as asked for by a person. The exit status is 1 unless everything was released.

    Example: python -m handler release purchase:ORDER-1234
    """
    if target.kind not in RELEASABLE:
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
        said = Notification(uuid4().hex, SOURCE, TOPIC, utc_now(), target, Sign.WITHDREW)
        case = at_once(target, said, Services(sellers, record, lambda *_: None))
    if case is None or case.state is not State.CANCELLED:
        told = f"{case.state} ({case.reason}): {case.detail}" if case else "not there"
        msg = f"{target} is {told}. See `show {target}`"
        raise click.ClickException(msg)
    click.echo(f"{target} is {case.state} ({case.reason}): {case.detail}")
