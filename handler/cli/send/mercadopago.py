"""`send mercadopago`: that something changed, a fraud alert, or the old form."""

from uuid import uuid4

import click

from handler.cli.send.post import Address
from handler.cli.send.post import addressed
from handler.signing import ipn_request
from handler.signing import mercadopago_request
from handler.sources.mercadopago import ALERT
from handler.sources.mercadopago import NAME


@click.command("mercadopago", short_help="Mercado Pago: something changed, or an alert.")
@click.argument("data_id")
@click.option("--type", "topic", default="payment", show_default=True, help="The topic, such as order or claim.")
@click.option("--request-id", default=None, help="x-request-id; a new one if not given.")
@click.option("--payment-id", help=f"What a fraud alert ({ALERT}) names in its body.")
@click.option("--merchant-order", help="The merchant order beside it.")
@click.option("--ipn", is_flag=True, help="The old form, which is not signed.")
@addressed
def send_mercadopago(
    address: Address, data_id: str, topic: str, request_id: str | None, *, ipn: bool, **alert: str | None
) -> None:
    """Say, as Mercado Pago does, that something about DATA_ID changed.

    Example: python -m handler send mercadopago 1319999999
    """
    if any(alert.values()) and (ipn or topic != ALERT):
        msg = f"--payment-id and --merchant-order stand in the body of an alert: give --type {ALERT}, and not --ipn"
        raise click.UsageError(msg)
    if ipn and request_id:
        raise click.UsageError("--request-id is signed, and --ipn is not")
    data = alert if topic == ALERT else None
    if ipn:
        request = ipn_request(data_id, topic)
    else:
        request = mercadopago_request(data_id, topic, request_id or str(uuid4()), address.secret(NAME), data)
    address.post(NAME, request)
