"""Tests for handler.config."""

import re
from datetime import timedelta

import pytest

from handler.config import Config
from handler.config import Language
from handler.config import Mode
from handler.config import ShopKeys
from handler.config import SmtpServer
from handler.config import database_url
from handler.config import read_account
from handler.config import read_source
from handler.config import read_sources
from handler.errors import ConfigError
from handler.sources import SourceSettings
from tests.fakes import ENVIRON
from tests.fakes import MP_SECRET
from tests.fakes import TOKEN
from tests.fakes import WHSEC


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Config.from_environ(environ)
    return list(caught.value.problems)


def test_the_defaults() -> None:
    """A token and one secret are all that is needed."""
    config = Config.from_environ({"MERCADOPAGO_ACCESS_TOKEN": TOKEN, "MERCADOPAGO_WEBHOOK_SECRET": MP_SECRET})

    account = config.accounts["default"]
    assert (config.database_url, config.workers) == ("sqlite:///var/handler.sqlite3", 8)
    assert account.api_url == "https://api.mercadopago.com"
    assert config.sources == {"default": {"mercadopago": SourceSettings((MP_SECRET,))}}
    assert account.mode is Mode.ENFORCE
    assert account.grace == timedelta(seconds=300)
    assert [wait.total_seconds() for wait in account.schedule] == [
        *(5, 30, 120, 600, 1800, 3600),
        *(7200, 14400, 28800, 43200, 86400),
    ]
    assert account.reserve_life == timedelta(days=7)
    assert account.rate == 10


def test_every_setting_is_read() -> None:
    """In its unit; several secrets by commas."""
    config = Config.from_environ(
        {
            **ENVIRON,
            "MERCADOPAGO_WEBHOOK_SECRET": f"{MP_SECRET}, {'b7' * 16}",
            "MERCADOPAGO_API_URL": "http://127.0.0.1:9000",
            "DATABASE_URL": "sqlite:////srv/cases.sqlite3",
            "MODE": "observe",
            "GRACE_PERIOD": "0",
            "RETRY_SCHEDULE": "0.5, 2",
            "RESERVE_DAYS": "22",
            "WORKERS": "16",
            "MAX_REQUESTS_PER_SECOND": "2.5",
        }
    )

    account = config.accounts["default"]
    assert config.database_url == "sqlite:////srv/cases.sqlite3"
    assert config.workers == 16
    assert config.source_of("default", "mercadopago") == SourceSettings((MP_SECRET, "b7" * 16))
    assert config.source_of("default", "merchant") == SourceSettings((WHSEC,))
    assert config.source_of("default", "stripe") is config.source_of("acme", "merchant") is None
    assert account.api_url == "http://127.0.0.1:9000"
    assert account.mode is Mode.OBSERVE
    assert account.grace == timedelta()
    assert account.schedule == (timedelta(seconds=0.5), timedelta(seconds=2))
    assert account.reserve_life == timedelta(days=22)
    assert account.rate == 2.5


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MERCADOPAGO_ACCESS_TOKEN", "", "is not set"),
        ("MERCADOPAGO_ACCESS_TOKEN", "APP_USR", "is shorter than 16 characters"),
        ("MERCADOPAGO_ACCESS_TOKEN", "<your access token>", "is a placeholder"),
        ("MERCADOPAGO_ACCESS_TOKEN", "APP_USR-7a61 c2e59d0b4f38", "has characters that no token has"),
        ("MERCADOPAGO_ACCESS_TOKEN", "APP_USR-7a61\nc2e59d0b4f38", "has characters that no token has"),
        ("MERCADOPAGO_WEBHOOK_SECRET", "", "is empty"),
        ("MERCADOPAGO_WEBHOOK_SECRET", f"{MP_SECRET},", "is empty"),
        ("MERCADOPAGO_WEBHOOK_SECRET", "your_secret_key_here", "is a placeholder"),
        ("MERCADOPAGO_WEBHOOK_SECRET", "change-me-please-now", "is a placeholder"),
        ("MERCADOPAGO_WEBHOOK_SECRET", "tu_clave_secreta_aqui", "is a placeholder"),
        ("MERCADOPAGO_ACCESS_TOKEN", "APP_USR-SEU_TOKEN_AQUI", "is a placeholder"),
        ("MERCADOPAGO_WEBHOOK_SECRET", "xxxxxxxxxxxxxxxxxxxx", "is a placeholder"),
        ("MERCADOPAGO_WEBHOOK_SECRET", "15characterslon", "is shorter than 16 characters"),
        ("MERCHANT_WEBHOOK_SECRET", "whsec_AAECAwQFBgcICQoL", "must hold 24 to 64 bytes"),
        ("MERCHANT_WEBHOOK_SECRET", "whsec_no base64 at all, sorry", "is not whsec_ and base64"),
        ("PAGE_PASSWORD", "short", "is shorter than 16 characters: choose a long one"),
        ("ALERT_URL", "http://shop.example/hook", "use an https address"),
        ("ALERT_URL", "https://shop.example/a b", "use an https address"),
        ("ALERT_URL", "https://shop.example:99999/a", "use an https address"),
        ("ALERT_URL", "https://[::::]/a", "use an https address"),
        ("ALERT_URL", "elsewhere", "use an https address"),
        ("PAGE_PASSWORD", "contrase\udcf1a-larga-1234", "has characters that nobody can type"),
        ("ALERT_EMAIL", "nobody", "'nobody' is not one mail address"),
        ("ALERT_LANGUAGE", "fr", "'fr' is neither en nor es nor pt"),
        ("WOOCOMMERCE_URL", "https://shop.example", "needs WOOCOMMERCE_CONSUMER_KEY and WOOCOMMERCE_CONSUMER_SECRET"),
        ("WOOCOMMERCE_CONSUMER_KEY", "ck", "is shorter than 16 characters"),
        ("MERCADOPAGO_API_URL", "http://api.mercadopago.com", "use https://api.mercadopago.com"),
        ("MERCADOPAGO_API_URL", "https://me:pw@api.mercadopago.com", "use https://api.mercadopago.com"),
        ("MERCADOPAGO_API_URL", "https://api.mercadopago.com?a=b", "use https://api.mercadopago.com"),
        ("MERCADOPAGO_API_URL", "https://", "use https://api.mercadopago.com"),
        ("MERCADOPAGO_API_URL", "https://[bad", "use https://api.mercadopago.com"),
        ("MERCADOPAGO_API_URL", "https://api.mercadopago.com:99999", "use https://api.mercadopago.com"),
        ("MERCADOPAGO_API_URL", "https://api.mercadopago.com:abc", "use https://api.mercadopago.com"),
        ("MERCADOPAGO_API_URL", "https:// api.mercadopago.com", "use https://api.mercadopago.com"),
        ("MERCADOPAGO_API_URL", "127.0.0.1:9999", "or http://127.0.0.1:PORT"),
        ("DATABASE_URL", "postgres://here/there", "use sqlite:///path"),
        ("DATABASE_URL", "sqlite:///:memory:", "use sqlite:///path"),
        ("DATABASE_URL", "sqlite:///cases.sqlite3?mode=ro", "use sqlite:///path"),
        ("MODE", "dry-run", "is neither enforce nor observe"),
        ("GRACE_PERIOD", "-1", "is not a number from 0 to 86400"),
        ("GRACE_PERIOD", "five minutes", "is not a number from 0 to 86400"),
        ("GRACE_PERIOD", "nan", "is not a number from 0 to 86400"),
        ("RETRY_SCHEDULE", "5,,30", "is not a list of seconds"),
        ("RETRY_SCHEDULE", "0", "is not a list of seconds"),
        ("RETRY_SCHEDULE", "inf", "is not a list of seconds"),
        ("RESERVE_DAYS", "7.5", "is not a number from 1 to 60"),
        ("WORKERS", "1_0", "is not a number from 1 to 256"),
        ("WORKERS", "\u0661", "is not a number from 1 to 256"),
        ("WORKERS", "2.5", "is not a number from 1 to 256"),
        ("WORKERS", "0", "is not a number from 1 to 256"),
        ("MAX_REQUESTS_PER_SECOND", "0", "is not a number from 0.8 to 100000"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str, message: str) -> None:
    """With what to do, and without any secret in it."""
    (problem,) = problems({**ENVIRON, name: value})[:1]

    assert problem.startswith(f"{name}")
    assert message in problem
    if name.endswith(("SECRET", "TOKEN")) and value:
        assert value not in problem


@pytest.mark.parametrize("url", ["http://localhost:9000", "http://[::1]:9000", "https://proxy.example/mp"])
def test_other_addresses_of_the_api(url: str) -> None:
    """A simulator on this machine, or whatever else has a certificate."""
    assert read_account({**ENVIRON, "MERCADOPAGO_API_URL": url}).api_url == url


def test_all_problems_are_told_at_once() -> None:
    """So that nobody starts five times to find five mistakes."""
    found = problems({"MERCADOPAGO_WEBHOOK_SECRET": "short", "WORKERS": "many", "MODE": "x"})

    names = [problem.split(":")[0].split()[0] for problem in found]
    assert names == ["WORKERS", "MERCADOPAGO_ACCESS_TOKEN", "MODE", "MERCADOPAGO_WEBHOOK_SECRET"]


def test_a_handler_that_hears_nobody_does_not_start() -> None:
    """One source must be on."""
    (problem,) = problems({"MERCADOPAGO_ACCESS_TOKEN": TOKEN})

    assert problem.startswith("no source is on: set one of MERCADOPAGO_WEBHOOK_SECRET, MERCHANT_WEBHOOK_SECRET, ")


def test_no_secret_is_part_of_a_repr() -> None:
    """Nor of a log line or a traceback that shows one."""
    text = repr(Config.from_environ(ENVIRON))

    assert all(secret not in text for secret in (TOKEN, MP_SECRET, WHSEC))


def test_reading_the_cases_needs_no_secret() -> None:
    """Only the place."""
    assert database_url({}) == "sqlite:///var/handler.sqlite3"
    assert database_url({"DATABASE_URL": " sqlite:///x "}) == "sqlite:///x"


def test_receiving_needs_no_token_and_processing_no_secret() -> None:
    """Each half reads what it uses, and is as strict about it as `serve`."""
    secrets = {"MERCHANT_WEBHOOK_SECRET": WHSEC}
    assert read_sources(secrets) == {"merchant": SourceSettings((WHSEC,))}
    assert read_account({"MERCADOPAGO_ACCESS_TOKEN": TOKEN}).access_token == TOKEN
    with pytest.raises(ConfigError, match="no source is on"):
        read_sources({})
    with pytest.raises(ConfigError, match="MERCADOPAGO_ACCESS_TOKEN is not set"):
        read_account(secrets)


def test_one_source_can_be_read_alone() -> None:
    """As `send` does."""
    assert read_source(ENVIRON, "merchant") == SourceSettings((WHSEC,))
    assert read_source({}, "merchant") is None
    with pytest.raises(ConfigError):
        read_source({"MERCHANT_WEBHOOK_SECRET": ""}, "merchant")


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("WC-", "names no field of the order, such as {id}: all orders would be one purchase"),
        ("{id", "names no field"),
        ("{id}-{", "has a brace that is not around the name of a field"),
        ("{id.__class__}", "names no field"),
        ("{id}{0}", "has a brace"),
        ("{id}\x07", "is no printable text"),
        ("{id}" + "x" * 300, "is no printable text of 256 characters"),
    ],
)
def test_a_reference_that_cannot_be_one_stops_the_start(template: str, told: str) -> None:
    """All orders of a shop would be one purchase, or none."""
    with pytest.raises(ConfigError, match=f"SHOPIFY_REFERENCE: .*{re.escape(told)}"):
        read_sources({"SHOPIFY_WEBHOOK_SECRET": "5e1f" * 8, "SHOPIFY_REFERENCE": template})


def test_a_shop_whose_orders_must_be_read_needs_a_token() -> None:
    """And one that is one; nothing of it is shown."""
    on = {**ENVIRON, "TIENDANUBE_WEBHOOK_SECRET": "3c9a" * 8}

    assert problems(on) == [
        "TIENDANUBE_ACCESS_TOKEN is not set: its notifications only name the order to read",
    ]
    (short,) = problems({**ENVIRON, "TIENDANUBE_ACCESS_TOKEN": "short"})
    assert short.startswith("TIENDANUBE_ACCESS_TOKEN is shorter than 16 characters")
    (odd,) = problems({**ENVIRON, "TIENDANUBE_ACCESS_TOKEN": "5f0e8b7c 6d1a4932e8b7"})
    assert odd == "TIENDANUBE_ACCESS_TOKEN has characters that no token has: copy it again"
    (plain,) = problems({**ENVIRON, "TIENDANUBE_API_URL": "http://api.tiendanube.com/v1"})
    assert plain.startswith("TIENDANUBE_API_URL: use https://api.tiendanube.com/v1")
    shop = Config.from_environ({**on, "TIENDANUBE_ACCESS_TOKEN": "5f0e8b7c6d1a4932e8b7"}).accounts["default"].tiendanube
    assert shop is not None
    assert (shop.api_url, shop.reference) == ("https://api.tiendanube.com/v1", "{id}")
    assert "5f0e8b7c" not in repr(shop)


def test_shops_have_a_reference_each() -> None:
    """Their own unless another is set."""
    secrets = {"WOOCOMMERCE_WEBHOOK_SECRET": "3c9a" * 8, "SHOPIFY_WEBHOOK_SECRET": "5e1f" * 8}

    sources = read_sources({**secrets, "WOOCOMMERCE_REFERENCE": "Curso-{number}"})

    assert {name: source.reference for name, source in sources.items()} == {
        "woocommerce": "Curso-{number}",
        "shopify": "{id}",
    }


def test_who_is_told_is_read() -> None:
    """Slack needs no secret, a mail server on this machine no encryption."""
    mail = {"ALERT_EMAIL": "me@shop.example", "ALERT_LANGUAGE": "pt", "ALERT_EMAIL_FROM": "it@shop.example"}
    slack = {"ALERT_URL": "https://hooks.slack.com/services/T0/B0/x@yz?a=b"}
    alerts = Config.from_environ({**ENVIRON, **mail, **slack, "SMTP_URL": "smtps://u:p%40w@mx.example"}).alerts
    local = Config.from_environ({**ENVIRON, **mail, "SMTP_URL": "smtp://127.0.0.1:1025"}).alerts
    signed = Config.from_environ({**ENVIRON, "ALERT_URL": "https://a.example", "ALERT_SECRET": WHSEC}).alerts

    assert (alerts.url, alerts.is_for_slack) == (slack["ALERT_URL"], True)
    assert alerts.server == SmtpServer("mx.example", 465, is_encrypted=True, user="u", password="p@w")
    assert (alerts.email, alerts.sender, alerts.language) == ("me@shop.example", "it@shop.example", Language.PORTUGUESE)
    assert local.server
    assert (local.server.port, local.server.is_local, local.sender) == (1025, True, "it@shop.example")
    assert (signed.secret, signed.is_for_slack, signed.server) == (WHSEC, False, None)
    assert not any(secret in repr(found) for secret in ("x@yz", "p@w", WHSEC) for found in (alerts, local, signed))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mx.example",
        "smtp://",
        "http://mx.example",
        "smtp://mx.example:x",
        "smtp://mx.example/a",
        "ftp://mx.example:25",
        "smtps://u:contrase%C3%B1a@mx.example",
    ],
)
def test_a_mail_server_is_named_as_an_address(url: str) -> None:
    """With a scheme that tells how it is encrypted."""
    told = problems({**ENVIRON, "ALERT_EMAIL": "me@shop.example", "SMTP_URL": url})

    assert told == ["SMTP_URL: ALERT_EMAIL needs it, such as smtps://user:password@smtp.example.com"]


@pytest.mark.parametrize(
    ("secret", "told"), [("", "is not set"), ("whsec_AAEC", "must hold 24 to 64 bytes after whsec_")]
)
def test_what_is_told_is_signed(secret: str, told: str) -> None:
    """Whoever receives it must be able to tell that it is ours."""
    (found,) = problems({**ENVIRON, "ALERT_URL": "https://shop.example/hook", "ALERT_SECRET": secret})

    assert found.startswith(f"ALERT_SECRET {told}: it signs what goes to ALERT_URL;")


def test_the_keys_of_a_shop_are_read() -> None:
    """All three together."""
    keys = {"WOOCOMMERCE_CONSUMER_KEY": "ck_0123456789abcdef", "WOOCOMMERCE_CONSUMER_SECRET": "cs_0123456789abcdef"}
    account = read_account({**ENVIRON, **keys, "WOOCOMMERCE_URL": "https://shop.example/"})

    assert account.woocommerce == ShopKeys("https://shop.example", *keys.values())
    assert "cs_0123456789abcdef" not in repr(account)
