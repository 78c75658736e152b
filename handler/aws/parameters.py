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
Settings = Mapping[str, str]

#: How long what was read is used without looking again.
FRESH = timedelta(minutes=5)

logger = logging.getLogger(__name__)


class Parameters(Generic[T]):
    """What `read` makes of each account's parameters, `<path>/<account>/<NAME>`; it may raise ConfigError."""

    def __init__(
        self,
        client: "SSMClient",
        path: str,
        read: Callable[[str, Settings], T],
        clock: Callable[[], datetime],
        *,
        is_needed: bool = True,
    ) -> None:
        self._client = client
        self._path = path
        self._read = read
        self._clock = clock
        self._is_needed = is_needed
        self._accounts: frozenset[str] = frozenset()
        self._good: dict[str, tuple[Settings, T]] = {}
        self._fresh_until: datetime | None = None

    def all(self) -> Mapping[str, T]:
        """Return what is in force, by account.

        Raises StorageError while nothing good was ever read; where nothing is needed, while nothing was ever read.
        """
        now = self._clock()
        if self._fresh_until is None or now >= self._fresh_until:
            is_read = self._renew()
            if not self._good and (self._is_needed or not is_read):
                msg = f"there are no good parameters under {self._path}"
                raise StorageError(msg)
            self._fresh_until = now + FRESH
        return {name: value for name, (_, value) in self._good.items()}

    def of(self, account: str) -> T | None:
        """Return what is in force for an account, None if there is no such; raises StorageError.

        It is also raised for an account that is there but was never good: that is our fault, not the
        sender's.
        """
        found = self.all().get(account)
        if found is None and account in self._accounts:
            msg = f"the parameters of account {account} cannot be used"
            raise StorageError(msg)
        return found

    def _renew(self) -> bool:
        """Read the accounts one by one: what is wrong with one leaves the others alone, and itself as it was.

        False if the store could not be read.
        """
        try:
            found = self._fetched()
        except (StorageError, ConfigError) as error:
            logger.error("the parameters under %s cannot be read: %s", self._path, error)
            return False
        self._accounts = frozenset(found)
        self._good = {name: good for name, good in self._good.items() if name in found}
        for name, settings in found.items():
            if name in self._good and self._good[name][0] == settings:
                continue
            try:
                self._good[name] = settings, self._read(name, settings)
            except ConfigError as error:
                logger.error("the parameters of account %s cannot be used: %s", name, error)
        return True

    def _fetched(self) -> Mapping[str, Settings]:
        found: dict[str, dict[str, str]] = {}
        pages = self._client.get_paginator("get_parameters_by_path")
        with storage("Parameter Store"):
            for page in pages.paginate(Path=self._path, Recursive=True, WithDecryption=True):
                for parameter in page["Parameters"]:
                    account, _, name = parameter["Name"].removeprefix(f"{self._path}/").partition("/")
                    found.setdefault(account, {})[name] = parameter["Value"]
        if not found and self._is_needed:
            raise ConfigError([f"there is nothing under {self._path}"])
        return found
