"""The decision table for an order that was read from its shop."""

from datetime import datetime
from datetime import timedelta

from handler.models import ShopOrder
from handler.models import Sign
from handler.models import State
from handler.policy.rules import INSTRUCTED_BY
from handler.policy.rules import Decision
from handler.policy.rules import Rule
from handler.sources.schema import cancelled_sign
from handler.sources.schema import is_mercadopago

#: What shops tell time by.
SECOND = timedelta(seconds=1)


def decide_shop_order(order: ShopOrder, now: datetime, grace: timedelta, grace_until: datetime | None) -> Decision:
    """Return whether the purchase is told what the order says; a weak sign is read again after the grace period."""
    if not is_mercadopago(*order.gateways):
        return Decision.end(State.NOTHING, Rule.OTHER_GATEWAY, f"{order}: not paid through Mercado Pago")
    sign = cancelled_sign(order.reason) if order.is_cancelled else Sign.ORDER_OPEN
    # Opened and cancelled again meanwhile, it is a new sign; a shop's clock makes nobody wait for longer than that.
    ends = min(max(grace_until or now + grace, order.since - SECOND + grace), now + grace)
    if sign is Sign.ORDER_CANCELLED and now < ends:
        return Decision.wait(ends, Rule.GRACE, f"{order}; looked at again once the grace period is over")
    return Decision.tell(sign, INSTRUCTED_BY.get(sign, Rule.ORDER_OPEN), str(order))
