"""A corpus of forgeries and of genuine requests in unusual forms; each a name, the bytes, and what must come of it.

A case is a line in the file of its sender, `wire` is HTTP itself. `python -m tests.forgeries` prints how this handler
and the official validators fare.
"""

from datetime import datetime

from tests.forgeries import genuine as genuine_requests
from tests.forgeries import mercadopago
from tests.forgeries import merchant
from tests.forgeries import shopify
from tests.forgeries import tiendanube
from tests.forgeries import wire
from tests.forgeries import woocommerce
from tests.forgeries.case import Case

SENDERS = (mercadopago, merchant, woocommerce, shopify, tiendanube, wire)


def forgeries(now: datetime) -> list[Case]:
    """Return what must not be believed at this moment."""
    return [case for sender in SENDERS for case in sender.forgeries(now)]


def genuine(now: datetime) -> list[Case]:
    """Return what must be heard at this moment."""
    return list(genuine_requests.genuine(now))
