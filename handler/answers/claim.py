"""Claims."""

from typing import Any

from marshmallow import fields
from marshmallow import post_load

from handler.answers.fields import IdField
from handler.answers.fields import number
from handler.answers.fields import word
from handler.lenient_schema import LenientSchema
from handler.models import Claim


class PlayerSchema(LenientSchema):
    """Who has a part in a claim."""

    role = fields.String(load_default="", allow_none=True)
    type = fields.String(load_default="", allow_none=True)


class ClaimSchema(LenientSchema):
    """One claim: https://www.mercadopago.com.br/developers/en/reference/claims/get-claim/get."""

    id = IdField(required=True)
    type = fields.String(required=True)
    status = fields.String(required=True)
    resource = fields.String(load_default="", allow_none=True)
    # Of a number for payments and orders; what else it is does not lead to a payment.
    resource_id = fields.Raw(load_default="", allow_none=True)
    players = fields.List(fields.Nested(PlayerSchema), load_default=(), allow_none=True)

    @post_load
    def keep(self, data: dict[str, Any], **kwargs: Any) -> Claim:
        """Return the noun; nothing of the people but who complains."""
        complainants = {player["type"] for player in data["players"] or () if player["role"] == "complainant"}
        return Claim(
            id=data["id"],
            type=word(data["type"]),
            status=word(data["status"]),
            complainant=word(complainants.pop()) if len(complainants) == 1 else "",
            resource=word(data["resource"]),
            resource_id=number(data["resource_id"]),
        )
