"""What became of a reserve, as a private note on the shop's order.

https://woocommerce.github.io/woocommerce-rest-api-docs/#create-an-order-note
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from handler.config import ShopKeys
from handler.errors import MercadoPagoError
from handler.errors import NoticeError
from handler.errors import NoticeRefusedError
from handler.exchange import Exchange
from handler.models import Notice
from handler.models import NoticeKind
from handler.notices.channel import Message
from handler.notices.words import Catalog
from handler.notices.words import line

#: What is worth a note.
WANTED = frozenset({NoticeKind.RELEASED, NoticeKind.CAPTURED, NoticeKind.RELEASE_FAILED})

#: Answers that another try may change; any other 4xx is about this order or this note.
PASSING = frozenset({401, 403, 408, 429})


@dataclass(frozen=True, slots=True)
class OrderNotes:
    """Notes on orders of the shops of all accounts; `keys_of` tells those of one, None where none are set."""

    keys_of: Callable[[str], ShopKeys | None]
    catalog: Catalog
    exchange: Exchange

    def wants(self, notice: Notice) -> bool:
        """Whether a notice concerns an order that can be written to."""
        shop, *host, _ = (notice.shop_order or " ").split(" ")
        keys = self.keys_of(notice.account)
        if keys is None or notice.kind not in WANTED or shop != "woocommerce":
            return False
        # A copy of a shop, or another one of the account, has orders of the same numbers.
        return not host or _host(host[0]) == _host(urlsplit(keys.url).hostname or "")

    def send(self, message: Message) -> None:
        """Write a note; raises NoticeError if it is not there yet, NoticeRefusedError if it never will be."""
        notice = message.notices[0]
        keys, order = self.keys_of(notice.account), notice.shop_order.rpartition(" ")[2]
        if keys is None:
            msg = f"there are no REST keys for account {notice.account} any more"
            raise NoticeRefusedError(msg)
        note = json.dumps({"note": f"{line(notice, self.catalog)} ({notice.rule})", "customer_note": False})
        url = f"{keys.url}/wp-json/wc/v3/orders/{order}/notes"
        headers = {"Content-Type": "application/json"}
        try:
            status = self.exchange.send(
                "POST", url, headers=headers, data=note.encode(), auth=(keys.key, keys.secret)
            ).status
        except MercadoPagoError as error:
            raise NoticeError(str(error)) from error
        if 200 <= status < 300:
            return
        kind = NoticeRefusedError if 400 <= status < 500 and status not in PASSING else NoticeError
        msg = f"a note on order {order} was answered {status}"
        raise kind(msg, is_away=status in {401, 429})


def _host(name: str) -> str:
    return name.lower().removeprefix("www.")
