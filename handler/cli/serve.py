"""`serve`: the endpoint and its worker in one process."""

import logging
import signal
import sys
from contextlib import ExitStack
from functools import partial

import click

from handler.allowance import Allowance
from handler.by_hand import released
from handler.by_hand import replayed
from handler.cases import open_cases
from handler.cli.address import at_address
from handler.cli.address import server_at
from handler.cli.environment import collect_garbage_seldom
from handler.cli.environment import environment
from handler.cli.environment import names_in_file
from handler.cli.environment import process_environment
from handler.cli.environment import stay_on_one_core
from handler.cli.live_config import LiveConfig
from handler.clock import utc_now
from handler.config import Config
from handler.doctor.settings import misspelt
from handler.logs import log_to
from handler.metrics import Metrics
from handler.models import Target
from handler.notices import channels_of
from handler.notices import names_of
from handler.page import Page
from handler.page import serve_page
from handler.receive import Reception
from handler.rounds import Rounds
from handler.services import Services
from handler.teller import Teller
from handler.tracing import tracing_for
from handler.web import create_app
from handler.web.metrics import MetricsPage
from handler.worker import Worker

logger = logging.getLogger(__name__)

#: How long a stop waits for cases in hand, in seconds: one exchange with Mercado Pago, and a little.
PATIENCE = 20.0

#: How long it waits for a message that is being sent, in seconds: the next start sends it again.
SHORT_PATIENCE = 5.0


@click.command(short_help="Receive notifications and work on them.")
@at_address
def serve(host: str, port: int) -> None:
    """Receive notifications and work on them, until SIGTERM or SIGINT.

    Put a TLS proxy in front and register https://YOUR-HOST/notifications/mercadopago.

    SIGHUP reads accounts, tokens and secrets anew; if they cannot be used, those in force stay.

    Example: python -m handler serve --port 8080
    """
    log_to(sys.stderr)
    stay_on_one_core()
    metrics, tracing = Metrics(utc_now), tracing_for(process_environment())
    live = LiveConfig(lambda: Config.from_environ(environment()), metrics.called, tracing.called)
    with ExitStack() as ending:
        ending.callback(tracing.stop)
        record = open_cases(live.config.database_url)
        ending.callback(record.close)
        metrics.watch(record)
        channels = channels_of(live.config.alerts, live.keys_of, utc_now)
        parts = Services(
            live.sellers, record, ended=metrics.ended, worked=tracing.worked, channels=partial(names_of, channels)
        )
        teller = Teller(channels, record, utc_now)
        worker = Worker(parts, width=live.config.workers)
        services, rounds = worker.services, Rounds(worker.services)
        page, figures = partial(serve_page, page=page_of(live.config, services)), _metrics_page(live.config, metrics)
        app = create_app(_reception(live, services), worker.is_healthy, metrics.heard, figures, page)
        server = server_at(tracing.app(app), host, port)
        signal.signal(signal.SIGHUP, lambda *_: _tell(live.config) if live.reload() else None)
        _tell(live.config)
        _take_over(services)
        worker.start()
        rounds.start()
        teller.start()
        collect_garbage_seldom()
        click.echo(f"Listening on {server.url}")
        server.run()
        worker.stop(PATIENCE)
        rounds.stop()
        teller.stop(SHORT_PATIENCE)


def _reception(live: LiveConfig, services: Services) -> Reception:
    return Reception(live.source_of, services.accept, services.clock, Allowance(services.clock))


def _take_over(services: Services) -> None:
    """Go on where whoever served before was killed, without waiting for its leases to end."""
    left = services.cases.take_over(services.clock())
    if left:
        logger.warning("%d cases were in hand when the handler before this one died; they go on now", left)


def page_of(config: Config, services: Services) -> Page:
    """Return the status page over these parts of a handler."""

    def replay(target: Target) -> None:
        entry = replayed(services.clock())
        services.cases.look_again(target, entry)
        services.wake(target, entry.at)

    return Page(
        password=lambda: config.page_password,
        cases=lambda: services.cases,
        release=lambda target: services.accept(released(target, services.clock())),
        replay=replay,
        clock=services.clock,
    )


def _metrics_page(config: Config, metrics: Metrics) -> MetricsPage | None:
    return MetricsPage(metrics.told, config.metrics_token) if config.metrics_token else None


def _tell(config: Config) -> None:
    """Log what is served, and what was probably meant otherwise."""
    for finding in misspelt(environment(), names_in_file()):
        logger.warning("%s: %s", finding.seen, finding.remedy)
    for name, account in config.accounts.items():
        sources = ", ".join(config.sources[name])
        logger.info("account %s: listens to %s; MODE=%s; calls %s", name, sources, account.mode, account.api_url)
    logger.info("cases are in %s", config.database_url)
