"""`ALERT_EMAIL`: what needs a person, by mail."""

import smtplib
import ssl
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from handler.config import SmtpServer
from handler.errors import NoticeError
from handler.models import Notice
from handler.models import NoticeKind
from handler.notices.channel import Message
from handler.notices.words import Catalog
from handler.notices.words import line

#: What a person is needed for.
WANTED = frozenset(NoticeKind) - {NoticeKind.RELEASED}

#: How long a mail server may take for each step, in seconds.
PATIENCE = 10.0

#: How many cases are in one mail.
IN_A_MAIL = 50


def wants(notice: Notice) -> bool:
    """Whether a notice is worth a mail."""
    return notice.kind in WANTED


@dataclass(frozen=True, slots=True)
class Mail:
    """Who gets mail, and from whom."""

    server: SmtpServer
    recipient: str
    sender: str
    catalog: Catalog
    clock: Callable[[], datetime]
    context: Callable[[], ssl.SSLContext] = ssl.create_default_context

    def send(self, message: Message) -> None:
        """Hand a message in; raises NoticeError if the server did not take it."""
        try:
            with self._connected() as connection:
                connection.send_message(self.letter(message))
        except (OSError, ValueError, smtplib.SMTPException) as error:
            msg = f"{self.server.host} did not take a mail: {type(error).__name__}"
            raise NoticeError(msg) from error

    def letter(self, message: Message) -> EmailMessage:
        """Return a message as mail."""
        words, count = self.catalog["mail"], len(message.notices)
        letter = EmailMessage()
        letter["From"], letter["To"] = self.sender, self.recipient
        letter["Date"] = format_datetime(self.clock())
        letter["Message-ID"] = f"<{message.id}@{self.sender.rpartition('@')[2]}>"
        first = line(message.notices[0], self.catalog)
        letter["Subject"] = first if count == 1 else words["subject"].format(count=count)
        letter["Auto-Submitted"] = "auto-generated"
        lines = [f"- {line(notice, self.catalog)}\n  {notice.detail}" for notice in message.notices[:IN_A_MAIL]]
        if count > IN_A_MAIL:
            lines.append(words["more"].format(count=count - IN_A_MAIL))
        letter.set_content("\n".join([*lines, "", words["look"], ""]))
        return letter

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        server = self.server
        if server.is_encrypted:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=PATIENCE, context=self.context()
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=PATIENCE)
        try:
            if not server.is_encrypted and not server.is_local:
                connection.starttls(context=self.context())
            if server.user:
                connection.login(server.user, server.password)
            yield connection
            # What was taken is taken, however the server says goodbye.
            with suppress(OSError, smtplib.SMTPException):
                connection.quit()
        finally:
            connection.close()
