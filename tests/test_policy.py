"""Tests for handler.policy: the decision tables, cell by cell."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from handler.models import Claim
from handler.models import Guards
from handler.models import Notification
from handler.models import Payment
from handler.models import PaymentStatus
from handler.models import Purchase
from handler.models import ShopOrder
from handler.models import Sign
from handler.models import State
from handler.models import Target
from handler.models import TargetKind
from handler.policy import Action
from handler.policy import Decision
from handler.policy import Facts
from handler.policy import Rule
from handler.policy import decide
from handler.policy import decide_claim
from handler.policy import decide_purchase
from handler.policy import settle_spread
from handler.policy import wants_purchase
from handler.policy.alert import decide_alert
from handler.policy.guards import differences
from handler.policy.guards import purchase_differences
from handler.policy.guards import token_mode
from handler.policy.purchase import not_instructed
from handler.policy.purchase import shortfall
from handler.policy.shop_order import decide_shop_order
from handler.policy.words import merged
from handler.policy.words import not_taken_back
from handler.policy.words import standing
from tests.fakes import NOW
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said

PAYMENT, PURCHASE = payment_target("1"), purchase_target("ORDER-1")
GRACE = timedelta(seconds=300)


def payment(status: str = "authorized", payment_id: str = "1", **fields: Any) -> Payment:
    """Return a payment as Mercado Pago tells it; captured as its status has it unless given."""
    captured = status not in {"authorized", "pending", "in_process", "rejected", "cancelled"}
    given = {
        "status_detail": "",
        "captured": captured,
        "amount": Decimal(100),
        "currency": "ARS",
        "external_reference": "ORDER-1",
        "collector_id": "77",
        "live_mode": True,
        "created_at": NOW - timedelta(minutes=10),
        **fields,
    }
    return Payment(id=payment_id, status=PaymentStatus(status), **given)


def facts(about: Payment, *notifications: Notification, **fields: Any) -> Facts:
    given = {"now": NOW, "opened_by": 0, "grace": GRACE, "collector_id": "77", "live_mode": True, **fields}
    return Facts(payment=about, said=notifications, **given)


def outcome(decision: Decision) -> str:
    """Return a decision in one word: what is done, else where the case ends, and the rule."""
    done = decision.state if decision.action is Action.END else decision.action
    return f"{done} {decision.rule}"


def told(sign: Sign, **fields: Any) -> Notification:
    return said(PAYMENT, sign, **fields)


def passed_on(sign: Sign, **fields: Any) -> Notification:
    """Return the word about a purchase as its case passes it on to a payment."""
    return said(PAYMENT, sign, via=PURCHASE, guards=Guards(external_reference="ORDER-1"), **fields)


VOICES = {
    "withdrew, naming the payment": told(Sign.WITHDREW),
    "rejected, naming the payment": told(Sign.REJECTED),
    "withdrew, naming the purchase": passed_on(Sign.WITHDREW),
    "withdrew earlier, found on file": said(PURCHASE, Sign.WITHDREW),
    "rejected, naming the purchase": passed_on(Sign.REJECTED),
    "Mercado Pago: something changed": told(Sign.CHANGED),
}

STATUSES = (
    "authorized",
    "pending",
    "in_process",
    "approved",
    "rejected",
    "cancelled",
    "refunded",
    "charged_back",
    "in_mediation",
)

INSTRUCTED = ["captured captured", "nothing no_reserve", "cancelled already_cancelled"] + ["nothing already_ended"] * 3

TABLE = {
    "withdrew, naming the payment": ["cancel buyer_withdrew"] * 3 + INSTRUCTED,
    "rejected, naming the payment": ["cancel seller_rejected"] * 3 + INSTRUCTED,
    "withdrew, naming the purchase": ["cancel buyer_withdrew"] * 3 + INSTRUCTED,
    "withdrew earlier, found on file": ["cancel buyer_withdrew"] * 3 + INSTRUCTED,
    "rejected, naming the purchase": ["cancel seller_rejected"] + ["nothing not_reserved_yet"] * 2 + INSTRUCTED,
    "Mercado Pago: something changed": [
        "nothing reserve_wanted",
        "nothing not_reserved_yet",
        "nothing not_reserved_yet",
        "nothing paid",
        "wait grace",
        "cancelled already_cancelled",
        *["nothing already_ended"] * 3,
    ],
}

CELLS = [
    pytest.param(voice, status, expected, id=f"{voice} - {status}")
    for voice, row in TABLE.items()
    for status, expected in zip(STATUSES, row, strict=True)
]


@pytest.mark.parametrize(("voice", "status", "expected"), CELLS)
def test_the_table(voice: str, status: str, expected: str) -> None:
    """Each cell of the decision table, a payment alone in its purchase."""
    about = payment(status)

    decision = decide(facts(about, VOICES[voice], purchase=None if status == "rejected" else alone(about)))

    assert outcome(decision) == expected
    assert decision.why.startswith(f"payment 1 is {status}")


def alone(about: Payment, **fields: Any) -> Purchase:
    return Purchase("ORDER-1", (about,), **fields)


def test_a_withdrawal_beats_whatever_else_was_said() -> None:
    """A reserve that is only reported, or of a rejected purchase, is released once the buyer withdrew."""
    decision = decide(facts(payment(), passed_on(Sign.REJECTED), told(Sign.CHANGED), told(Sign.WITHDREW)))

    assert outcome(decision) == "cancel buyer_withdrew"


def test_the_decision_tells_who_said_it() -> None:
    """The record has the notification's id beside what was read."""
    decision = decide(facts(payment(), told(Sign.WITHDREW, id="msg_1")))

    assert decision.why.endswith("buyer.withdrew from merchant (msg_1)")


@pytest.mark.parametrize(
    "guards",
    [Guards(amount=Decimal("100.01")), Guards(currency="BRL"), Guards(external_reference="ORDER-2")],
    ids=["amount", "currency", "external_reference"],
)
@pytest.mark.parametrize("status", ["authorized", "approved", "cancelled", "pending"])
def test_a_guard_that_fails_refuses(guards: Guards, status: str) -> None:
    """Nothing is done to a payment that may not be the one that was meant, whatever its status."""
    decision = decide(facts(payment(status), told(Sign.WITHDREW, guards=guards)))

    assert outcome(decision) == "refused guard_failed"
    assert "at Mercado Pago" in decision.why


def test_guards_that_agree_release() -> None:
    """An amount is a number: 100.00 is 100."""
    guards = Guards(Decimal("100.00"), "ARS", "ORDER-1")

    assert outcome(decide(facts(payment(), told(Sign.WITHDREW, guards=guards)))) == "cancel buyer_withdrew"


def test_each_notification_has_its_own_guards() -> None:
    """One that was wrong does not spoil the next one."""
    wrong = told(Sign.WITHDREW, guards=Guards(currency="BRL"))

    assert outcome(decide(facts(payment(), told(Sign.REJECTED), wrong))) == "cancel seller_rejected"


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"collector_id": "78"}, "refused not_ours"),
        ({"collector_id": ""}, "refused not_ours"),
        ({"live_mode": False}, "refused wrong_mode"),
        ({"captured": True}, "refused status_unknown"),
        ({"captured": None}, "refused status_unknown"),
        ({"status": PaymentStatus.UNKNOWN}, "refused status_unknown"),
    ],
    ids=["another seller", "no seller", "test payment", "captured", "capture unknown", "new status"],
)
def test_what_cannot_be_ours_or_is_unheard_of_is_refused(voice: str, fields: dict[str, Any], expected: str) -> None:
    """In doubt, nothing is done, and it is said so."""
    about = replace(payment(), **fields)

    assert outcome(decide(facts(about, VOICES[voice], purchase=alone(about)))) == expected


def test_what_is_not_known_of_the_account_guards_nothing() -> None:
    """Until Mercado Pago tells whose token it is, its own refusal has to do."""
    unknown = facts(payment(live_mode=None), told(Sign.WITHDREW), collector_id="", live_mode=None)

    assert outcome(decide(unknown)) == "cancel buyer_withdrew"


@pytest.mark.parametrize(("token", "mode"), [("TEST-123", False), ("APP_USR-123", True), ("something else", None)])
def test_a_token_tells_its_mode(token: str, mode: bool | None) -> None:
    """By its prefix, where it has one."""
    assert token_mode(token) is mode


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("cancelled", "cancelled buyer_withdrew"),
        ("approved", "captured captured"),
        ("authorized", "cancel buyer_withdrew"),
        ("refunded", "nothing already_ended"),
    ],
)
def test_with_a_cancel_on_record_the_payment_is_its_answer(status: str, expected: str) -> None:
    """What was lost on the way is read again; only a payment that is still reserved is tried again."""
    decision = decide(facts(payment(status), told(Sign.WITHDREW), intent=Rule.BUYER_WITHDREW))

    assert outcome(decision) == expected


def test_a_cancel_on_record_is_settled_whatever_the_guards_say_now() -> None:
    """A partial capture changes the amount; that it was captured is what counts."""
    captured = payment("approved", amount=Decimal(40))
    guarded = told(Sign.WITHDREW, guards=Guards(amount=Decimal(100)))

    assert outcome(decide(facts(captured, guarded, intent=Rule.BUYER_WITHDREW))) == "captured captured"


# A payment that Mercado Pago says was rejected.

REJECTED = payment("rejected", "2", created_at=NOW - timedelta(minutes=1), amount=Decimal(40))
RESERVE = payment("authorized", "1", amount=Decimal(60))


def rejected_facts(*payments: Payment, total: int | None = 100, **fields: Any) -> Facts:
    purchase = Purchase("ORDER-1", payments, None if total is None else Decimal(total))
    fields = {"grace_until": NOW, **fields}
    return facts(REJECTED, said(payment_target("2"), Sign.CHANGED), purchase=purchase, **fields)


@pytest.mark.parametrize(
    ("payments", "total", "expected"),
    [
        ((RESERVE, REJECTED), 100, "spread purchase_short"),
        ((RESERVE, REJECTED), 60, "nothing purchase_covered"),
        ((RESERVE, REJECTED), None, "nothing total_unknown"),
        ((RESERVE, REJECTED, payment("authorized", "3", amount=Decimal(40))), 100, "nothing purchase_covered"),
        ((RESERVE, REJECTED, payment("approved", "3", amount=Decimal(40))), 100, "nothing purchase_covered"),
        ((RESERVE, REJECTED, payment("in_process", "3", amount=Decimal(40))), 100, "nothing purchase_covered"),
        ((RESERVE, REJECTED, payment("pending", "3", amount=Decimal(40))), 100, "nothing purchase_covered"),
        ((RESERVE, REJECTED, payment("cancelled", "3", amount=Decimal(40))), 100, "spread purchase_short"),
        ((RESERVE, REJECTED, payment("rejected", "3", created_at=NOW)), 100, "nothing newer_payment"),
        (
            (RESERVE, REJECTED, payment("authorized", "3", amount=Decimal(1), created_at=NOW)),
            100,
            "nothing newer_payment",
        ),
        ((RESERVE, REJECTED, payment("rejected", "3", created_at=None)), 100, "nothing newer_payment"),
        ((RESERVE, replace(REJECTED, created_at=None)), 100, "nothing newer_payment"),
        ((REJECTED,), 100, "spread purchase_short"),
        ((), 100, "nothing newer_payment"),
    ],
    ids=[
        "short",
        "covered by the reserve",
        "total unknown",
        "covered by two reserves",
        "covered by a capture",
        "covered by one in process",
        "covered by one pending",
        "the other is cancelled",
        "rejected again",
        "tried again for less",
        "another without a date",
        "itself without a date",
        "no reserve",
        "the search found nothing",
    ],
)
def test_a_rejected_payment_and_its_purchase(payments: tuple[Payment, ...], total: int | None, expected: str) -> None:
    """Only a purchase that is known to be short, with nobody trying again, gives its reserves back."""
    decision = decide(rejected_facts(*payments, total=total))

    assert outcome(decision) == expected
    if decision.action is Action.SPREAD:
        assert decision.payments == tuple(sibling.id for sibling in payments if sibling.is_reserved)
        assert decision.sign is Sign.SHORT


def test_a_rejected_payment_waits_out_the_grace_period() -> None:
    """It begins when the rejection is first read: the buyer's next card comes within minutes of it."""
    first = facts(REJECTED, told(Sign.CHANGED))
    early = facts(REJECTED, told(Sign.CHANGED), grace_until=NOW + timedelta(seconds=1))
    late = facts(REJECTED, told(Sign.CHANGED), grace_until=NOW)
    none = facts(REJECTED, told(Sign.CHANGED), grace=timedelta())

    assert not wants_purchase(first)
    assert decide(first).due_at == NOW + GRACE
    assert not wants_purchase(early)
    assert decide(early).due_at == NOW + timedelta(seconds=1)
    assert wants_purchase(late)
    assert wants_purchase(none)


def test_a_rejected_payment_without_a_reference_leads_nowhere() -> None:
    """No other payment is ever found by an empty reference."""
    lonely = facts(replace(REJECTED, external_reference=""), told(Sign.CHANGED), now=NOW + GRACE)

    assert not wants_purchase(lonely)
    assert outcome(decide(lonely)) == "nothing no_purchase"


SHORT = said(PAYMENT, Sign.SHORT, via=payment_target("2"))


@pytest.mark.parametrize(
    ("payments", "expected"),
    [
        ((RESERVE, REJECTED), "cancel purchase_short"),
        ((RESERVE, REJECTED, payment("authorized", "3", amount=Decimal(40))), "nothing purchase_covered"),
        ((RESERVE, REJECTED, payment("rejected", "3", created_at=NOW)), "nothing newer_payment"),
    ],
    ids=["still short", "covered by now", "tried again by now"],
)
def test_the_other_half_is_decided_afresh(payments: tuple[Payment, ...], expected: str) -> None:
    """That the purchase was short is only a reason to look; it must be short now."""
    short = facts(RESERVE, SHORT, purchase=Purchase("ORDER-1", payments, Decimal(100)))

    assert wants_purchase(short)
    assert outcome(decide(short)) == expected


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        (payment("approved"), "nothing paid"),
        (payment("cancelled"), "cancelled already_cancelled"),
        (payment("rejected"), "nothing no_reserve"),
    ],
    ids=["captured", "cancelled", "rejected"],
)
def test_the_other_half_may_have_ended(about: Payment, expected: str) -> None:
    """Nothing is left to release, so the purchase is not even read."""
    short = facts(about, SHORT)

    assert not wants_purchase(short)
    assert outcome(decide(short)) == expected


def test_the_other_half_needs_to_be_named_and_its_purchase_read() -> None:
    """Without either it is a reserve like any other."""
    purchase = Purchase("ORDER-1", (RESERVE, REJECTED), Decimal(100))

    assert outcome(decide(facts(RESERVE, SHORT))) == "nothing reserve_wanted"
    assert outcome(decide(facts(RESERVE, said(PAYMENT, Sign.SHORT), purchase=purchase))) == "nothing reserve_wanted"


def test_of_two_payments_made_at_once_the_higher_number_is_the_newer() -> None:
    """Of whatever length."""
    both = tuple(payment("rejected", number, amount=Decimal(40)) for number in ("999", "1000"))
    purchase = Purchase("ORDER-1", (RESERVE, *both), Decimal(100))

    assert shortfall(purchase, "1000")[0] is Rule.PURCHASE_SHORT
    assert shortfall(purchase, "999")[0] is Rule.NEWER_PAYMENT


# What names a whole purchase.


def test_why_nothing_is_done_about_a_purchase_is_told() -> None:
    """In words, for whoever asks."""
    opened = said(PURCHASE, Sign.ORDER_OPEN)

    assert not_instructed([], NOW, GRACE) == Decision.end(
        State.NOTHING, Rule.TOO_OLD, "what was said is older than a reserve can be"
    )
    assert not_instructed([opened], NOW, GRACE) == Decision.end(
        State.NOTHING, Rule.ORDER_OPEN, "the order is open, as the shop said last"
    )


def test_each_guard_that_fails_is_told() -> None:
    """One after the other, of a payment and of a purchase."""
    guards = Guards(Decimal(1), "BRL", "ORDER-1")
    words = (
        "amount is 100 at Mercado Pago, 1 in the notification; currency is ARS at Mercado Pago, BRL in the notification"
    )

    (refused,) = decide_purchase([said(PURCHASE, guards=guards)], alone(payment()))
    assert refused.why == f"purchase ORDER-1 has 1 payment; {words}"
    assert decide(facts(payment(), told(Sign.WITHDREW, guards=guards))).why == f"{payment()}; {words}"


def test_all_that_a_shop_said_of_an_order_is_one_word() -> None:
    """Said when it was said first, whatever came first, and with what was said last."""
    first = said(PURCHASE, Sign.ORDER_CANCELLED, id="a", number=2, shop_order="shopify 1", at=NOW + GRACE)
    last = replace(first, id="b", number=1, occurred_at=NOW + 2 * GRACE, received_at=NOW, payments=("1",))
    other = replace(first, id="c", shop_order="shopify 2")

    assert merged([last, first, other]) == (
        replace(last, id="a", number=2, occurred_at=first.moment, received_at=NOW),
        other,
    )


def test_why_a_purchase_waits_is_told() -> None:
    """And until when."""
    weak = said(PURCHASE, Sign.ORDER_CANCELLED)

    assert not_instructed([weak], NOW, GRACE) == Decision.wait(
        NOW + GRACE, Rule.GRACE, "the order is cancelled; looked at once the grace period is over"
    )


def test_a_withdrawal_is_told_to_all_payments() -> None:
    """In words, too."""
    withdrawal = said(PURCHASE, Sign.WITHDREW)
    both = Purchase("ORDER-1", (payment(), payment("approved", "2")))

    assert decide_purchase([withdrawal], both) == (
        Decision.spread(
            ("1", "2"),
            Sign.WITHDREW,
            withdrawal,
            Rule.BUYER_WITHDREW,
            "purchase ORDER-1 has 2 payments; the buyer withdrew from all of it",
        ),
    )


def test_one_refusal_is_told_and_only_of_what_is_stronger() -> None:
    """Two withdrawals that do not agree are refused once; a rejection that agrees hides another that does not."""
    wrong = [said(PURCHASE, sign, guards=Guards(currency="BRL")) for sign in (Sign.WITHDREW, Sign.WITHDREW)]
    right = said(PURCHASE, Sign.REJECTED)
    too = said(PURCHASE, Sign.REJECTED, guards=Guards(currency="BRL"))

    assert [outcome(decision) for decision in decide_purchase(wrong, alone(payment()))] == ["refused guard_failed"]
    assert [outcome(decision) for decision in decide_purchase([too, right], alone(payment()))] == [
        "spread seller_rejected"
    ]


def test_an_amount_that_agreed_once_is_not_compared_again() -> None:
    """It was compared with all of it, before any of it was released."""
    withdrawal = said(PURCHASE, Sign.WITHDREW, id="a", guards=Guards(amount=Decimal(500)))

    assert outcome(decide_purchase([withdrawal], alone(payment()))[0]) == "refused guard_failed"
    assert outcome(decide_purchase([withdrawal], alone(payment()), {"a"})[0]) == "spread buyer_withdrew"


@pytest.mark.parametrize(
    ("amount", "status", "total", "named", "is_right"),
    [
        (None, "authorized", None, (), True),
        (Decimal(99), "authorized", None, (), False),
        (Decimal(99), "rejected", None, (), True),
        (Decimal(99), "rejected", Decimal(100), (), False),
        (Decimal(150), "authorized", None, ("1",), True),
        (Decimal(100), "authorized", None, ("1",), True),
        (Decimal(99), "authorized", None, ("1",), False),
        (Decimal(150), "authorized", None, ("2",), False),
    ],
)
def test_an_amount_for_all_of_it(
    amount: Decimal | None, status: str, total: Decimal | None, named: tuple[str, ...], is_right: bool
) -> None:
    """What a shop names may be less than its order; where nothing lives and no total is known, nothing is compared."""
    word = said(PURCHASE, Sign.ORDER_CANCELLED, guards=Guards(amount=amount), payments=named)

    assert (purchase_differences(word, alone(payment(status), total=total)) == ()) == is_right


def test_a_reference_that_differs_is_told_by_its_name() -> None:
    """Two currencies are none that anybody can mean."""
    both = Purchase("ORDER-1", (payment(), payment("authorized", "2", currency="BRL")))
    word = said(PURCHASE, Sign.WITHDREW, guards=Guards(currency="ARS", external_reference="ORDER-2"))

    assert purchase_differences(word, both) == (
        "currency is ARS/BRL at Mercado Pago, ARS in the notification",
        "external_reference is ORDER-1 at Mercado Pago, ORDER-2 in the notification",
    )


def test_what_was_said_of_a_purchase_is_compared_with_the_payment_alone_until_it_is_read() -> None:
    """Under the reference that it carries."""
    word = said(PURCHASE, Sign.WITHDREW, guards=Guards(external_reference="ORDER-1"))

    assert differences(word, payment()) == ()


def test_the_payment_tells_what_became_of_our_cancel() -> None:
    """In words."""
    captured = payment("approved")

    assert decide(facts(captured, told(Sign.WITHDREW), intent=Rule.BUYER_WITHDREW)).why == (
        f"{captured}: the money was taken; a refund is the seller's decision"
    )
    unheard = payment("unknown")
    assert decide(facts(unheard, told(Sign.WITHDREW))).why == f"{unheard}: this is not a state that is known"


def test_an_instruction_that_does_not_agree_is_told_against_the_purchase_that_was_read() -> None:
    """Not against the payment alone."""
    withdrew = said(PURCHASE, Sign.WITHDREW, guards=Guards(amount=Decimal(500)))
    both = Purchase("ORDER-1", (RESERVE, payment("authorized", "2", amount=Decimal(40))))

    assert decide(facts(RESERVE, withdrew, purchase=both)).why == (
        f"{RESERVE}; amount is 100 at Mercado Pago, 500 in the notification"
    )


def test_the_word_that_tells_of_a_rejection_is_the_report_of_it() -> None:
    """Its reserves are told in its name."""
    report = told(Sign.CHANGED)

    decision = decide(rejected_facts(RESERVE, REJECTED))

    assert decision.origin is not None
    assert decision.origin.sign is report.sign
    assert decision.why == (f"{REJECTED}; purchase ORDER-1 has 2 payments; only 60 of 100 is covered")


def test_why_a_purchase_is_told_to_its_payments() -> None:
    """What fell through, and how far."""
    rejection = said(PURCHASE, Sign.REJECTED)

    assert decide_purchase([rejection], alone(payment())) == (
        Decision.spread(
            ("1",),
            Sign.REJECTED,
            rejection,
            Rule.SELLER_REJECTED,
            "purchase ORDER-1 has 1 payment; the seller rejected the purchase and none of it is approved",
        ),
    )


def test_what_the_seller_says_twice_stays_two_words() -> None:
    """Each may have guards of its own; only a shop tells the same order again and again."""
    first, second = said(PURCHASE, Sign.WITHDREW, id="a"), said(PURCHASE, Sign.WITHDREW, id="b")

    assert merged([first, second]) == (first, second)


def test_an_order_that_was_opened_twice_takes_back_what_came_in_between() -> None:
    """In whatever order the words are looked at."""
    order = {"shop_order": "shopify 1"}
    opened = [said(PURCHASE, Sign.ORDER_OPEN, NOW + timedelta(minutes=minutes), **order) for minutes in (1, 3)]
    cancelled = said(PURCHASE, Sign.ORDER_CANCELLED, NOW + timedelta(minutes=2), **order)

    for words in itertools.permutations([*opened, cancelled]):
        assert cancelled not in not_taken_back(words)


def test_what_a_claim_leads_to_is_told_that_the_buyer_withdrew() -> None:
    """In the name of the notification that told of the claim."""
    claim = Claim("7", "cancel_purchase", "opened", "buyer", "payment", "1")
    origin = said(PURCHASE, Sign.CHANGED)

    assert decide_claim(claim, ("1",), origin) == Decision.spread(
        ("1",), Sign.WITHDREW, origin, Rule.BUYER_WITHDREW, f"{claim}; the buyer withdrew"
    )


def test_what_an_alert_names_is_told_by_it() -> None:
    """With the advice that it gives."""
    alert = said(Target("default", TargetKind.ALERT, "1"), Sign.FRAUD, payments=("1",))

    assert decide_alert(alert, None, used=False, only_tell=False) == Decision.spread(
        ("1",), Sign.FRAUD, alert, Rule.FRAUD_ALERT, "fraud alert 1 names 1; do not deliver"
    )


def test_what_an_order_says_is_told_in_its_own_words() -> None:
    """The reason is the order as it was read."""
    order = ShopOrder("5", "ORDER-1", True, "customer", NOW, Decimal(100), "ARS", ())

    decision = decide_shop_order(order, NOW, GRACE, None)

    assert outcome(decision) == "spread buyer_withdrew"
    assert decision.why == "order 5 of the shop is cancelled, reason customer, 100 ARS"


def test_the_grace_period_of_an_order_that_was_cancelled_long_ago_begins_when_it_is_read() -> None:
    """Nobody could look before."""
    order = ShopOrder("5", "ORDER-1", True, "other", NOW - timedelta(days=1), Decimal(100), "ARS", ())

    assert decide_shop_order(order, NOW, GRACE, None).due_at == NOW + GRACE
    assert decide_shop_order(order, NOW, GRACE, NOW).action is Action.SPREAD


def test_a_rejected_purchase_is_kept_when_part_of_it_is_paid() -> None:
    """Read again for each reserve: another card may have been captured since."""
    paid = Purchase("ORDER-1", (payment(), payment("approved", "3")))
    about = facts(payment(), passed_on(Sign.REJECTED), purchase=paid)

    assert wants_purchase(about)
    assert outcome(decide(about)) == "nothing purchase_paid"


def test_a_rejection_of_the_purchase_means_what_was_there() -> None:
    """A card that the buyer tried afterwards is a good payment; without a date, so is one that may be."""
    before, after = payment(), payment("authorized", "2", created_at=NOW + timedelta(seconds=1))
    undated = payment("authorized", "3", created_at=None)
    rejection = said(PURCHASE, Sign.REJECTED)

    (some,) = decide_purchase([rejection], Purchase("ORDER-1", (before, after, undated)))
    (none,) = decide_purchase([rejection], Purchase("ORDER-1", (after, undated)))

    assert (outcome(some), some.payments) == ("spread seller_rejected", ("1",))
    assert outcome(none) == "nothing newer_payment"


@pytest.mark.parametrize(("minutes", "expected"), [(-20, "newer_payment"), (20, "seller_rejected")])
def test_when_the_rejection_occurred_counts_but_never_later_than_it_came(minutes: int, expected: str) -> None:
    """An event that was delivered late does not reach what the buyer did meanwhile."""
    rejection = said(PURCHASE, Sign.REJECTED, occurred_at=NOW + timedelta(minutes=minutes))
    later = payment("authorized", "2", created_at=NOW + timedelta(minutes=10))

    (decision,) = decide_purchase([rejection], Purchase("ORDER-1", (payment(), later)))

    assert decision.rule == expected
    assert decision.payments == (("1",) if minutes > 0 else ())


def test_a_rejection_of_the_purchase_does_not_stand() -> None:
    """What it left alone is not cancelled by it when it changes later."""
    rejection = replace(passed_on(Sign.REJECTED), number=1)
    about = facts(payment(), told(Sign.CHANGED), rejection, opened_by=2)

    assert outcome(decide(about)) == "nothing reserve_wanted"
    assert outcome(decide(replace(about, opened_by=1))) == "cancel seller_rejected"


def test_what_is_passed_on_has_the_origin_that_decided() -> None:
    """Not one whose guard failed, though it is newer."""
    wrong = said(PURCHASE, Sign.WITHDREW, guards=Guards(currency="BRL"))
    right = said(PURCHASE, Sign.REJECTED)

    decision, refused = decide_purchase([wrong, right], alone(payment()))
    assert decision.origin == right
    assert outcome(refused) == "refused guard_failed"
    assert len(decide_purchase([said(PURCHASE, Sign.WITHDREW), wrong], alone(payment()))) == 1


def test_only_what_the_others_can_overrule_is_worth_reading_them() -> None:
    """A withdrawal needs one read, not two."""
    assert not wants_purchase(facts(payment(), passed_on(Sign.WITHDREW)))
    assert not wants_purchase(facts(payment(), told(Sign.REJECTED)))
    assert not wants_purchase(facts(payment("approved"), passed_on(Sign.REJECTED)))
    assert wants_purchase(facts(payment(), said(PURCHASE, Sign.WITHDREW, guards=Guards(amount=Decimal(1)))))


def test_an_amount_given_for_the_purchase_is_compared_with_all_of_it() -> None:
    """Two cards of 60 and 40 are a purchase of 100."""
    withdrew = said(PURCHASE, Sign.WITHDREW, guards=Guards(amount=Decimal(100)))
    both = Purchase("ORDER-1", (RESERVE, payment("authorized", "2", amount=Decimal(40))))

    assert outcome(decide(facts(RESERVE, withdrew, purchase=both))) == "cancel buyer_withdrew"
    assert outcome(decide(facts(RESERVE, withdrew, purchase=alone(RESERVE)))) == "refused guard_failed"


@pytest.mark.parametrize(
    ("sign", "guards", "statuses", "total", "expected"),
    [
        (Sign.WITHDREW, Guards(), ("authorized", "authorized"), None, "spread buyer_withdrew"),
        (Sign.WITHDREW, Guards(), ("authorized", "approved"), None, "spread buyer_withdrew"),
        (Sign.REJECTED, Guards(), ("authorized", "rejected"), None, "spread seller_rejected"),
        (Sign.REJECTED, Guards(), ("authorized", "approved"), None, "nothing purchase_paid"),
        (Sign.WITHDREW, Guards(amount=Decimal(200)), ("authorized", "authorized"), None, "spread buyer_withdrew"),
        (Sign.WITHDREW, Guards(amount=Decimal(100)), ("authorized", "rejected"), None, "spread buyer_withdrew"),
        (Sign.WITHDREW, Guards(amount=Decimal(200)), ("authorized", "rejected"), 200, "spread buyer_withdrew"),
        (Sign.WITHDREW, Guards(amount=Decimal(200)), ("authorized", "rejected"), None, "refused guard_failed"),
        (Sign.WITHDREW, Guards(currency="ARS"), ("authorized",), None, "spread buyer_withdrew"),
        (Sign.WITHDREW, Guards(currency="BRL"), ("authorized",), None, "refused guard_failed"),
    ],
)
def test_a_purchase(sign: Sign, guards: Guards, statuses: tuple[str, ...], total: int | None, expected: str) -> None:
    """The seller's word reaches every payment, unless a guard fails or the purchase is paid after all."""
    payments = tuple(payment(status, str(number)) for number, status in enumerate(statuses, 1))
    purchase = Purchase("ORDER-1", payments, None if total is None else Decimal(total))

    (decision,) = decide_purchase([said(PURCHASE, sign, guards=guards)], purchase)

    assert outcome(decision) == expected
    if decision.action is Action.SPREAD:
        assert decision.payments == tuple(found.id for found in payments)
        assert decision.sign is sign


RELEASED = (State.CANCELLED, Rule.BUYER_WITHDREW)
GONE = (State.CANCELLED, Rule.ALREADY_CANCELLED)
OBSERVED = (State.NOTHING, Rule.OBSERVED)
NO_RESERVE = (State.NOTHING, Rule.NO_RESERVE)
TAKEN = (State.CAPTURED, Rule.CAPTURED)
REFUSED = (State.REFUSED, Rule.GUARD_FAILED)
DEAD = (State.DEAD, Rule.EXPIRED)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((RELEASED, RELEASED), "cancelled buyer_withdrew"),
        ((GONE, RELEASED), "cancelled buyer_withdrew"),
        ((GONE, NO_RESERVE), "cancelled already_cancelled"),
        ((RELEASED, NO_RESERVE), "cancelled buyer_withdrew"),
        ((NO_RESERVE, NO_RESERVE), "nothing no_reserve"),
        ((NO_RESERVE, OBSERVED), "nothing observed"),
        ((GONE, OBSERVED), "nothing observed"),
        ((OBSERVED, TAKEN), "captured captured"),
        ((RELEASED, TAKEN), "captured captured"),
        ((TAKEN, REFUSED), "refused payments_failed"),
        ((OBSERVED, REFUSED), "refused payments_failed"),
        ((REFUSED, DEAD), "dead payments_failed"),
        ((RELEASED, (State.PENDING, Rule.UNCLEAR)), "wait payments_open"),
        (((State.CANCEL_SENT, Rule.BUYER_WITHDREW), DEAD), "wait payments_open"),
    ],
)
def test_a_purchase_stands_where_its_worst_payment_stands(ends: Sequence[tuple[State, Rule]], expected: str) -> None:
    """Under its rule, in whatever order they are; and it waits while one of them is open."""
    decided = Decision.spread((), Sign.WITHDREW, told(Sign.WITHDREW), Rule.BUYER_WITHDREW, "")

    for order in (ends, ends[::-1]):
        decision = settle_spread(order, decided, NOW + timedelta(seconds=1))

        assert outcome(decision) == expected


def test_a_fraud_alert_stays_one_whatever_became_of_its_payment() -> None:
    """Nothing is to be delivered."""
    decided = Decision.spread((), Sign.FRAUD, told(Sign.FRAUD), Rule.FRAUD_ALERT, "")

    assert [outcome(settle_spread([end], decided, NOW)) for end in (TAKEN, DEAD)] == [
        "captured fraud_alert",
        "dead fraud_alert",
    ]


def test_the_sum_is_told_in_words() -> None:
    """How many came out how."""
    decided = Decision.spread((), Sign.WITHDREW, told(Sign.WITHDREW), Rule.BUYER_WITHDREW, "")

    assert settle_spread((RELEASED, TAKEN, RELEASED), decided, NOW).why == "its payments: 2 cancelled, 1 captured"


def test_what_was_said_stands_as_long_as_a_reserve_can() -> None:
    """Seven days later there is nothing left to act upon."""
    old = told(Sign.WITHDREW, at=NOW - timedelta(days=7))
    young = told(Sign.WITHDREW, at=NOW - timedelta(days=7) + timedelta(seconds=1))

    assert standing((old, young), NOW, timedelta(days=7)) == (young,)
