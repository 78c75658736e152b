"""`demo`: the main job for real, over loopback HTTP, told as a table."""

import logging
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import click

from handler.cases import open_cases
from handler.cli.environment import environment
from handler.cli.environment import use_color
from handler.cli.scenes import SCENES
from handler.cli.scenes import Scene
from handler.cli.scenes import Stage
from handler.cli.table import kept
from handler.cli.table import room
from handler.clock import utc_now
from handler.server import Server
from handler.simulator import Memory
from handler.simulator import Simulator

SERVE = (sys.executable, "-m", "handler", "serve", "--port", "0")

WIDTHS = (45, 23, 18, 24)

#: What is left out on a narrow terminal: first what was read, then the rule.
DISPENSABLE = (1, 2)


@click.command(short_help="Watch reserves being released, on this machine.")
def demo() -> None:
    """Watch reserves being released: a handler, a pretend Mercado Pago, signed notifications over real HTTP.

    Example: python -m handler demo
    """
    color = use_color(environment())
    # One scene breaks a connection off on purpose; the server of the pretend Mercado Pago would complain.
    logging.getLogger("waitress").setLevel(logging.CRITICAL)
    click.echo("Starting a handler and a pretend Mercado Pago on this machine ...")
    with tempfile.TemporaryDirectory() as folder, _stage(Path(folder)) as stage:
        _echo(("NOTIFICATION", "WHAT WAS READ", "RULE", "OUTCOME"), "MS", color=color)
        tell(SCENES, stage, color=color)
    click.echo(f"All {len(SCENES)} came out as told.")


def tell(scenes: Sequence[tuple[str, Scene]], stage: Stage, *, color: bool) -> None:
    """Play each scene and tell how it came out; raises ClickException if one came out otherwise than told."""
    failed = [title for title, play in scenes if not _played(stage, title, play, color=color)]
    if failed:
        raise click.ClickException(f"not as told: {', '.join(failed)}")


def _played(stage: Stage, title: str, play: Scene, *, color: bool) -> bool:
    begun = time.perf_counter()
    row = play(stage)
    milliseconds = (time.perf_counter() - begun) * 1000
    mark = click.style(row.outcome.ljust(WIDTHS[3]), fg="green" if row.as_told else "red")
    _echo((title, row.read, row.rule, mark), f"{milliseconds:.0f}", color=color)
    return row.as_told


def _echo(cells: tuple[str, ...], last: str, *, color: bool) -> None:
    texts = [*(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=True)), f"{last:>5}"]
    fitting = kept([*WIDTHS, 5], DISPENSABLE, room())
    click.echo(" ".join(texts[each] for each in fitting), color=color)


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    token, whsec = f"APP_USR-{secrets.token_hex(16)}", "whsec_" + b64encode(secrets.token_bytes(32)).decode()
    mp_secret, shop_secret = secrets.token_hex(32), secrets.token_hex(32)
    simulator = Simulator(Memory(access_token=token, clock=utc_now))
    upstream = Server(simulator.app, "127.0.0.1", 0)
    thread = Thread(target=upstream.run, daemon=True)
    thread.start()
    settings = {
        "MERCADOPAGO_API_URL": upstream.url,
        "MERCADOPAGO_ACCESS_TOKEN": token,
        "MERCADOPAGO_WEBHOOK_SECRET": mp_secret,
        "MERCHANT_WEBHOOK_SECRET": whsec,
        "SHOPIFY_WEBHOOK_SECRET": shop_secret,
        "WOOCOMMERCE_WEBHOOK_SECRET": shop_secret,
        "DATABASE_URL": f"sqlite:///{folder}/handler.sqlite3",
        "GRACE_PERIOD": "1",
        "RETRY_SCHEDULE": "1",
        # All of it happens within three seconds.
        "MAX_REQUESTS_PER_SECOND": "100",
    }
    try:
        with running_handler(folder, settings) as url:
            record = open_cases(settings["DATABASE_URL"], read_only=True)
            yield Stage(simulator, record, url, whsec, mp_secret, shop_secret)
            record.close()
    finally:
        upstream.stop()
        thread.join()


def _surroundings() -> dict[str, str]:
    """Return what any process needs; no setting of the handler that happens to be in force here."""
    return {name: value for name, value in os.environ.items() if name.startswith(("PATH", "LANG", "LC_", "COVERAGE"))}


@contextmanager
def running_handler(folder: Path, settings: dict[str, str], command: Sequence[str] = SERVE) -> Iterator[str]:
    """Run `serve` as anybody would, in a process of its own; it must end well when told to."""
    log = folder / "handler.log"
    search = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    with log.open("w") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own command, nothing of it from outside
            command,
            cwd=folder,
            env={**_surroundings(), **settings, "PYTHONPATH": search},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        first_line = process.stdout.readline() if process.stdout else ""
        if not first_line.startswith("Listening on "):
            raise click.ClickException(f"the handler did not start: {log.read_text()}")
        yield first_line.split()[-1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    if process.returncode != 0:
        raise click.ClickException(f"the handler ended with status {process.returncode}")
