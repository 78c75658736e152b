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

#: Two tries and the pause between them fit into the five seconds that the most impatient sender waits.
CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})


def client(service: str) -> Any:
    """Return a client; region, credentials and endpoint are those of the AWS environment. Raises ConfigError."""
    try:
        return boto3.client(service, config=CONFIG)  # type: ignore[call-overload]  # any service it knows
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
