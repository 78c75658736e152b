"""Who is told: whether a test message is taken, and whether anything waits that nobody took."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from datetime import timedelta
from uuid import uuid4

from handler.cases import Cases
from handler.cases import open_cases
from handler.config import Config
from handler.errors import CasesError
from handler.errors import ConfigError
from handler.errors import NoticeError
from handler.findings import Finding
from handler.models import DEFAULT_ACCOUNT
from handler.models import Notice
from handler.models import NoticeKind
from handler.notices import channels_of
from handler.notices.channel import Channel
from handler.notices.channel import Message

#: How long something may wait to be told before it is a finding.
LATE = timedelta(minutes=15)

REMEDIES = {
    "webhook": "look at ALERT_URL, at who listens there, and whether it answers 2xx",
    "email": "look at SMTP_URL, ALERT_EMAIL and ALERT_EMAIL_FROM, and at the log of the mail server",
    "woocommerce": "look at WOOCOMMERCE_URL, and whether the REST key may write",
}


def look_at_alerts(config: Config, now: datetime) -> Iterator[Finding]:
    """Yield what has been waiting for long to be told."""
    # What keeps the record from being read is told by whoever looks at it.
    with suppress(CasesError, ConfigError):
        record = open_cases(config.database_url, read_only=True)
        try:
            yield from filter(None, [_late(channel, record, now) for channel in _channels(config, lambda: now)])
        finally:
            record.close()


def try_alerts(environ: Mapping[str, str], clock: Callable[[], datetime]) -> Iterator[Finding]:
    """Send a test message through each channel that is set up; yield whether it was taken."""
    try:
        channels = _channels(Config.from_environ(environ), clock)
    except ConfigError:
        # Told by whoever looks at the settings.
        return
    notice = Notice("", f"{NoticeKind.TEST}:{uuid4().hex}", NoticeKind.TEST, DEFAULT_ACCOUNT, clock(), "", "")
    wanted = [channel for channel in channels if channel.wants(notice)]
    yield from (_tested(channel, Message([notice])) for channel in wanted)
    if not wanted:
        yield Finding.ill("nobody is told of anything", "set ALERT_URL or ALERT_EMAIL; docs/alerts.md tells how")


def _channels(config: Config, clock: Callable[[], datetime]) -> list[Channel]:
    return channels_of(config.alerts, lambda account: config.accounts[account].woocommerce, clock)


def _tested(channel: Channel, message: Message) -> Finding:
    try:
        channel.send(message)
    except NoticeError as error:
        return Finding.ill(f"{channel.name}: a test message was not taken: {error}", REMEDIES[channel.name])
    return Finding.well(f"{channel.name}: a test message was taken")


def _late(channel: Channel, record: Cases, now: datetime) -> Finding | None:
    untold = record.untold(channel.name, 1)
    if not untold or now - untold[0].at < LATE:
        return None
    since = f"{untold[0].at:%Y-%m-%d %H:%M}Z"
    return Finding.ill(f"{channel.name}: what happened at {since} was not told yet", REMEDIES[channel.name])
