"""The settings in force while the handler runs: read anew on request, the last good ones kept."""

import logging
from collections.abc import Callable

from handler.config import Config
from handler.config import ShopKeys
from handler.errors import ConfigError
from handler.exchange import USER_AGENT
from handler.exchange import Exchange
from handler.exchange import Watcher
from handler.sellers import Sellers
from handler.sources import SourceSettings

logger = logging.getLogger(__name__)


class LiveConfig:
    """What `read` gave last without raising ConfigError, and its sellers; `watchers` are told of their calls."""

    def __init__(self, read: Callable[[], Config], *watchers: Watcher) -> None:
        self._read = read
        self.config = read()
        workers = self.config.workers
        # Whoever calls, the rounds too, has one of the sellers' seats: more connections would never be used.
        exchange = Exchange(connections=workers, user_agent=USER_AGENT, watchers=watchers)
        self.sellers = Sellers(workers, exchange=exchange)
        self.sellers.serve(self.config.accounts)

    def reload(self) -> bool:
        """Take over accounts, tokens and secrets as they are now; or leave everything as it was, and say so: False."""
        try:
            config = self._read()
        except ConfigError as error:
            logger.error("the settings in force stay, because the new ones cannot be used: %s", error)
            return False
        if _fixed(config) != _fixed(self.config):
            logger.warning(
                "DATABASE_URL, WORKERS, METRICS_TOKEN, PAGE_PASSWORD and where alerts go are only changed by a restart"
            )
        self.sellers.serve(config.accounts)
        self.config = config
        logger.info("settings read anew, accounts: %s", ", ".join(sorted(config.accounts)))
        return True

    def keys_of(self, account: str) -> ShopKeys | None:
        """Return with what notes are written into the shop of an account, None if nothing is set."""
        found = self.config.accounts.get(account)
        return found.woocommerce if found else None

    def source_of(self, account: str, source: str) -> SourceSettings | None:
        """Return the settings in force of a source of an account."""
        return self.config.source_of(account, source)


def _fixed(config: Config) -> tuple[object, ...]:
    return config.database_url, config.workers, config.metrics_token, config.page_password, config.alerts
