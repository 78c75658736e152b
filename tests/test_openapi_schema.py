"""`/openapi.json` and the handler agree: Schemathesis reads the one and tries the other, with all of its checks."""

import subprocess
import sys
from pathlib import Path

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient

from handler.models import Delivery
from tests.fakes import NOW
from tests.fakes import mercadopago_delivery
from tests.fakes import merchant_delivery
from tests.forgeries.endpoint import listening
from tests.running import environment
from tests.test_web import post

COMMAND = [
    str(Path(sys.executable).with_name("schemathesis")),
    *("run", "--checks", "all", "--generation-deterministic", "--workers", "1", "--no-color"),
]

WITHDREW = {"type": "buyer.withdrew", "data": {"payment_id": "1"}}
ANSWERED: dict[str, tuple[Delivery, int]] = {
    "accepted": (mercadopago_delivery(), 200),
    "ignored": (merchant_delivery({"type": "order.shipped"}), 200),
    "no id": (mercadopago_delivery(query="type=payment"), 400),
    "no JSON": (merchant_delivery(b"{"), 400),
    "unsigned": (merchant_delivery(WITHDREW, headers={"content-type": "application/json"}), 401),
    "too large": (merchant_delivery(b" " * 70_000), 413),
    "no type": (merchant_delivery(WITHDREW, headers={}), 415),
    "refused by the schema": (merchant_delivery({"type": "buyer.withdrew", "data": {"amount": 1}}), 422),
}


@pytest.mark.slow
def test_the_handler_does_what_its_description_says(tmp_path: Path) -> None:
    """Whatever is sent, by any method, valid or not: each answer is one that is described, and none a fault."""
    with listening(NOW) as endpoint:
        host, port = endpoint.address
        url = f"http://{host}:{port}/openapi.json"

        ran = subprocess.run(
            [*COMMAND, "--max-examples", "50", url],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=55,
            check=False,
        )

    assert ran.returncode == 0, ran.stdout
    assert "8 selected / 8 total" in ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("delivery", "status"), ANSWERED.values(), ids=ANSWERED)
def test_each_kind_of_answer_is_as_described(app: Flask, client: FlaskClient, delivery: Delivery, status: int) -> None:
    """Those too that only a right signature gets."""
    place = schemathesis.openapi.from_wsgi("/openapi.json", app)[f"/notifications/{delivery.source}"]["POST"]

    response = post(client, delivery)

    assert response.status_code == status
    assert str(status) in place.definition.raw["responses"]
    place.validate_response(response)
