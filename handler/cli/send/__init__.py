"""`send`: a correctly signed test notification to a running handler."""

import click

from handler.cli.send.mercadopago import send_mercadopago
from handler.cli.send.merchant import send_merchant
from handler.cli.send.shops import send_shopify
from handler.cli.send.shops import send_tiendanube
from handler.cli.send.shops import send_woocommerce


@click.group()
def send() -> None:
    """Send a signed test notification to a running handler.

    The secret is taken from the same settings as the handler's.

    Example: python -m handler send mercadopago 1319999999 --to http://127.0.0.1:8080
    """


for command in (send_mercadopago, send_merchant, send_shopify, send_tiendanube, send_woocommerce):
    send.add_command(command)
