"""What tests ask for by name."""

import os
import shutil
import socket
import tempfile
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from handler.cases import Cases
from handler.cases import open_cases
from handler.server import Limits
from handler.server import Server
from handler.services import Services
from handler.simulator import Memory
from handler.simulator import Simulator
from handler.web import create_app
from tests import amazon
from tests import fakes

#: A file system in memory, and how much of it must be free for a run of all tests, in bytes.
IN_MEMORY, ROOM = Path("/dev/shm"), 4 * 1024**3  # noqa: S108 - a folder of one's own is made in it

#: Where pytest makes the folders of tests.
ROOT = "PYTEST_DEBUG_TEMPROOT"


def pytest_configure(config: pytest.Config) -> None:
    """Let the databases of tests live in memory where there is room: nobody needs them after the run."""
    if ROOT not in os.environ and os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free > ROOM:
        os.environ[ROOT] = folder = tempfile.mkdtemp(dir=IN_MEMORY, prefix="tests-")

        def leave() -> None:
            # The next run of this process, or of one that it starts, makes a folder of its own.
            del os.environ[ROOT]
            shutil.rmtree(folder, ignore_errors=True)

        config.add_cleanup(leave)


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """A folder that lasts, for what asks."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:  # noqa: S108 - the same
        yield Path(folder)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: many tests wait for a socket or a clock."""
    return (os.cpu_count() or 1) + 2


#: Of the files with slow tests, those that reach what no other does. All other slow tests try over and over what is
#: covered line by line, and `make test` runs them untraced: traced, they would take half as long again.
TRACED = {
    f"test_{name}.py"
    for name in (
        *("accounts", "aws", "cases", "cli", "docs", "doctor", "dynamodb", "failures", "package", "parameters"),
        *("receipt", "server", "sqlite", "tracing"),
    )
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a pretend AWS is slow; files with much that is slow come first, or all wait for one of them."""
    for item in items:
        if "aws" in getattr(item, "fixturenames", ()) or "[dynamodb" in item.name:
            item.add_marker(pytest.mark.slow)
        if item.path.name not in TRACED and item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.heavy)
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture
def clock() -> fakes.Clock:
    """A clock that stands still."""
    return fakes.Clock()


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a pretend AWS, which every client of this process talks to from then on."""
    with amazon.moto_server(tmp_path_factory.mktemp("moto")) as endpoint, pytest.MonkeyPatch.context() as patch:
        for name, value in {**amazon.CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}.items():
            patch.setenv(name, value)
        yield endpoint


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Where an empty record can be opened."""
    return f"sqlite:///{tmp_path}/cases.sqlite3"


@pytest.fixture
def cases(database_url: str) -> Iterator[Cases]:
    """An empty record."""
    record = open_cases(database_url)
    yield record
    record.close()


@pytest.fixture
def simulator(clock: fakes.Clock) -> Simulator:
    """A pretend Mercado Pago."""
    return Simulator(Memory(access_token=fakes.TOKEN, clock=clock))


@pytest.fixture
def services(cases: Cases, simulator: Simulator, clock: fakes.Clock) -> Services:
    """A handler's parts, its Mercado Pago the simulator in this process."""
    return fakes.services(cases, fakes.DirectExchange(simulator), clock)


@pytest.fixture
def app(services: Services) -> Flask:
    """The endpoint, nobody working behind it."""
    return create_app(fakes.reception(services), lambda: True)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A sender without a network."""
    return app.test_client()


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers for WSGI applications on free ports; they end with the module."""
    with ExitStack() as stack:

        def start(application: Any, **options: Any) -> Server:
            server = Server(application, "127.0.0.1", 0, Limits(**options))
            thread = Thread(target=server.run, daemon=True)
            thread.start()
            stack.callback(thread.join, 15)
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture
def free_port() -> int:
    """A port of this machine that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


@pytest.fixture
def gateway(aws: str, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> amazon.Gateway:
    """A way to the pretend AWS that can fail, for every client that is made from now on."""
    gateway = amazon.Gateway(aws)
    monkeypatch.setenv("AWS_ENDPOINT_URL", serve(gateway).url)
    return gateway
