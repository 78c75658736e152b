"""Durable acknowledgements: the handler against a bare WSGI callable that checks the HMAC and commits the same row."""

import secrets
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.figures import percentile
from benchmarks.figures import ratio
from benchmarks.load import Load
from benchmarks.load import post
from benchmarks.load import send
from handler.cli.demo import running_handler
from handler.signing import merchant_request

WHSEC = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
BARE = (sys.executable, "-m", "benchmarks.bare")


def acknowledge(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Measure both in turn, at 16 and 64 connections; every request is unique and rightly signed."""
    rounds, number = (2, 500) if quick else (7, 4000)
    for connections in (16, 64):
        ours: list[Load] = []
        bare: list[Load] = []
        for index in range(rounds):
            for loads, command in ((ours, None), (bare, BARE)):
                loads.append(_measured(folder / f"{connections}-{index}-{bool(command)}", command, number, connections))
        yield Figure(f"acknowledged, {connections} connections: ours", [load.per_second for load in ours], "/s")
        yield Figure("  bare, durable", [load.per_second for load in bare], "/s")
        yield ratio("  ours : bare", [load.per_second for load in ours], [load.per_second for load in bare])
        p99 = [[1000 * percentile(load.latencies, 0.99) for load in loads] for loads in (ours, bare)]
        yield Figure("  p99: ours", p99[0], "ms")
        yield Figure("  p99: bare, durable", p99[1], "ms")


def _measured(folder: Path, command: tuple[str, ...] | None, number: int, connections: int) -> Load:
    folder.mkdir()
    settings = {
        "MERCADOPAGO_ACCESS_TOKEN": f"APP_USR-{secrets.token_hex(16)}",
        # Nobody is there: what is measured is the acknowledgement, the work waits.
        "MERCADOPAGO_API_URL": "http://127.0.0.1:9",
        "MERCHANT_WEBHOOK_SECRET": WHSEC,
        "DATABASE_URL": f"sqlite:///{folder}/cases.sqlite3",
        "MODE": "observe",
        "WORKERS": "1",
        "MAX_REQUESTS_PER_SECOND": "0.1",
    }
    requests = [_request(str(1319000000 + index)) for index in range(number)]
    with running_handler(folder, settings, *([command] if command else [])) as url:
        return send(url, requests, connections)


def _request(payment_id: str) -> bytes:
    _, headers, body = merchant_request("buyer.withdrew", {"payment_id": payment_id}, f"msg_{payment_id}", WHSEC)
    return post("/notifications/merchant", headers, body)
