"""Working on an order: one of Mercado Pago's is decided upon like a payment."""

from handler.models import State
from handler.policy import Decision
from handler.policy import Rule
from handler.process.payment import work_on_payment
from handler.process.shop_order import work_on_shop_order
from handler.process.work import Work


def work_on_order(work: Work) -> Decision:
    """Return how the case goes on; raises MercadoPagoError if the truth could not be read."""
    if work.case.target.is_money:
        return work_on_payment(work)
    problem = next((word.problem for word in work.case.said if word.problem), "")
    if problem:
        return Decision.end(State.REFUSED, Rule.NOT_UNDERSTOOD, f"{work.case.said[0].source}: {problem}")
    return work_on_shop_order(work)
