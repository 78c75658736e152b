"""Working on what one notification leads to, here and now, for somebody who waits for the outcome."""

from collections import deque
from dataclasses import replace

from handler.models import Case
from handler.models import Notification
from handler.models import Target
from handler.process import process
from handler.services import Services


def at_once(target: Target, notification: Notification, services: Services) -> Case | None:
    """Put a notification on record, and process its target and all that this wakes until nothing of it is due.

    Returns the case as it stands then: open, where it waits for something, or somebody else works on it.
    """
    woken: deque[Target] = deque()
    listening = replace(services, wake=lambda woken_up, _due_at: woken.append(woken_up))
    listening.accept(notification)
    while woken:
        process(woken.popleft(), listening)
    return services.cases.get(target)
