"""Working on an order that a shop only named: read it there, and tell the purchase what it says."""

from datetime import datetime
from datetime import timedelta

from handler.models import Guards
from handler.models import Notification
from handler.models import ShopOrder
from handler.models import Sign
from handler.models import Step
from handler.models import Target
from handler.models import TargetKind
from handler.policy import Action
from handler.policy import Decision
from handler.policy import Rule
from handler.policy.shop_order import decide_shop_order
from handler.process.spread import settled
from handler.process.work import Work

#: How long an order waits that cannot be read, because nobody has told with which token.
LATER = timedelta(hours=1)


def work_on_shop_order(work: Work) -> Decision:
    """Return how the case goes on; raises MercadoPagoError if the order could not be read."""
    if work.tiendanube is None:
        return Decision.wait(work.now() + LATER, Rule.NO_ACCOUNT, "TIENDANUBE_ACCESS_TOKEN is not set for this account")
    _, store_id, order_id = work.case.target.id.split("-")
    order = work.tiendanube.get_order(store_id, order_id)
    work.note(Step.READ, "cancelled" if order.is_cancelled else "open", str(order))
    decision = decide_shop_order(order, work.now(), work.account.grace, work.case.grace_until)
    if decision.action is not Action.SPREAD:
        return decision
    target = Target(work.account.name, TargetKind.PURCHASE, order.reference)
    seen_at = work.now() if work.case.grace_until is None else work.case.grace_until - work.account.grace
    work.services.accept(_word(work, order, decision.sign, target, seen_at), work.now())
    return settled(work, decision, [target], "its purchase")


def _word(work: Work, order: ShopOrder, sign: Sign, target: Target, seen_at: datetime) -> Notification:
    """Return what the order says to its purchase; a weak sign that has waited out its grace was seen before that."""
    name = f"tiendanube {order.id}"
    return Notification(
        id=f"{name}@{order.since}:{sign}",
        source=work.case.said[0].source,
        topic=work.case.said[0].topic,
        received_at=seen_at,
        target=target,
        sign=sign,
        occurred_at=order.since,
        guards=Guards(order.amount, order.currency),
        via=work.case.target,
        shop_order=name,
    )
