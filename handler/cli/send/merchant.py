"""`send merchant`: that a purchase fell through, as the seller's own systems say it."""

from uuid import uuid4

import click

from handler.cli.send.post import Address
from handler.cli.send.post import addressed
from handler.signing import merchant_request
from handler.sources.merchant import NAME
from handler.sources.merchant import TOPICS


@click.command("merchant", short_help="The seller's own system: a purchase fell through.")
@click.argument("event", type=click.Choice(sorted(TOPICS)))
@click.option("--payment-id", help="The payment that fell through.")
@click.option("--order-id", help="The order of the Orders API that fell through.")
@click.option("--external-reference", help="The purchase that fell through; beside --payment-id, a guard.")
@click.option("--amount", help="A guard, such as 1500.00.")
@click.option("--currency", help="A guard, such as ARS.")
@click.option("--withdrawal-code", help="The code that the buyer was given; it stands on the receipt.")
@click.option("--reason", help="Why, in words; it is not stored.")
@click.option("--id", "webhook_id", default=None, help="webhook-id; a new one if not given.")
@addressed
def send_merchant(address: Address, event: str, webhook_id: str | None, **data: str | None) -> None:
    """Say, as the seller's own system does, that a purchase fell through.

    Example: python -m handler send merchant buyer.withdrew --payment-id 1319999999
    """
    given = {name: value for name, value in data.items() if value is not None}
    address.post(NAME, merchant_request(event, given, webhook_id or f"msg_{uuid4().hex}", address.secret(NAME)))
