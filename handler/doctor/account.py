"""One account: whether its token is taken, whose it is, what it may read, and how far the clocks are apart."""

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from email.utils import parsedate_to_datetime

from handler.answers import SELLER
from handler.answers import read
from handler.config import Account
from handler.config import Mode
from handler.errors import MalformedError
from handler.errors import UnclearError
from handler.exchange import Answer
from handler.exchange import Exchange
from handler.findings import Finding

#: How far this clock may be from Mercado Pago's before signatures of others begin to fail (300 seconds).
MOST_SKEW = timedelta(seconds=60)

#: How long a reserve lives, by site, in days.
#: https://www.mercadopago.com.ar/developers/es/docs/checkout-api-payments/payment-management/capture-authorized-payment
LIVES = {"MLA": 7, "MLM": 7, "MLC": 7, "MLB": 5, "MPE": 22}


@dataclass(frozen=True, slots=True)
class Api:
    """What is read of Mercado Pago: a search that costs little, and what does not happen without it."""

    name: str
    path: str
    lack: str
    is_optional: bool = False


APIS = (
    Api("payments", "/v1/payments/search?limit=1", "purchases are not found by their reference"),
    Api(
        "orders",
        "/v1/orders?external_reference=doctor&begin_date={begin}&end_date={end}&limit=1",
        "those of the Orders API are not found by their reference",
        is_optional=True,
    ),
    # https://www.mercadopago.com.br/developers/en/reference/merchant_orders/_merchant_orders_search/get
    Api("merchant orders", "/merchant_orders/search?limit=1", "what a purchase should come to is not known"),
    # https://www.mercadopago.com.br/developers/en/reference/claims/search-claims/get
    Api("claims", "/post-purchase/v1/claims/search?limit=1", "no buyer is heard who withdraws there"),
)

CREDENTIALS = "take the access token from Your integrations > your application > Credentials"


def look_at_account(account: Account, exchange: Exchange, clock: Callable[[], datetime]) -> Iterator[Finding]:
    """Yield what Mercado Pago says to the token of an account."""
    who = f"account {account.name}"
    try:
        answer = _get(account, exchange, "/users/me")
    except UnclearError as error:
        remedy = "see that this machine reaches it: name resolution, firewall, proxy, and MERCADOPAGO_API_URL"
        yield Finding.ill(f"{who}: {account.api_url} does not answer: {error}", remedy)
        return
    yield from _clock(who, answer, clock())
    yield from _seller(who, account, answer)
    if answer.status == 200:
        yield from _may_use(who, account, exchange, clock())
        yield _mode(who, account)


def _get(account: Account, exchange: Exchange, path: str) -> Answer:
    headers = {"Authorization": f"Bearer {account.access_token}"}
    return exchange.send("GET", account.api_url.rstrip("/") + path, headers=headers, data=None)


def _seller(who: str, account: Account, answer: Answer) -> Iterator[Finding]:
    if answer.status in {401, 403}:
        seen = f"{who}: the access token is refused ({answer.status}): it is wrong, or has expired"
        yield Finding.ill(seen, f"{CREDENTIALS}; one that was got by OAuth is renewed every 180 days")
        return
    try:
        seller = read(SELLER, answer.body) if answer.status == 200 else None
    except MalformedError:
        seller = None
    if seller is None:
        seen = f"{who}: {account.api_url} is not Mercado Pago, or is away: /users/me is answered {answer.status}"
        yield Finding.ill(seen, "correct MERCADOPAGO_API_URL, or try again later")
        return
    yield Finding.well(f"{who}: the token is that of seller {seller['id']} ({seller['site_id'] or 'site not told'})")
    if account.access_token.startswith("TEST-") or "test_user" in seller["tags"]:
        seen = f"{who}: it is a test token: live payments are refused with it (wrong_mode)"
        yield Finding.ill(seen, f"to go live, {CREDENTIALS} for production, the one that begins with APP_USR-")
    else:
        yield Finding.well(f"{who}: it is a live token: it reads and releases real reserves")
    of_token = account.access_token.rpartition("-")[2]
    if of_token.isdecimal() and of_token != seller["id"]:
        yield Finding.ill(f"{who}: the token names another seller than it belongs to", CREDENTIALS)
    days = LIVES.get(seller["site_id"])
    if days is not None and days != account.reserve_life.days:
        seen = f"{who}: reserves of {seller['site_id']} live for {days} days, not {account.reserve_life.days}"
        yield Finding.ill(seen, f"set RESERVE_DAYS={days}")


def _may_use(who: str, account: Account, exchange: Exchange, now: datetime) -> Iterator[Finding]:
    """Yield which of the APIs that are used the token may read, each tried once."""
    begin, end = (f"{moment:%Y-%m-%dT%H:%M:%S}Z" for moment in (now - timedelta(days=1), now))
    for api in APIS:
        try:
            status = _get(account, exchange, api.path.format(begin=begin, end=end)).status
        except UnclearError:
            yield Finding.ill(f"{who}: the search for {api.name} does not answer", "try again later")
            continue
        yield _may_read(who, api, status)


def _may_read(who: str, api: Api, status: int) -> Finding:
    """Return whether something may be read; who has no orders may be refused the search for them."""
    if status >= 500:
        return Finding.ill(f"{who}: the search for {api.name} is answered {status}", "try again later")
    if status not in {401, 403}:
        return Finding.well(f"{who}: {api.name} can be read")
    seen = f"{who}: {api.name} cannot be searched ({status}), so {api.lack}"
    if api.is_optional:
        return Finding.well(f"{seen}; nothing is missed if there are none")
    return Finding.ill(seen, f"give the application the permission to read {api.name}, or use another token")


def _mode(who: str, account: Account) -> Finding:
    if account.mode is Mode.OBSERVE:
        return Finding.well(f"{who}: MODE=observe: it decides and records, and cancels nothing")
    return Finding.well(f"{who}: MODE=enforce: reserves are cancelled")


def _clock(who: str, answer: Answer, now: datetime) -> Iterator[Finding]:
    with suppress(ValueError, TypeError):
        skew = now - parsedate_to_datetime(answer.headers.get("Date", ""))
        if abs(skew) <= MOST_SKEW:
            yield Finding.well(f"{who}: this clock and Mercado Pago's agree to {abs(skew).total_seconds():.0f} s")
            return
        seen = f"{who}: this clock is {abs(skew).total_seconds():.0f} s {'ahead' if skew > MOST_SKEW else 'behind'}"
        yield Finding.ill(seen, "set it, and keep it set by NTP: signed notifications are refused beyond 300 s")
