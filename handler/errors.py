"""Everything that is raised on purpose.

HandlerError
├── ConfigError               the settings cannot be used
├── DeliveryError             the sender's side: answered 4xx, nothing is stored
│   ├── UnknownSourceError    no such source, or it is switched off
│   ├── MediaTypeError        of another content type than the source sends
│   ├── SignatureError        not shown to come from the sender
│   ├── TooManyError          unsigned, and more of them than are taken
│   ├── MalformedError        not readable at all
│   └── InvalidError          readable, but the schema refuses it
├── CasesError                our side of the record
│   ├── StorageError          it cannot be read or written now
│   └── LeaseLostError        somebody else works on the case by now
├── NoticeError               somebody outside was not told; it is tried again
│   └── NoticeRefusedError    nor ever will be
└── MercadoPagoError          the exchange did not give what was asked for
    ├── PaymentNotFoundError  404
    ├── CredentialsError      401 or 403
    ├── RateLimitedError      429
    ├── StateError            400, code 2018: not possible from the payment's state
    ├── StoppedError          not called at all: this process, or its time, is about to end
    └── UnclearError          anything else: what happened must be read again
"""

from collections.abc import Mapping
from collections.abc import Sequence


class HandlerError(Exception):
    """The root of the tree above."""


class ConfigError(HandlerError):
    """Raised once, with every problem of the settings: each names the setting and what to do."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class DeliveryError(HandlerError):
    """Raised if a delivery is not going to become a notification."""


class UnknownSourceError(DeliveryError):
    """Raised if the path names an account or a source that is not there, or is switched off."""


class MediaTypeError(DeliveryError):
    """Raised if a delivery is of another content type than its source sends."""


class SignatureError(DeliveryError):
    """Raised if a signature is missing, malformed or wrong; the reason is for the log, never for the sender."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooManyError(DeliveryError):
    """Raised if nobody can verify a delivery, and more such came than are taken; it may be sent again."""


class MalformedError(DeliveryError):
    """Raised if what counts in a delivery cannot be read: bad JSON, no id, an id out of its alphabet."""


class InvalidError(DeliveryError):
    """Raised if the schema refuses an authentic body; `errors` tells it field by field."""

    def __init__(self, errors: Mapping[str, object]) -> None:
        super().__init__("the schema refuses the notification")
        self.errors = errors


class CasesError(HandlerError):
    """Raised if the record of cases did not take or give what was asked."""


class StorageError(CasesError):
    """Raised if the record cannot be read or written now; nothing was stored, trying again is right."""


class LeaseLostError(CasesError):
    """Raised if a write shows an old fence; the work in hand is to be dropped."""


class NoticeError(HandlerError):
    """Raised if it is not sure that a message arrived; it is to be sent again, under the same id.

    `is_away`: nobody answered, or nothing is taken now, so there is no use in trying another message.
    """

    def __init__(self, message: str, *, is_away: bool = True) -> None:
        super().__init__(message)
        self.is_away = is_away


class NoticeRefusedError(NoticeError):
    """Raised if a message will not be taken however often it is sent."""


class MercadoPagoError(HandlerError):
    """Raised if Mercado Pago did not give what was asked for; `retry_after` is its own wish, in seconds."""

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class PaymentNotFoundError(MercadoPagoError):
    """Raised if there is no such thing, or not for this account, or not yet."""


class CredentialsError(MercadoPagoError):
    """Raised if the access token is refused."""


class RateLimitedError(MercadoPagoError):
    """Raised if Mercado Pago asks to be called less often."""


class StateError(MercadoPagoError):
    """Raised if the payment's state does not allow what was asked; the payment was not changed."""


class StoppedError(MercadoPagoError):
    """Raised instead of a call that would not be over in time; nothing was sent."""


class UnclearError(MercadoPagoError):
    """Raised if it is not known what happened: only reading the payment again tells."""
