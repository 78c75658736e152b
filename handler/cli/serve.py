"""`serve`: the endpoint and its worker in one process."""

import signal
from threading import Event

import click

from handler.allowance import Allowance
from handler.cases import open_cases
from handler.cli.environment import allow_connections
from handler.cli.environment import environment
from handler.cli.environment import log_to_terminal
from handler.cli.environment import stay_on_one_core
from handler.cli.live_config import LiveConfig
from handler.config import Config
from handler.receive import Reception
from handler.rounds import Rounds
from handler.server import Limits
from handler.server import Server
from handler.services import Services
from handler.web import create_app
from handler.worker import Worker

#: How long a stop waits for cases in hand, in seconds: one exchange with Mercado Pago, and a little.
PATIENCE = 20.0


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
def serve(host: str, port: int) -> None:
    """Receive notifications and work on them, until SIGTERM or SIGINT.

    Put a TLS proxy in front and register https://YOUR-HOST/notifications/mercadopago.

    SIGHUP reads accounts, tokens and secrets anew; if they cannot be used, those in force stay.

    Example: python -m handler serve --port 8080
    """
    live = LiveConfig(lambda: Config.from_environ(environment()))
    log_to_terminal()
    stay_on_one_core()
    woken = Event()
    record = open_cases(live.config.database_url)
    services = Services(live.sellers, record, lambda *_: woken.set())
    worker = Worker(services, woken, width=live.config.workers)
    rounds = Rounds(services)
    reception = Reception(live.source_of, services.accept, services.clock, Allowance(services.clock))
    try:
        app = create_app(reception, worker.is_healthy)
        server = Server(app, host, port, Limits(connections=allow_connections(Limits().connections)))
    except OSError as error:
        record.close()
        raise click.UsageError(f"{host}:{port} cannot be listened on: {error.strerror}") from error
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    signal.signal(signal.SIGHUP, lambda *_: live.reload())
    worker.start()
    rounds.start()
    click.echo(f"Listening on {server.url}")
    server.run()
    worker.stop(PATIENCE)
    rounds.stop()
    record.close()
