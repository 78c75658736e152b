"""The handler as anybody runs it: `python -m handler serve`, a process of its own, over real HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handler.cases import Cases
from handler.cases import open_cases
from handler.exchange import Answer
from handler.exchange import Exchange
from handler.models import Case
from handler.models import Delivery
from handler.models import Target
from tests.fakes import ENVIRON

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "handler"]


def environment(**settings: str) -> dict[str, str]:
    """Return the surroundings of a command: what a process needs, and the settings."""
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("PATH", "COVERAGE", "LANG"))}
    return {**kept, "PYTHONPATH": str(ROOT), **settings}


def run(*arguments: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the handler to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Handler:
    """A running `serve` in a folder."""

    def __init__(
        self, folder: Path, upstream: str, environ: Mapping[str, str] = ENVIRON, *, port: int = 0, **settings: str
    ) -> None:
        self.folder = folder
        self.upstream = upstream
        self._port = port
        self.database_url = f"sqlite:///{folder}/cases.sqlite3"
        self._settings = {**environ, "MERCADOPAGO_API_URL": upstream, "DATABASE_URL": self.database_url, **settings}
        self._exchange = Exchange(connections=64, user_agent="tests")
        self.start()

    def start(self) -> None:
        """Start, or start again."""
        self._begin()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("Listening on http://127.0.0.1:"), self.log()
        self.url = line.split()[-1]

    def start_in_vain(self, seconds: float) -> None:
        """Start, and be killed so soon, listening or not."""
        self._begin()
        time.sleep(seconds)
        self.stop(signal.SIGKILL)

    def _begin(self) -> None:
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", "--port", str(self._port)],
                cwd=self.folder,
                env=environment(**self._settings),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; return its exit status."""
        self.process.send_signal(number)
        status = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def close(self) -> None:
        if self.process.poll() is None:
            self.stop()
        self._exchange.close()

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def post(self, delivery: Delivery) -> Answer:
        """Send a delivery."""
        url = f"{self.url}/notifications/{delivery.account}/{delivery.source}?{delivery.query}"
        return self._exchange.send("POST", url, headers=dict(delivery.headers), data=delivery.body)

    def receipt(self, delivery: Delivery) -> str:
        """Send a delivery that is believed; return its receipt."""
        answer = self.post(delivery)
        assert answer.status == 200, answer
        document: dict[str, Any] = json.loads(answer.body)
        return str(document["receipt"])

    def get(self, path: str, **headers: str) -> Answer:
        return self._exchange.send("GET", self.url + path, headers=headers, data=None)

    def cases(self) -> Cases:
        """Open the record beside the running handler."""
        return open_cases(self.database_url, read_only=True)

    def ended(self, target: Target, seconds: float = 10) -> Case:
        """Wait until a case has ended."""
        record = self.cases()
        case: Case | None = None

        def has_ended() -> bool:
            nonlocal case
            case = record.get(target)
            return case is not None and not case.state.is_open

        wait_until(has_ended, seconds)
        record.close()
        assert case is not None
        return case


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something that other threads or processes bring about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.002)
