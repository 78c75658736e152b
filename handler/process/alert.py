"""Working on a fraud alert: find out whether it can be believed, and if so, tell the payment."""

from dataclasses import replace

from handler.config import FraudAlert
from handler.errors import PaymentNotFoundError
from handler.models import Notification
from handler.models import Sign
from handler.models import Step
from handler.policy import Action
from handler.policy import Decision
from handler.policy.alert import decide_alert
from handler.policy.alert import is_worth_reading
from handler.process.notices import of_fraud
from handler.process.spread import spread
from handler.process.work import Work
from handler.sources.mercadopago import uses


def work_on_alert(work: Work) -> Decision:
    """Return how the case goes on; raises MercadoPagoError if the truth could not be read."""
    alerts = [word for word in work.case.said if word.sign is Sign.FRAUD]
    decisions, missing = [], None
    for alert in sorted(alerts, key=lambda word: word.number, reverse=True):
        try:
            decision = _decided(work, alert)
            decisions.append(decision)
            # A person is told also of one that is not proven: that does not make it wrong, and goods may leave.
            work.services.cases.notify(of_fraud(work, alert, decision))
        except PaymentNotFoundError as error:
            missing = error
    believed = [decision for decision in decisions if decision.action is Action.SPREAD]
    if believed:
        named = dict.fromkeys(payment for decision in believed for payment in decision.payments)
        return spread(work, replace(believed[0], payments=tuple(named)))
    if missing is not None:
        raise missing
    return decisions[0]


def _decided(work: Work, alert: Notification) -> Decision:
    used, payment = _is_used(work, alert), None
    if not used and is_worth_reading(alert):
        payment = work.api.get_payment(alert.payments[0])
        work.note(Step.READ, payment.status, f"{payment}, merchant order {payment.merchant_order or 'none'}")
    return decide_alert(alert, payment, used=used, only_tell=work.account.fraud_alert is FraudAlert.ALERT)


def _is_used(work: Work, alert: Notification) -> bool:
    """Whether all that is signed of an alert was on record before, as something else."""
    found = [work.services.cases.find(target, name) for target, name in uses(alert)]
    return any(other is not None and other.received_at <= alert.received_at for other in found)
