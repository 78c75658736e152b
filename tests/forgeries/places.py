"""Where a rightly signed request is refused all the same: another account, source, path or method."""

from collections.abc import Iterator

from tests.forgeries.case import Case
from tests.forgeries.case import refused
from tests.forgeries.request import Request
from tests.forgeries.request import added
from tests.forgeries.request import bent
from tests.forgeries.request import method
from tests.forgeries.request import path

SOURCES = ("mercadopago", "merchant", "woocommerce", "shopify", "tiendanube")

METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "post", "POSTS")

#: Paths by the name of the source; the server decodes them once, and nothing tidies them up.
PATHS = {
    "another account": "/notifications/acme/{}",
    "an account nobody has": "/notifications/nobody/{}",
    "an account in capitals": "/notifications/DEFAULT/{}",
    "an empty account": "/notifications//{}",
    "two accounts": "/notifications/default/default/{}",
    "a slash at the end": "/notifications/{}/",
    "a dot": "/notifications/./{}",
    "two dots": "/notifications/acme/../{}",
    "encoded dots": "/notifications/acme/%2e%2e/{}",
    "an encoded slash": "/notifications/acme%2f{}",
    "a path parameter": "/notifications/{};a=b",
    "a dot at the end": "/notifications/{}.",
    "a space at the end": "/notifications/{}%20",
    "a NUL at the end": "/notifications/{}%00",
    "half a byte": "/notifications/{}%",
    "capitals": "/Notifications/{}",
    "a version before": "/v1/notifications/{}",
    "nothing but the source": "/{}",
    "a file": "/notifications/{}.json",
}


def misplaced(source: str, good: Request) -> Iterator[Case]:
    """Return a genuine request of a source in all the places where it is none."""
    for name, place in PATHS.items():
        yield refused(source, f"sent to {name}", path(place.format(source))(good), to_be_judged=False)
    for other in SOURCES:
        if other != source:
            yield refused(source, f"sent as {other}", path(f"/notifications/{other}")(good), to_be_judged=False)
    capitals = path(f"/notifications/{source.upper()}")(good)
    yield refused(source, "sent as a source in capitals", capitals, to_be_judged=False)
    yield refused(source, "sent as no source", path("/notifications/")(good), to_be_judged=False)
    for name in METHODS:
        yield refused(source, f"sent by {name}", method(name)(good), to_be_judged=False)
    override = bent(method("GET"), added("X-HTTP-Method-Override", "POST"))
    yield refused(source, "sent by GET, with POST in a header", override(good), to_be_judged=False)
    if source != "merchant":
        switched_off = path(f"/notifications/half/{source}")(good)
        yield refused(source, "sent to an account that has it switched off", switched_off, to_be_judged=False)
