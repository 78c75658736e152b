"""Where somebody is told what they must know, and in which language."""

import re
from dataclasses import dataclass
from dataclasses import field
from enum import StrEnum
from urllib.parse import SplitResult
from urllib.parse import unquote
from urllib.parse import urlsplit

from handler.config.reader import LOOPBACK
from handler.config.reader import Reader
from handler.sources.merchant import check_secret

#: Settings of all accounts together.
ALERT_SETTINGS = frozenset(
    {"ALERT_URL", "ALERT_SECRET", "ALERT_EMAIL", "ALERT_EMAIL_FROM", "ALERT_LANGUAGE", "SMTP_URL"}
)

#: Where no signature is looked at: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
SLACK = "hooks.slack.com"

#: Where mail is handed in, by how: https://www.rfc-editor.org/rfc/rfc8314
PORTS = {"smtps": 465, "smtp": 587}

_MAIL = re.compile(r"[^\s@<>,;\"]{1,64}@[A-Za-z0-9.-]{1,255}")


class Language(StrEnum):
    """What messages can be written in."""

    ENGLISH = "en"
    SPANISH = "es"
    PORTUGUESE = "pt"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed in: encrypted from the start, or by STARTTLS; in the clear only on this very machine."""

    host: str
    port: int
    is_encrypted: bool
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def is_local(self) -> bool:
        """Whether it is on this very machine."""
        return self.host in LOOPBACK or self.host == "::1"


@dataclass(frozen=True, slots=True)
class Alerts:
    """An address for webhooks, who gets mail, both or neither; `url` is empty, `server` None for what is off."""

    url: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    email: str = ""
    sender: str = ""
    server: SmtpServer | None = None
    language: Language = Language.ENGLISH

    @property
    def is_for_slack(self) -> bool:
        """Whether messages go to a channel of Slack."""
        return urlsplit(self.url).hostname == SLACK


def read_alerts(reader: Reader) -> Alerts:
    """Return where somebody is told; what is wrong with it the reader keeps."""
    email = _address(reader, "ALERT_EMAIL")
    server = _server(reader) if email else None
    alerts = Alerts(
        url=reader.address("ALERT_URL"),
        secret=reader.text("ALERT_SECRET"),
        email=email if server else "",
        sender=_address(reader, "ALERT_EMAIL_FROM") or email,
        server=server,
        language=reader.choice("ALERT_LANGUAGE", Language, Language.ENGLISH, Language.ENGLISH),
    )
    if alerts.url and not alerts.is_for_slack and (problem := _secret_problem(alerts.secret)):
        reader.problems.append(
            f"ALERT_SECRET {problem}: it signs what goes to ALERT_URL; .env.example has a line that makes one"
        )
    return alerts


def _secret_problem(secret: str) -> str | None:
    return check_secret(secret) if secret else "is not set"


def _address(reader: Reader, name: str) -> str:
    text = reader.text(name)
    if text and not _MAIL.fullmatch(text):
        reader.problems.append(f"{name}: {text!r} is not one mail address")
        return ""
    return text


def _server(reader: Reader) -> SmtpServer | None:
    try:
        parts = urlsplit(reader.text("SMTP_URL"))
        return _server_at(parts, parts.port)
    except (ValueError, KeyError):
        reader.problems.append("SMTP_URL: ALERT_EMAIL needs it, such as smtps://user:password@smtp.example.com")
        return None


def _server_at(parts: SplitResult, port: int | None) -> SmtpServer:
    """Return the server; raises KeyError for another scheme, ValueError without a host."""
    if not parts.hostname or parts.path.strip("/"):
        raise ValueError
    default = PORTS[parts.scheme]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (user + password).isascii():
        # What SMTP's ways to log in are made for: https://www.rfc-editor.org/rfc/rfc4954
        raise ValueError
    return SmtpServer(parts.hostname, port or default, parts.scheme == "smtps", user, password)
