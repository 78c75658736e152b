"""The secrets of the corpus: an account that is rotating all of them, another seller, one with a single source."""

from collections.abc import Mapping

from handler.config.reader import SECRET_SETTINGS
from tests.fakes import MP_SECRET
from tests.fakes import SHOP_SECRET
from tests.fakes import WHSEC

#: What the account `default` signs with now.
NEW: Mapping[str, str] = {
    "mercadopago": MP_SECRET,
    "merchant": WHSEC,
    "woocommerce": SHOP_SECRET,
    "shopify": SHOP_SECRET[::-1],
    "tiendanube": SHOP_SECRET[:16] * 2 + "t",
}
#: What it signed with before, and what still holds.
OLD: Mapping[str, str] = {
    "mercadopago": "b7e2" * 16,
    "merchant": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    "woocommerce": "9d2b" * 8,
    "shopify": "8c1a" * 8,
    "tiendanube": "6e4f" * 8,
}
#: What another seller signs with, whose account is `acme`.
ACME: Mapping[str, str] = {
    "mercadopago": "5c0d" * 16,
    "merchant": "whsec_pLSUtUW2YJ1nTJ1nxrdQ8yQxH2gQb1Zq",
    "woocommerce": "e1f7" * 8,
    "shopify": "d3a9" * 8,
    "tiendanube": "4b8e" * 8,
}


def _settings(*generations: Mapping[str, str]) -> dict[str, str]:
    return {
        name: ",".join(generation[source] for generation in generations) for source, name in SECRET_SETTINGS.items()
    }


ACCOUNTS: Mapping[str, Mapping[str, str]] = {
    "default": _settings(NEW, OLD),
    "acme": _settings(ACME),
    "half": {SECRET_SETTINGS["merchant"]: NEW["merchant"]},
}
