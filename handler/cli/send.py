"""`send`: a correctly signed test notification to a running handler."""

import json
from datetime import UTC
from datetime import datetime
from uuid import uuid4

import click

from handler.cli.environment import environment
from handler.config import SECRET_SETTINGS
from handler.config import read_source
from handler.config import settings_of
from handler.errors import ConfigError
from handler.exchange import USER_AGENT
from handler.exchange import Exchange
from handler.models import DEFAULT_ACCOUNT
from handler.sources import mercadopago
from handler.sources import merchant

to_option = click.option("--to", default="http://127.0.0.1:8080", show_default=True, help="Where the handler listens.")
account_option = click.option("--account", default=DEFAULT_ACCOUNT, show_default=True, help="The account it is for.")


@click.group()
def send() -> None:
    """Send a signed test notification to a running handler.

    The secret is taken from the same settings as the handler's.
    """


@send.command("mercadopago")
@click.argument("data_id")
@click.option("--type", "topic", default="payment", show_default=True, help="The topic.")
@click.option("--request-id", default=None, help="x-request-id; a new one if not given.")
@account_option
@to_option
def send_mercadopago(data_id: str, topic: str, request_id: str | None, account: str, to: str) -> None:
    """Say, as Mercado Pago does, that something about DATA_ID changed.

    Example: python -m handler send mercadopago 1319999999
    """
    request = mercadopago_request(data_id, topic, request_id or str(uuid4()), _secret(account, mercadopago.NAME))
    _post(to, f"{account}/{mercadopago.NAME}", *request)


@send.command("merchant")
@click.argument("event", type=click.Choice(sorted(merchant.TOPICS)))
@click.option("--payment-id", help="The payment that fell through.")
@click.option("--order-id", help="The order of the Orders API that fell through.")
@click.option("--external-reference", help="The purchase that fell through; beside --payment-id, a guard.")
@click.option("--amount", help="A guard, such as 1500.00.")
@click.option("--currency", help="A guard, such as ARS.")
@click.option("--reason", help="Why, in words; it is not stored.")
@click.option("--id", "webhook_id", default=None, help="webhook-id; a new one if not given.")
@account_option
@to_option
def send_merchant(event: str, webhook_id: str | None, account: str, to: str, **data: str | None) -> None:
    """Say, as the seller's own system does, that a purchase fell through.

    Example: python -m handler send merchant buyer.withdrew --payment-id 1319999999
    """
    given = {name: value for name, value in data.items() if value is not None}
    request = merchant_request(event, given, webhook_id or f"msg_{uuid4().hex}", _secret(account, merchant.NAME))
    _post(to, f"{account}/{merchant.NAME}", *request)


def mercadopago_request(data_id: str, topic: str, request_id: str, secret: str) -> tuple[str, dict[str, str], bytes]:
    """Return query, headers and body of a notification of Mercado Pago, signed now."""
    now = datetime.now(UTC)
    ts = str(int(now.timestamp()))
    signature = mercadopago.sign(data_id, request_id, ts, secret)
    body = {
        "action": f"{topic}.updated",
        "api_version": "v1",
        "data": {"id": data_id},
        "date_created": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "id": uuid4().int % 10**12,
        "live_mode": True,
        "type": topic,
        "user_id": 169526408,
    }
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"{USER_AGENT} send",
        "x-request-id": request_id,
        "x-signature": f"ts={ts},v1={signature}",
    }
    return f"?data.id={data_id}&type={topic}", headers, json.dumps(body).encode()


def merchant_request(
    event: str, data: dict[str, str], webhook_id: str, secret: str
) -> tuple[str, dict[str, str], bytes]:
    """Return query, headers and body of an event of the seller, signed now."""
    now = datetime.now(UTC)
    timestamp = str(int(now.timestamp()))
    body = json.dumps({"type": event, "timestamp": now.isoformat(), "data": data}).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"{USER_AGENT} send",
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": merchant.sign(webhook_id, timestamp, body, secret),
    }
    return "", headers, body


def _secret(account: str, source: str) -> str:
    settings = read_source(settings_of(environment(), account), source)
    if settings is None:
        raise ConfigError([f"{SECRET_SETTINGS[source]} is not set, so nothing can be signed for source {source}"])
    return settings.secrets[0]


def _post(to: str, sender: str, query: str, headers: dict[str, str], body: bytes) -> None:
    exchange = Exchange(connections=1, user_agent=USER_AGENT)
    answer = exchange.send("POST", f"{to.rstrip('/')}/notifications/{sender}{query}", headers=headers, data=body)
    exchange.close()
    click.echo(f"{answer.status} {answer.body.decode(errors='replace').strip()}")
    if answer.status != 200:
        raise SystemExit(1)
