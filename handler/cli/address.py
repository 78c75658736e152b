"""Addresses as options take them: where to listen, until a signal comes, and whom to call."""

import logging
import signal
from collections.abc import Callable
from typing import Any

import click

from handler.cli.environment import allow_connections
from handler.server import Limits
from handler.server import Server

_HOST = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
_PORT = click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)


def at_address(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options `host` and `port`."""
    return _HOST(_PORT(command))


def server_at(app: Any, host: str, port: int) -> Server:
    """Return a server that listens, and stops on SIGTERM and SIGINT; raises UsageError if it cannot listen."""
    # A queue inside the server is normal under load; the senders are not kept waiting.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        server = Server(app, host, port, Limits(connections=allow_connections(Limits().connections)))
    except OSError as error:
        raise click.UsageError(f"{host}:{port} cannot be listened on: {error.strerror}") from error
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    return server


class WebAddress(click.ParamType[str]):
    """An address that begins with http:// or https://, without the slash at its end."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address."""
        text = str(value).rstrip("/")
        if not text.startswith(("http://", "https://")):
            self.fail(f"{value!r} does not begin with http:// or https://", param, ctx)
        return text


WEB_ADDRESS = WebAddress()
