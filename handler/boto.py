"""AWS's own clients: short of patience, because somebody waits, and their errors in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError

from handler.errors import ConfigError
from handler.errors import StorageError

#: Seconds for a connection and for an answer: two tries and the pause between them are six at most.
CONNECT, READ = 1.0, 1.5


def client(service: str, tries: int = 2) -> Any:
    """Return a client; region, credentials and endpoint are those of the AWS environment. Raises ConfigError."""
    config = Config(
        connect_timeout=CONNECT, read_timeout=READ, retries={"mode": "standard", "total_max_attempts": tries}
    )
    try:
        return boto3.client(service, config=config)  # type: ignore[call-overload]  # any service it knows
    except BotoCoreError as error:
        raise ConfigError([f"AWS: {error}"]) from error


@contextmanager
def storage(service: str) -> Iterator[None]:
    """Raise StorageError for whatever a service answers but success; a handler of its errors goes inside."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        msg = f"{service}: {error}"
        raise StorageError(msg) from error
