"""How an account has set up one of its senders."""

from dataclasses import dataclass
from dataclasses import field


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """The secrets, the newest first, and what else receiving needs.

    `reference` is how an order of a shop becomes an `external_reference`, such as `WC-{id}`; `ipn` is
    whether the old unsigned notifications of Mercado Pago are a reason to read the payment.
    """

    secrets: tuple[str, ...] = field(repr=False)
    reference: str = ""
    ipn: bool = False
