"""Where somebody is told, from the Parameter Store: `<path>/default/ALERT_URL`, and each account's keys of its shop."""

import logging
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime

from handler.aws.parameters import Parameters
from handler.aws.parameters import Settings
from handler.boto import client
from handler.config import Alerts
from handler.config import ShopKeys
from handler.config import read_alert_settings
from handler.errors import ConfigError
from handler.models import DEFAULT_ACCOUNT
from handler.models import Notice
from handler.notices import channels_of
from handler.notices import names_of
from handler.notices.channel import Channel
from handler.notices.mail import wants

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """What is set under one account; `problem` is why it cannot be used."""

    alerts: Alerts = field(default_factory=Alerts)
    keys: ShopKeys | None = None
    problem: str = ""


def parameters_at(path: str, clock: Callable[[], datetime]) -> Parameters[AlertSettings]:
    """Return what is set, by account; nothing need be."""
    return Parameters(client("ssm"), path, _read, clock, is_needed=False)


def channels_by(settings: Mapping[str, AlertSettings], clock: Callable[[], datetime]) -> list[Channel]:
    """Return the channels that are on."""
    nothing = AlertSettings()
    alerts = settings.get(DEFAULT_ACCOUNT, nothing).alerts
    return channels_of(alerts, lambda account: settings.get(account, nothing).keys, clock)


def names_by(settings: Mapping[str, AlertSettings], channels: Sequence[Channel], notice: Notice) -> list[str]:
    """Return through which channels a notice goes; while it cannot be told which are meant, through all for people."""
    if settings.get(DEFAULT_ACCOUNT, AlertSettings()).problem:
        return ["webhook", *(["email"] if wants(notice) else [])]
    return names_of(channels, notice)


def _read(account: str, settings: Settings) -> AlertSettings:
    try:
        return AlertSettings(*read_alert_settings(settings))
    except ConfigError as error:
        logger.error("the alerts of account %s cannot be used: %s", account, error)
        return AlertSettings(problem=str(error))
