"""Working on a fraud alert: find out whether it can be believed, and if so, tell the payment."""

from dataclasses import replace

from handler.config import FraudAlert
from handler.models import Guards
from handler.models import Notification
from handler.models import Step
from handler.policy import Action
from handler.policy import Decision
from handler.policy.alert import decide_alert
from handler.policy.alert import is_used
from handler.policy.alert import is_worth_reading
from handler.policy.alert import names_itself
from handler.policy.alert import places
from handler.process.spread import spread
from handler.process.work import Work


def work_on_alert(work: Work) -> Decision:
    """Return how the case goes on; raises MercadoPagoError if the truth could not be read."""
    alerts = sorted(work.case.said, key=lambda word: word.number, reverse=True)
    decisions = [_decided(work, alert) for alert in alerts]
    believed = [decision for decision in decisions if decision.action is Action.SPREAD]
    if not believed:
        return decisions[0]
    named = dict.fromkeys(payment for decision in believed for payment in decision.payments)
    return spread(work, replace(believed[0], payments=tuple(named)), Guards())


def _decided(work: Work, alert: Notification) -> Decision:
    others = [word for place in places(work.case.target) for word in work.services.cases.said(place)]
    used, payment = is_used(alert, others), None
    if not used and not names_itself(alert) and is_worth_reading(alert):
        payment = work.api.get_payment(alert.payments[0])
        work.note(Step.READ, payment.status, f"{payment}, merchant order {payment.merchant_order or 'none'}")
    return decide_alert(alert, payment, used=used, only_tell=work.account.fraud_alert is FraudAlert.ALERT)
