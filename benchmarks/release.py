"""From a notification sent to its payment cancelled upstream, against two calls on a warm connection."""

import secrets
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

from benchmarks.figures import Figure
from benchmarks.figures import percentile
from benchmarks.figures import ratio
from handler.calls import Calls
from handler.cli.demo import running_handler
from handler.clock import utc_now
from handler.exchange import USER_AGENT
from handler.exchange import Exchange
from handler.mercadopago import MercadoPago
from handler.models import DEFAULT_ACCOUNT
from handler.models import Target
from handler.models import TargetKind
from handler.pace import Pace
from handler.server import Server
from handler.signing import merchant_request
from handler.simulator import Memory
from handler.simulator import Simulator

#: How long a call upstream takes, in seconds.
LATENCY = 0.05

TOKEN = f"APP_USR-{secrets.token_hex(16)}"
WHSEC = "whsec_" + b64encode(secrets.token_bytes(32)).decode()


def release(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Measure single notifications, one after the other, and the two calls by themselves, in turn."""
    rounds, number = (2, 10) if quick else (7, 40)
    simulator = Simulator(Memory(access_token=TOKEN, clock=utc_now))
    upstream = Server(simulator.app, "127.0.0.1", 0)
    Thread(target=upstream.run, daemon=True).start()
    simulator.app.latency = LATENCY
    settings = {
        "MERCADOPAGO_ACCESS_TOKEN": TOKEN,
        "MERCADOPAGO_API_URL": upstream.url,
        "MERCHANT_WEBHOOK_SECRET": WHSEC,
        "DATABASE_URL": f"sqlite:///{folder}/release.sqlite3",
        "MAX_REQUESTS_PER_SECOND": "1000",
    }
    ours: list[list[float]] = []
    calls: list[list[float]] = []
    with running_handler(folder, settings) as url:
        _notified(simulator, url, 3)
        for _ in range(rounds):
            ours.append(_notified(simulator, url, number))
            calls.append(_called(simulator, upstream.url, number))
    upstream.stop()
    for share in (0.5, 0.99):
        mine, theirs = ([1000 * percentile(times, share) for times in rounds_] for rounds_ in (ours, calls))
        yield Figure(f"sent to cancelled, p{share * 100:.0f}: ours", mine, "ms")
        yield Figure("  two warm calls", theirs, "ms")
        yield ratio("  ours : two warm calls", mine, theirs)


def _notified(simulator: Simulator, url: str, number: int) -> list[float]:
    exchange, times = Exchange(connections=1, user_agent=USER_AGENT), []
    for _ in range(number):
        payment_id = simulator.memory.add_payment()
        _, headers, body = merchant_request("buyer.withdrew", {"payment_id": payment_id}, secrets.token_hex(8), WHSEC)
        begun = time.perf_counter()
        exchange.send("POST", f"{url}/notifications/merchant", headers=headers, data=body)
        times.append(_effective(simulator, payment_id) - begun)
    exchange.close()
    return times


def _called(simulator: Simulator, url: str, number: int) -> list[float]:
    exchange, times = Exchange(connections=1, user_agent=USER_AGENT), []
    headers = {"Authorization": f"Bearer {TOKEN}"}
    client = MercadoPago(Calls(base_url=url, headers=headers, exchange=exchange, pace=Pace(1000), clock=utc_now))
    client.collector_id()
    for _ in range(number):
        payment_id = simulator.memory.add_payment()
        begun = time.perf_counter()
        client.get_payment(payment_id)
        client.cancel(Target(DEFAULT_ACCOUNT, TargetKind.PAYMENT, payment_id), secrets.token_hex(16))
        times.append(_effective(simulator, payment_id) - begun)
    exchange.close()
    return times


def _effective(simulator: Simulator, payment_id: str) -> float:
    """Wait until a payment is cancelled; return when."""
    while simulator.memory.payment(payment_id)["status"] != "cancelled":
        time.sleep(0.0002)
    return time.perf_counter()
