"""One seller's settings, wherever they are written: the environment, a file, the Parameter Store."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import timedelta

from handler.config.reader import DEFAULT_API_URL
from handler.config.reader import DEFAULT_TIENDANUBE_URL
from handler.config.reader import SECRET_SETTINGS
from handler.config.reader import FraudAlert
from handler.config.reader import Mode
from handler.config.reader import Reader
from handler.models import DEFAULT_ACCOUNT
from handler.sources import SOURCES
from handler.sources import SourceSettings

#: What receiving needs of an account: each source that is on.
SourcesOn = Mapping[str, SourceSettings]

#: Calls a second that each worker needs for itself: with less, no case has its calls made while its lease lasts.
LEAST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class ShopAccess:
    """How the orders of a shop are read, and how one becomes an `external_reference`."""

    access_token: str = field(repr=False)
    api_url: str
    reference: str


@dataclass(frozen=True, slots=True)
class ShopKeys:
    """How notes are written into a shop of WooCommerce: its address, and a REST key that may write."""

    url: str
    key: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """One seller: how to call Mercado Pago, how to decide. The token is not part of its repr."""

    name: str
    access_token: str = field(repr=False)
    api_url: str
    mode: Mode
    grace: timedelta
    schedule: tuple[timedelta, ...]
    reserve_life: timedelta
    rate: float
    tiendanube: ShopAccess | None = None
    fraud_alert: FraudAlert = FraudAlert.CANCEL
    woocommerce: ShopKeys | None = None


def read_account(environ: Mapping[str, str], name: str = DEFAULT_ACCOUNT, workers: int = 1) -> Account:
    """Return what processing needs of an account that so many workers call for; raises ConfigError."""
    reader = Reader(environ)
    account = account_of(reader, name, workers)
    reader.raise_problems()
    return account


def read_sources(environ: Mapping[str, str]) -> SourcesOn:
    """Return what receiving needs of an account; raises ConfigError."""
    reader = Reader(environ)
    sources = sources_of(reader)
    reader.raise_problems()
    return sources


def read_source(environ: Mapping[str, str], source: str) -> SourceSettings | None:
    """Return how one source is set up, None if it is off; raises ConfigError."""
    reader = Reader(environ)
    settings = reader.source(source)
    reader.raise_problems()
    return settings


def account_of(reader: Reader, name: str, workers: int) -> Account:
    """Return an account; what is wrong with it the reader keeps."""
    return Account(
        name=name,
        access_token=reader.access_token(),
        api_url=reader.api_url("MERCADOPAGO_API_URL", DEFAULT_API_URL),
        mode=reader.choice("MODE", Mode, Mode.ENFORCE, Mode.OBSERVE),
        grace=timedelta(seconds=reader.number("GRACE_PERIOD", 300, float, 0, 86400)),
        schedule=reader.schedule(),
        reserve_life=timedelta(days=reader.number("RESERVE_DAYS", 7, int, 1, 60)),
        rate=reader.number("MAX_REQUESTS_PER_SECOND", 10, float, workers * LEAST_SHARE, 100_000),
        tiendanube=_tiendanube(reader),
        fraud_alert=reader.choice("FRAUD_ALERT", FraudAlert, FraudAlert.CANCEL, FraudAlert.ALERT),
        woocommerce=shop_keys(reader),
    )


def _tiendanube(reader: Reader) -> ShopAccess | None:
    token = reader.secret("TIENDANUBE_ACCESS_TOKEN")
    url = reader.api_url("TIENDANUBE_API_URL", DEFAULT_TIENDANUBE_URL)
    reference = reader.reference("TIENDANUBE_REFERENCE", "{id}")
    return ShopAccess(token, url, reference) if token else None


def shop_keys(reader: Reader) -> ShopKeys | None:
    """Return how notes are written into a shop, None if they are not; what is wrong with it the reader keeps."""
    url = reader.address("WOOCOMMERCE_URL").rstrip("/")
    names = ("WOOCOMMERCE_CONSUMER_KEY", "WOOCOMMERCE_CONSUMER_SECRET")
    keys = [reader.secret(name) for name in names]
    if url and not all(keys):
        reader.problems.append(f"WOOCOMMERCE_URL needs {' and '.join(names)}: notes are written with them")
    return ShopKeys(url, *keys) if url and all(keys) else None


def sources_of(reader: Reader) -> SourcesOn:
    """Return each source that is on; what is wrong with one the reader keeps."""
    sources = {source: found for source in SOURCES if (found := reader.source(source))}
    if not sources:
        reader.problems.append(f"no source is on: set one of {', '.join(SECRET_SETTINGS.values())}")
    return sources
