"""The whole receiving half on a free port: sockets, server, application and record are real, the clock stands still."""

import re
import socket
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from itertools import count
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

from handler.allowance import Allowance
from handler.cases import Cases
from handler.cases import open_cases
from handler.config import read_sources
from handler.models import Notification
from handler.models import Sign
from handler.receive import Reception
from handler.server import Server
from handler.web import create_app
from handler.web.metrics import MetricsPage
from tests.forgeries.accounts import ACCOUNTS
from tests.forgeries.case import Case
from tests.forgeries.case import Outcome

#: How long an answer may take, in seconds; a connection that is neither answered nor closed by then is a fault.
PATIENCE = 8.0

_STATUS = re.compile(rb"^HTTP/1\.[01] ([0-9]{3}) ", re.MULTILINE)


@dataclass
class Endpoint:
    """Where cases are sent to; `cases` is the record behind it, `stored` what was put there."""

    cases: Cases
    now: datetime
    stored: list[Notification] = field(default_factory=list)
    address: tuple[str, int] = ("", 0)

    def reception(self) -> Reception:
        """Return the receiving half before the record."""
        accounts = {name: read_sources(environ) for name, environ in ACCOUNTS.items()}
        return Reception(
            lambda account, source: accounts.get(account, {}).get(source),
            self._accept,
            lambda: self.now,
            Allowance(lambda: self.now),
        )

    def _accept(self, notification: Notification) -> bool:
        is_new = self.cases.accept(notification)
        self.stored.append(notification)
        return is_new

    def send(self, raw: bytes, *, is_cut: bool = False) -> bytes:
        """Return all that is answered until the connection ends."""
        received = b""
        with socket.create_connection(self.address, timeout=PATIENCE) as connection:
            connection.sendall(raw)
            if is_cut:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                received += part
        return received

    def problem(self, case: Case) -> str:
        """Send a case; return what is wrong with what came of it, empty if nothing is."""
        self.stored.clear()
        try:
            answers = _STATUS.findall(self.send(case.raw, is_cut=case.is_cut))
            statuses = [int(status) for status in answers if status != b"100"]
        except TimeoutError:
            return "neither answered nor closed"
        if any(status >= 500 and status != 501 for status in statuses):
            return f"answered {statuses}"
        return self._wrong(case, statuses) or self._not_on_record(case)

    def _wrong(self, case: Case, statuses: list[int]) -> str:
        first, *others = statuses or [0]
        is_refused = not statuses or 400 <= first < 500 or first == 501
        if is_refused is not (case.outcome is Outcome.REFUSED) or 200 in others:
            return f"answered {statuses}, expected it to be {case.outcome}"
        asks = [told for told in self.stored if told.sign is not Sign.SEEN]
        if case.outcome in {Outcome.REFUSED, Outcome.IGNORED}:
            nothing = self.stored if case.outcome is Outcome.REFUSED else asks
            return f"stored {nothing}" if nothing else ""
        if len(asks) != 1 or bool(asks[0].problem) is not (case.outcome is Outcome.NOTED):
            return f"stored {asks}, expected one that is {case.outcome}"
        return ""

    def _not_on_record(self, case: Case) -> str:
        """Look into the record itself."""
        found = [str(known.target) for known in self.cases.newest(9)]
        if case.outcome is Outcome.NOTED:
            is_right = len(found) == 1 and found[0].rpartition("/")[2].startswith(f"order:{case.source}-")
        else:
            is_right = found == ([case.target] if case.target else [])
        return "" if is_right else f"on record is {found}, expected {case.target or case.outcome}"


def from_everywhere(app: Any) -> Callable[..., Any]:
    """Let each request come from a network of its own: who fails often is slowed down, which is tested elsewhere."""
    networks = count()

    def asked(environ: dict[str, Any], start_response: Any) -> Any:
        return app({**environ, "REMOTE_ADDR": f"2001:db8:{next(networks):x}::1"}, start_response)

    return asked


@contextmanager
def listening(now: datetime) -> Iterator[Endpoint]:
    """Run an endpoint; its record is for the caller to put in place."""
    with TemporaryDirectory() as folder:
        endpoint = Endpoint(new_record(Path(folder)), now)
        page = MetricsPage(lambda: b"", token_hex())
        app = create_app(endpoint.reception(), lambda: True, metrics=page)
        app.wsgi_app = from_everywhere(app.wsgi_app)  # type: ignore[method-assign]  # as Flask means it
        server = Server(app, "127.0.0.1", 0)
        host, port = server.url.removeprefix("http://").split(":")
        endpoint.address = (host, int(port))
        thread = Thread(target=server.run, daemon=True)
        thread.start()
        yield endpoint
        server.stop()
        thread.join()
        endpoint.cases.close()


def new_record(folder: Path) -> Cases:
    """Return an empty record."""
    return open_cases(f"sqlite:///{folder}/cases.sqlite3")
