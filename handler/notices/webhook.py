"""`ALERT_URL`: messages as signed Standard Webhooks, or as text where Slack listens.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from handler.config import Alerts
from handler.errors import MercadoPagoError
from handler.errors import NoticeError
from handler.exchange import Exchange
from handler.models import Notice
from handler.notices.channel import Message
from handler.notices.words import Catalog
from handler.notices.words import headline
from handler.notices.words import line
from handler.sources.merchant import sign

#: How many cases are told in words.
IN_WORDS = 10


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where messages go, and with what they are signed."""

    alerts: Alerts
    catalog: Catalog
    exchange: Exchange
    clock: Callable[[], datetime]

    def send(self, message: Message) -> None:
        """Send a message; raises NoticeError unless it was answered 2xx."""
        url, is_slack = self.alerts.url, self.alerts.is_for_slack
        body = json.dumps({"text": _escaped(text(message, self.catalog))} if is_slack else self.document(message))
        timestamp = str(int(self.clock().timestamp()))
        headers = {"Content-Type": "application/json"}
        if not is_slack:
            headers |= {"webhook-id": message.id, "webhook-timestamp": timestamp}
            headers["webhook-signature"] = sign(message.id, timestamp, body.encode(), self.alerts.secret)
        try:
            status = self.exchange.send("POST", url, headers=headers, data=body.encode()).status
        except MercadoPagoError as error:
            raise NoticeError(str(error)) from error
        if not 200 <= status < 300:
            msg = f"POST to {urlsplit(url).hostname} was answered {status}"
            raise NoticeError(msg, is_away=status in {401, 429})

    def document(self, message: Message) -> dict[str, Any]:
        """Return a message as its receiver reads it."""
        first = message.notices[0]
        data = {
            "text": headline(message.notices, self.catalog),
            "count": len(message.notices),
            "cases": [_case(notice) for notice in message.full],
        }
        return {"type": first.kind, "timestamp": first.at.isoformat(), "data": data}


def text(message: Message, catalog: Catalog) -> str:
    """Return a message in words: what it is about, and the first cases."""
    lines = [headline(message.notices, catalog)]
    if len(message.notices) > 1:
        lines += [line(notice, catalog) for notice in message.notices[:IN_WORDS]]
    if more := len(message.notices[IN_WORDS:]):
        lines.append(catalog["mail"]["more"].format(count=more))
    return "\n".join(lines)


def _case(notice: Notice) -> dict[str, Any]:
    target = notice.target
    return {
        "id": notice.id,
        "at": notice.at.isoformat(),
        "account": notice.account,
        "target": None if target is None else str(target),
        "payment_id": target.id if target is not None and target.is_money else None,
        "external_reference": notice.reference or None,
        "amount": None if notice.amount is None else str(notice.amount),
        "currency": notice.currency or None,
        "rule": notice.rule or None,
        "detail": notice.detail,
    }


def _escaped(words: str) -> str:
    """Return words that Slack takes for nothing else; a reference is anybody's text."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
