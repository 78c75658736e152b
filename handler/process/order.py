"""Working on an order."""

from handler.models import State
from handler.policy import Decision
from handler.policy import Rule
from handler.process.work import Work


def work_on_order(work: Work) -> Decision:
    """Return how the case goes on."""
    problem = next(word.problem for word in work.case.said if word.problem)
    return Decision.end(State.REFUSED, Rule.NOT_UNDERSTOOD, f"{work.case.said[0].source}: {problem}")
