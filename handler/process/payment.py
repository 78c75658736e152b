"""Working on one payment, or one order: read it, decide, and if it comes to that, cancel it."""

from dataclasses import replace
from uuid import UUID
from uuid import uuid5

from handler.config import Mode
from handler.errors import CredentialsError
from handler.errors import MercadoPagoError
from handler.errors import RateLimitedError
from handler.errors import StoppedError
from handler.errors import UnclearError
from handler.models import Case
from handler.models import Entry
from handler.models import Guards
from handler.models import Notification
from handler.models import Payment
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.models import TargetKind
from handler.policy import Action
from handler.policy import Decision
from handler.policy import Facts
from handler.policy import Rule
from handler.policy import decide
from handler.policy import wants_purchase
from handler.policy.guards import token_mode
from handler.policy.payment import UNDECIDED
from handler.policy.words import not_taken_back
from handler.policy.words import withdrawals
from handler.process.work import Work

#: The namespace of the idempotency keys; changing it would make one payment's two tries look like two wishes.
KEYS = UUID("6f1d2a57-7c60-5c0b-9d0c-5a7a3f5e9b11")

CALLED = {
    TargetKind.PAYMENT: "PUT /v1/payments/{id}, status cancelled",
    TargetKind.ORDER: "POST /v1/orders/{id}/cancel",
}


def work_on_payment(work: Work) -> Decision:
    """Return how the case goes on; raises MercadoPagoError if the truth could not be read."""
    decision = _decision(work)
    if decision.action is Action.CANCEL:
        return _release(work, decision)
    return _concluded(work, decision)


def idempotency_key(target: Target, heard: int = 0, attempts: int = 0) -> str:
    """Return the key of the one cancel that a payment can have; the same however often it is tried.

    An order takes each key once, whatever it answered: a try after a failed one has another, and so has
    a try after something new was `heard`, with which the counting of attempts begins anew.
    """
    wish = f"cancel|{target.account}|{target.id}"
    return str(uuid5(KEYS, f"{wish}|{heard}|{attempts}" if target.kind is TargetKind.ORDER else wish))


def _decision(work: Work) -> Decision:
    collector_id = work.collector_id()
    payment = work.read_payment()
    if collector_id and payment.collector_id not in {"", collector_id}:
        # One of the two is wrong; if it is what was read long ago, everything would be refused for ever.
        collector_id = work.collector_id(again=True) or collector_id
    facts = Facts(
        payment=payment,
        said=_said(work, payment),
        now=work.now(),
        opened_by=work.case.opened_by,
        grace=work.account.grace,
        grace_until=work.case.grace_until,
        intent=Rule(work.case.reason) if work.case.state is State.CANCEL_SENT else None,
        collector_id=collector_id,
        live_mode=token_mode(work.account.access_token),
    )
    if wants_purchase(facts):
        facts = facts.with_purchase(work.read_purchase(payment.external_reference, payment, with_total=True))
    decision = decide(facts)
    if decision.rule is Rule.STATUS_UNKNOWN and facts.intent is not None:
        # What became of a cancel that was sent is not given up over one odd answer.
        raise UnclearError(decision.why)
    if decision.action is Action.CANCEL and facts.intent is None and (purchase := facts.completes_purchase):
        return _left_to_purchase(work, purchase)
    return decision


def _left_to_purchase(work: Work, purchase: Target) -> Decision:
    """Have the purchase decided upon again, which tells all of its payments, this one among them."""
    now, why = work.now(), f"payment {work.case.target.id} makes it complete; all of it is looked at together"
    work.services.cases.look_again(purchase, Entry(now, Step.REOPENED, Rule.WITH_PURCHASE, why))
    work.services.wake(purchase, now)
    return Decision.wait(now + UNDECIDED, Rule.WITH_PURCHASE, f"{purchase}: {why}")


def _said(work: Work, payment: Payment) -> tuple[Notification, ...]:
    """Return what was said of the payment and which withdrawals of its purchase stand, but nothing taken back.

    Of a purchase that its guards refused none stands: one of its payments alone may well agree. What it
    takes back it takes back all the same.
    """
    own = work.case.said
    mine = Target(work.account.name, TargetKind.PURCHASE, payment.external_reference)
    told_by = [word.via for word in own if word.via is not None and word.via.kind is TargetKind.PURCHASE]
    purchases = dict.fromkeys([*told_by, mine] if payment.external_reference else told_by)
    cases = [case for purchase in purchases if (case := work.services.cases.get(purchase)) is not None]
    beside = [word for case in cases for word in _said_of_purchase(case)]
    last = work.still(not_taken_back((*own, *beside)))
    refused = [case.target for case in cases if is_refused_by_guards(case)]
    standing = withdrawals(word for word in last if word.target == mine and mine not in refused)
    return tuple(word for word in last if word in own) + standing


def _said_of_purchase(case: Case) -> list[Notification]:
    """Return what was said of a purchase; an amount that agreed once, when all of it was there, agrees for good."""
    return [_without_amount(word) if word.id in case.agreed else word for word in case.said]


def is_refused_by_guards(case: Case) -> bool:
    """Whether what was said of a purchase does not agree with all of it."""
    return case.state is State.REFUSED and case.reason == Rule.GUARD_FAILED


def _without_amount(word: Notification) -> Notification:
    return replace(word, guards=replace(word.guards, amount=None))


def _concluded(work: Work, decision: Decision) -> Decision:
    if decision.action is not Action.SPREAD:
        return decision
    work.pass_on(decision, Guards())
    return Decision.end(State.NOTHING, decision.rule, decision.why)


def _release(work: Work, decision: Decision) -> Decision:
    """Cancel the payment: the intent first, on record, then the call."""
    if work.account.mode is Mode.OBSERVE:
        return Decision.end(State.NOTHING, Rule.OBSERVED, f"would be cancelled ({decision.rule}): {decision.why}")
    target = work.case.target
    key = idempotency_key(target, work.case.heard, work.case.attempts)
    work.api.take_turn()
    if work.is_outdated():
        # The turn took its time: everything is read again, and what was said of the purchase.
        decision = _decision(work)
        if decision.action is not Action.CANCEL:
            return _concluded(work, decision)
    work.advance(decision, key)
    work.note(Step.CALLED, decision.rule, CALLED[target.kind].format(id=target.id))
    try:
        payment = work.api.cancel(target, key)
    except MercadoPagoError as error:
        return _after_unclear_answer(work, error)
    work.note(Step.ANSWERED, payment.status, f"200: {payment}")
    return Decision.end(State.CANCELLED, decision.rule, str(payment))


def _after_unclear_answer(work: Work, error: MercadoPagoError) -> Decision:
    """Whatever was answered, the payment tells what happened; if it is still reserved, it is tried again later."""
    work.note(Step.ANSWERED, type(error).__name__, str(error))
    if isinstance(error, CredentialsError | RateLimitedError | StoppedError):
        raise error
    decision = _decision(work)
    if decision.action is Action.CANCEL:
        raise error
    return _concluded(work, decision)
