"""Settings and secrets from the Parameter Store, all under one path, by account and name.

They are cached, because a request must not wait for them, and the last good ones serve while the store
is away: https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-hierarchies.html
"""

import logging
from collections.abc import Callable
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Generic
from typing import TypeVar

from handler.boto import storage
from handler.errors import ConfigError
from handler.errors import StorageError

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

T = TypeVar("T")
Settings = Mapping[str, Mapping[str, str]]

#: How long what was read is used without looking again.
FRESH = timedelta(minutes=5)

logger = logging.getLogger(__name__)


class Parameters(Generic[T]):
    """What `read` makes of the parameters under a path, `<path>/<account>/<NAME>`."""

    def __init__(
        self, client: "SSMClient", path: str, read: Callable[[Settings], T], clock: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._path = path
        self._read = read
        self._clock = clock
        self._settings: Settings = {}
        self._last: T | None = None
        self._fresh_until: datetime | None = None

    def get(self) -> T:
        """Return what is in force; raises StorageError while nothing good was ever read."""
        now = self._clock()
        if self._last is None or self._fresh_until is None or now >= self._fresh_until:
            self._last = self._renewed()
            self._fresh_until = now + FRESH
        return self._last

    def _renewed(self) -> T:
        try:
            settings = self._fetched()
            if self._last is None or settings != self._settings:
                self._last, self._settings = self._read(settings), settings
            return self._last
        except (StorageError, ConfigError) as error:
            logger.error("the parameters under %s cannot be used: %s", self._path, error)
            if self._last is None:
                msg = f"the parameters under {self._path} cannot be used"
                raise StorageError(msg) from error
            return self._last

    def _fetched(self) -> Settings:
        found: dict[str, dict[str, str]] = {}
        pages = self._client.get_paginator("get_parameters_by_path")
        with storage("Parameter Store"):
            for page in pages.paginate(Path=self._path, Recursive=True, WithDecryption=True):
                for parameter in page["Parameters"]:
                    account, _, name = parameter["Name"].removeprefix(f"{self._path}/").partition("/")
                    found.setdefault(account, {})[name] = parameter["Value"]
        if not found:
            raise ConfigError([f"there is nothing under {self._path}"])
        return found
