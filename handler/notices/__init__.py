"""Telling somebody outside what happened, through each channel that is set up."""

from collections.abc import Callable
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from functools import partial

from handler.clock import utc_now
from handler.config import Alerts
from handler.config import Config
from handler.config import ShopKeys
from handler.exchange import USER_AGENT
from handler.exchange import Exchange
from handler.models import Notice
from handler.notices import mail
from handler.notices.channel import Channel
from handler.notices.channel import by_kind
from handler.notices.channel import by_kind_in_full
from handler.notices.channel import one_by_one
from handler.notices.channel import together
from handler.notices.mail import Mail
from handler.notices.webhook import Webhook
from handler.notices.woocommerce import OrderNotes
from handler.notices.words import catalog_of

__all__ = ["channels_of", "names_of", "told_by"]

#: How long from one mail to the next, however much happens; and from what Slack is told at once to the next.
BETWEEN_MAILS = timedelta(minutes=10)


def channels_of(
    alerts: Alerts, keys_of: Callable[[str], ShopKeys | None], clock: Callable[[], datetime]
) -> list[Channel]:
    """Return the channels that are on; notes on orders always are, for accounts with keys for it."""
    catalog = catalog_of(alerts.language)
    notes = OrderNotes(keys_of, catalog, _exchange())
    channels = []
    if alerts.url:
        webhook = Webhook(alerts, catalog, _exchange(), clock)
        messages, rest = (by_kind, BETWEEN_MAILS) if alerts.is_for_slack else (by_kind_in_full, timedelta())
        channels.append(Channel("webhook", lambda _notice: True, messages, webhook.send, rest))
    if alerts.server is not None:
        post = Mail(alerts.server, alerts.email, alerts.sender, catalog, clock)
        channels.append(Channel("email", mail.wants, together, post.send, BETWEEN_MAILS))
    return [*channels, Channel("woocommerce", notes.wants, one_by_one, notes.send)]


def names_of(channels: Sequence[Channel], notice: Notice) -> list[str]:
    """Return through which of them a notice goes."""
    return [channel.name for channel in channels if channel.wants(notice)]


def told_by(config: Config) -> Callable[[Notice], list[str]]:
    """Return through which channels a notice goes, for whoever only puts it on record."""
    accounts = config.accounts

    def keys_of(account: str) -> ShopKeys | None:
        return accounts[account].woocommerce if account in accounts else None

    return partial(names_of, channels_of(config.alerts, keys_of, utc_now))


def _exchange() -> Exchange:
    return Exchange(connections=1, user_agent=USER_AGENT)
