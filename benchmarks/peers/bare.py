"""What no acknowledgement can be faster than: the handler's own server, the HMAC, and nothing else."""

import os
import signal
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

from handler.cli.environment import stay_on_one_core
from handler.server import Server
from handler.sources import merchant

#: Given the id and the time of a notification.
Store = Callable[[str, str], object]


def serve(store: Store) -> None:
    """Serve until SIGTERM, as `serve` does."""
    stay_on_one_core()
    secret = os.environ["MERCHANT_WEBHOOK_SECRET"]

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        webhook_id, timestamp = environ["HTTP_WEBHOOK_ID"], environ["HTTP_WEBHOOK_TIMESTAMP"]
        body = environ["wsgi.input"].read()
        if merchant.sign(webhook_id, timestamp, body, secret) != environ["HTTP_WEBHOOK_SIGNATURE"]:
            start_response("401 Unauthorized", [("Content-Length", "0")])
            return [b""]
        store(webhook_id, timestamp)
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
        return [b"{}"]

    server = Server(application, "127.0.0.1", int(os.environ["PORT"]))
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    server.run()
