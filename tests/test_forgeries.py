"""The corpus of forgeries, each case over a socket of its own: nothing forged is stored, nothing genuine refused."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC
from datetime import datetime
from pathlib import Path

import pytest

from handler.sources import SOURCES
from tests.fakes import NOW
from tests.forgeries import forgeries
from tests.forgeries import genuine
from tests.forgeries import mercadopago
from tests.forgeries import merchant
from tests.forgeries import peers
from tests.forgeries import shopify
from tests.forgeries import tiendanube
from tests.forgeries import woocommerce
from tests.forgeries.accounts import ACME
from tests.forgeries.case import Case
from tests.forgeries.case import Outcome
from tests.forgeries.endpoint import Endpoint
from tests.forgeries.endpoint import listening
from tests.forgeries.endpoint import new_record
from tests.forgeries.peers import Tally
from tests.forgeries.table import table

FORGERIES, GENUINE = forgeries(NOW), genuine(NOW)

#: Of each source a genuine request, and what another signed about the same id and about an unknown one.
TS = mercadopago.seconds(NOW)
ANSWERED = {
    "mercadopago": [
        mercadopago.notice(TS),
        mercadopago.notice(TS, secret=ACME["mercadopago"]),
        mercadopago.notice(TS, "1319999998", secret=ACME["mercadopago"]),
    ],
    "merchant": [
        merchant.event(TS),
        merchant.event(TS, secret=ACME["merchant"]),
        merchant.event(TS, merchant.with_data(payment_id="1319999998"), secret=ACME["merchant"]),
    ],
    **{
        shop.SOURCE: [
            signed(),
            signed(secret=ACME[shop.SOURCE]),
            signed(shop.with_fields(id=1), secret=ACME[shop.SOURCE]),
        ]
        for shop, signed in (
            (woocommerce, woocommerce.order),
            (shopify, shopify.order),
            (tiendanube, tiendanube.event),
        )
    },
}


@pytest.fixture(scope="module")
def running() -> Iterator[Endpoint]:
    """The whole receiving half, on a free port."""
    with listening(NOW) as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(running: Endpoint, tmp_path: Path) -> Endpoint:
    """The same with an empty record; where nothing was stored, that is still the last one."""
    if running.stored:
        running.cases.close()
        running.cases = new_record(tmp_path)
        running.stored.clear()
    return running


@pytest.mark.parametrize("case", FORGERIES, ids=str)
def test_nothing_forged_is_believed(endpoint: Endpoint, case: Case) -> None:
    """It is answered 4xx or not at all, and the record stays as it was; what holds nothing for us opens no case."""
    assert endpoint.problem(case) == ""


@pytest.mark.parametrize("case", GENUINE, ids=str)
def test_nothing_genuine_is_refused(endpoint: Endpoint, case: Case) -> None:
    """It is answered 200, and what was signed is on record, nothing else."""
    assert endpoint.problem(case) == ""


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    """No case goes by another's name, and no source is left out."""
    counts = Counter(case.source for case in FORGERIES if case.outcome is Outcome.REFUSED)

    assert len({str(case) for case in FORGERIES}) == len(FORGERIES)
    assert len({str(case) for case in GENUINE}) == len(GENUINE)
    assert set(counts) == {*SOURCES, "HTTP"}
    assert min(counts.values()) > 50
    assert sum(counts.values()) > 500
    assert len(GENUINE) > 80


@pytest.mark.parametrize("source", list(ANSWERED))
def test_a_refusal_does_not_tell_what_is_on_record(endpoint: Endpoint, source: str) -> None:
    """Of a forgery about a known and of one about an unknown id it is the same, but for its date."""
    genuine_one, *forged = ANSWERED[source]
    assert b" 200 " in endpoint.send(genuine_one.raw())
    answers = [endpoint.send(request.raw()) for request in forged]

    known, unknown = [re.sub(rb"Date: [^\r]+", b"", answer) for answer in answers]

    assert known == unknown
    assert known.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("source", ["mercadopago", "merchant"])
def test_the_official_validators_hear_what_the_corpus_signs(source: str) -> None:
    """So what is forged in it differs from the real thing in nothing but the forgery."""
    now = datetime.now(UTC)
    plain = [case for case in genuine(now) if case.source == source and case.name == "as documented"]
    validator = peers.mercadopago(now, tolerance=300) if source == "mercadopago" else peers.standard_webhooks

    assert peers.tally(plain, validator) == Tally(genuine=1)


@pytest.mark.slow
def test_the_table_tells_nought_of_this_handler() -> None:
    """Nothing forged is believed, nothing crashes it, nothing genuine is refused; of no other judge this holds."""
    rows = [row.strip("| ").split(" | ") for row in table(datetime.now(UTC)) if row.startswith("| ")][1:]

    faultless = [judge for _, judge, _, believed, crashed, _, refused in rows if {believed, crashed, refused} == {"0"}]
    assert faultless == ["this handler"] * 3
    assert [row[1] for row in rows].count("this handler") == 3
