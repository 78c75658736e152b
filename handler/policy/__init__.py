"""When a reserve is released: the decision tables. Pure: no I/O, no clock.

`payment.decide()` is the table for one payment, `purchase.decide_purchase()` for all payments of one
`external_reference`, `claim.decide_claim()` for a claim; `rules` names every rule, `retry` says when a
failed try is made again.
"""

from handler.policy.claim import decide_claim
from handler.policy.facts import Facts
from handler.policy.payment import decide
from handler.policy.payment import wants_purchase
from handler.policy.purchase import decide_purchase
from handler.policy.purchase import settle_spread
from handler.policy.rules import Action
from handler.policy.rules import Decision
from handler.policy.rules import Rule

__all__ = [
    "Action",
    "Decision",
    "Facts",
    "Rule",
    "decide",
    "decide_claim",
    "decide_purchase",
    "settle_spread",
    "wants_purchase",
]
