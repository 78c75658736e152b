"""The settings in force while the handler runs: read anew on request, the last good ones kept."""

import logging
from collections.abc import Callable

from handler.config import Config
from handler.errors import ConfigError
from handler.sellers import Sellers
from handler.sources import SourceSettings

logger = logging.getLogger(__name__)


class LiveConfig:
    """What `read` gave last without raising ConfigError, and the sellers it names."""

    def __init__(self, read: Callable[[], Config]) -> None:
        self._read = read
        self.config = read()
        self.sellers = Sellers(self.config.workers)
        self.sellers.serve(self.config.accounts)

    def reload(self) -> None:
        """Take over accounts, tokens and secrets as they are now, or leave everything as it was and say so."""
        try:
            config = self._read()
        except ConfigError as error:
            logger.error("the settings in force stay, because the new ones cannot be used: %s", error)
            return
        if (config.database_url, config.workers) != (self.config.database_url, self.config.workers):
            logger.warning("DATABASE_URL and WORKERS are only changed by a restart")
        self.sellers.serve(config.accounts)
        self.config = config
        logger.info("settings read anew, accounts: %s", ", ".join(sorted(config.accounts)))

    def source_of(self, account: str, source: str) -> SourceSettings | None:
        """Return the settings in force of a source of an account."""
        return self.config.source_of(account, source)
