"""The base of every schema: senders and Mercado Pago add fields as they like."""

from marshmallow import EXCLUDE
from marshmallow import Schema


class LenientSchema(Schema):
    """What is not named is dropped."""

    class Meta:
        """Fields may be added by the other side."""

        unknown = EXCLUDE
