"""The short form of the fuzzing, without its fuzzer; and that it would find what it is for."""

import random
from dataclasses import replace

import pytest

from tests.forgeries.accounts import ACME
from tests.fuzz_inputs import SIGNATURES
from tests.fuzz_inputs import WAYS
from tests.fuzz_inputs import Forged
from tests.fuzz_inputs import as_it_is
from tests.fuzz_inputs import believed
from tests.fuzz_inputs import delivery_of
from tests.fuzz_inputs import is_signed
from tests.fuzz_inputs import seeds
from tests.fuzz_inputs import try_input

#: Of each way.
INPUTS = 1000

GENUINE = [seed[1:] for seed in seeds() if seed[0] == WAYS.index(as_it_is)]


def varied(chance: random.Random, text: bytes) -> bytes:
    """Return a text with some of its bytes replaced, repeated or left out."""
    for _ in range(chance.randint(1, 6)):
        start = chance.randint(0, len(text))
        end = start + chance.randint(0, 8)
        middle = chance.choice([chance.randbytes(end - start), text[start:end] * 2, b"", b"\n", b'"', b"[", b"9"])
        text = text[:start] + middle + text[end:]
    return text


@pytest.mark.parametrize("way", range(len(WAYS)), ids=[way.__name__ for way in WAYS])
def test_no_input_raises_what_is_not_ours_or_is_believed_unsigned(way: int) -> None:
    """Some thousands, the same ones each time, each made of an input that reaches far."""
    chance = random.Random(way)  # noqa: S311 - nothing secret is made of it
    known = [seed for seed in seeds() if seed[0] == way]

    for _ in range(INPUTS):
        try_input(bytes([way]) + varied(chance, chance.choice(known)[1:]))


@pytest.mark.parametrize("data", GENUINE, ids=lambda data: delivery_of(data).source)
def test_the_fuzzing_begins_where_something_is_believed(data: bytes) -> None:
    """And knows by itself whether that was signed."""
    delivery = delivery_of(data)

    (told,) = believed(delivery)

    forged = replace(delivery, headers={**delivery.headers, SIGNATURES[delivery.source]: "0" * 64})
    assert is_signed(delivery, told)
    assert not is_signed(forged, told)


@pytest.mark.parametrize("data", GENUINE, ids=lambda data: delivery_of(data).source)
def test_what_is_believed_and_not_signed_is_found(data: bytes) -> None:
    """As if the handler took another's signature: the secrets here are not those it was signed with."""
    with pytest.raises(Forged):
        as_it_is(data, ACME)
