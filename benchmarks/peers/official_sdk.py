"""What the three peers with the official SDK share: a notification checked, and its reserve cancelled."""

import os
from http import HTTPStatus
from typing import Any

import mercadopago
from flask import Flask
from flask import request
from mercadopago.config.config import Config
from standardwebhooks import Webhook
from standardwebhooks import WebhookVerificationError

# The one thing that its documentation does not show: where Mercado Pago is, in this run.
Config._Config__api_base_url = os.environ["MERCADOPAGO_API_URL"]  # noqa: SLF001 - there is no other way

SDK = mercadopago.SDK(os.environ["MERCADOPAGO_ACCESS_TOKEN"])
WEBHOOK = Webhook(os.environ["MERCHANT_WEBHOOK_SECRET"])


def cancel(payment_id: str) -> None:
    """Read the payment, and cancel it if its amount is only reserved."""
    payment = SDK.payment().get(payment_id)["response"]
    if payment["status"] == "authorized" and not payment["captured"]:
        SDK.payment().update(payment_id, {"status": "cancelled"})


def application(work: Any) -> Flask:
    """Return an endpoint that answers once `work` has taken the payment."""
    app = Flask("peer")

    @app.post("/notifications/merchant")
    def notified() -> tuple[dict[str, Any], int]:
        try:
            event = WEBHOOK.verify(request.get_data(), dict(request.headers))
        except WebhookVerificationError:
            return {}, HTTPStatus.UNAUTHORIZED
        work(event["data"]["payment_id"])
        return {}, HTTPStatus.OK

    return app
