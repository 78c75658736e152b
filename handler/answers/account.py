"""`/users/me`: whose token it is."""

from marshmallow import fields

from handler.answers.fields import IdField
from handler.lenient_schema import LenientSchema


class AccountSchema(LenientSchema):
    """`/users/me`."""

    id = IdField(required=True)


class SellerSchema(AccountSchema):
    """The same, as far as it tells what kind of account it is."""

    site_id = fields.String(load_default="")
    tags = fields.List(fields.String(), load_default=())
