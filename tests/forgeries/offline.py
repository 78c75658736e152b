"""The same way through parser and application, in memory: fast enough for thousands of requests; nothing is stored."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any

from waitress.adjustments import Adjustments
from waitress.task import WSGITask
from werkzeug.test import run_wsgi_app

from handler.allowance import Allowance
from handler.config import read_sources
from handler.models import Notification
from handler.receive import Reception
from handler.server import CUT_OFF
from handler.server import SETTINGS
from handler.server.parser import StrictParser
from handler.web import create_app
from tests.forgeries.accounts import ACCOUNTS

ADJUSTMENTS = Adjustments(**SETTINGS, max_request_body_size=CUT_OFF)
SERVER = SimpleNamespace(adj=ADJUSTMENTS, effective_port=80, server_name="handler.example")
CHANNEL = SimpleNamespace(server=SERVER, addr=("127.0.0.1", 1), check_client_disconnected=lambda: False)


class Offline:
    """A handler that keeps what it believes in a list."""

    def __init__(self, now: datetime) -> None:
        self.believed: list[Notification] = []
        accounts = {name: read_sources(environ) for name, environ in ACCOUNTS.items()}
        reception = Reception(
            lambda account, source: accounts.get(account, {}).get(source),
            self._accept,
            lambda: now,
            Allowance(lambda: now),
        )
        self._app = create_app(reception, lambda: True)

    def _accept(self, notification: Notification) -> bool:
        self.believed.append(notification)
        return True

    def answer(self, raw: bytes) -> int:
        """Return the status that the first request in some bytes gets, 0 if it has no end."""
        parser = parsed(raw)
        if not parser.completed or parser.empty:
            return 0
        if parser.error is not None:
            return int(parser.error.code)
        _, status, _ = run_wsgi_app(self._app, WSGITask(CHANNEL, parser).get_environment(), buffered=True)
        return int(status[:3])


def parsed(raw: bytes) -> Any:
    """Return the first request in some bytes, as the server's own parser reads it."""
    parser = StrictParser(ADJUSTMENTS)
    while raw and not parser.completed:
        raw = raw[parser.received(raw) :]
    return parser
