"""Addresses as options take them: where to listen, until a signal comes, and whom to call."""

import logging
import signal
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

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
        why = str(error.strerror).partition(" (while ")[0]
        raise click.UsageError(
            f"{host}:{port} cannot be listened on: {why}; give an address of this machine"
        ) from error
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    return server


class WebAddress(click.ParamType[str]):
    """An address that begins with http:// or https://, without the slash at its end."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address; what may hold a password is not shown."""
        text = str(value).rstrip("/")
        if "@" in text:
            self.fail("leave user and password out of it: they would be shown", param, ctx)
        if not text.startswith(("http://", "https://")):
            self.fail(f"{value!r} does not begin with http:// or https://", param, ctx)
        if not _has_place(text):
            self.fail(f"{value!r} is no address: give a host, and a port from 1 to 65535 if any", param, ctx)
        return text


def _has_place(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


WEB_ADDRESS = WebAddress()
