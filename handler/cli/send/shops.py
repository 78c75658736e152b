"""`send woocommerce`, `send shopify`, `send tiendanube`: how an order of the shop stands now."""

import click

from handler.cli.send.post import Address
from handler.cli.send.post import addressed
from handler.signing import shopify_request
from handler.signing import tiendanube_request
from handler.signing import woocommerce_request
from handler.sources import shopify
from handler.sources import tiendanube
from handler.sources import woocommerce

_ORDER_ID = click.argument("order_id", type=click.IntRange(1))
#: https://woocommerce.com/document/managing-orders/order-statuses/
STATUSES = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "trash")

_TOTAL = click.option("--total", default="100.00", show_default=True, help="What the order comes to.")
_CURRENCY = click.option("--currency", default="ARS", show_default=True, help="Its currency.")


@click.command(woocommerce.NAME, short_help="WooCommerce: how an order stands now.")
@_ORDER_ID
@click.option("--status", default="cancelled", show_default=True, type=click.Choice(STATUSES), help="How it stands.")
@click.option("--payment-id", multiple=True, help="A payment that Mercado Pago's plugin wrote down; several allowed.")
@_TOTAL
@_CURRENCY
@addressed
def send_woocommerce(address: Address, order_id: int, payment_id: tuple[str, ...], **order: str) -> None:
    """Say, as WooCommerce does, how ORDER_ID stands now.

    Example: python -m handler send woocommerce 727 --payment-id 1319999999
    """
    meta = [{"id": 1, "key": "_Mercado_Pago_Payment_IDs", "value": ", ".join(payment_id)}] if payment_id else []
    document = {"id": order_id, "number": str(order_id), "meta_data": meta, **order}
    request = woocommerce_request(document, address.secret(woocommerce.NAME))
    address.post(woocommerce.NAME, request)


@click.command(shopify.NAME, short_help="Shopify: an order was cancelled, or is open.")
@_ORDER_ID
@click.option("--reason", default="customer", show_default=True, help="Why it was cancelled; `customer` is the buyer.")
@click.option("--open", "is_open", is_flag=True, help="It is open, or open again.")
@_TOTAL
@_CURRENCY
@addressed
def send_shopify(address: Address, order_id: int, reason: str, *, is_open: bool, **price: str) -> None:
    """Say, as Shopify does, that ORDER_ID was cancelled.

    Example: python -m handler send shopify 5612348901234 --reason customer
    """
    order = {"id": order_id, "name": f"#{order_id}", "total_price": price["total"], "currency": price["currency"]}
    request = shopify_request(order, reason, address.secret(shopify.NAME), is_open=is_open)
    address.post(shopify.NAME, request)


@click.command(tiendanube.NAME, short_help="Tiendanube: something about an order changed.")
@_ORDER_ID
@click.option("--store-id", type=click.IntRange(1), required=True, help="The shop; its order is read there.")
@click.option(
    "--event", default="order/cancelled", show_default=True, type=click.Choice(sorted(tiendanube.TOPICS)), help="What."
)
@addressed
def send_tiendanube(address: Address, order_id: int, store_id: int, event: str) -> None:
    """Say, as Tiendanube does, that something about ORDER_ID changed.

    Example: python -m handler send tiendanube 871254203 --store-id 1234567
    """
    request = tiendanube_request(order_id, store_id, event, address.secret(tiendanube.NAME))
    address.post(tiendanube.NAME, request)
