"""One account: whether its token is taken, whose it is, what it may read, and how far the clocks are apart."""

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import suppress
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
        yield _may_read(who, account, exchange)
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
        seen = f"{who}: it is a token for tests: live payments are refused with it (wrong_mode)"
        yield Finding.ill(seen, f"to go live, {CREDENTIALS} for production, the one that begins with APP_USR-")
    of_token = account.access_token.rpartition("-")[2]
    if of_token.isdecimal() and of_token != seller["id"]:
        yield Finding.ill(f"{who}: the token names another seller than it belongs to", CREDENTIALS)
    days = LIVES.get(seller["site_id"])
    if days is not None and days != account.reserve_life.days:
        seen = f"{who}: reserves of {seller['site_id']} live for {days} days, not {account.reserve_life.days}"
        yield Finding.ill(seen, f"set RESERVE_DAYS={days}")


def _may_read(who: str, account: Account, exchange: Exchange) -> Finding:
    """Return whether payments may be searched: without that, no purchase is found."""
    with suppress(UnclearError):
        status = _get(account, exchange, "/v1/payments/search?limit=1").status
        if status == 200:
            return Finding.well(f"{who}: payments can be read")
        seen = f"{who}: payments cannot be searched ({status}), so purchases are not found by their reference"
        return Finding.ill(seen, "give the application the permission to read payments, or use another token")
    return Finding.ill(f"{who}: the search for payments does not answer", "try again later")


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
