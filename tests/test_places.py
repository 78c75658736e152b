"""Tests for handler.places: who gets a place, and who has to wait for one."""

import time
from threading import Thread

from handler.places import MOST_SLOW
from handler.places import Places
from tests.fakes import payment_target

ONE, TWO, THREE = (payment_target(str(number)) for number in range(3))


def test_there_are_so_many_places_and_none_for_the_same_twice() -> None:
    """And one that was given back is free again."""
    places = Places(2, 1)

    assert places.take(ONE)
    assert not places.take(ONE)
    assert places.take(TWO)
    assert not places.take(THREE)
    assert (places.left(), places.taken) == (0, {ONE, TWO})

    places.give_back(ONE)
    assert places.take(THREE)


def test_one_place_is_kept_from_those_that_took_long() -> None:
    """Until one of them is quick."""
    places = Places(2, 1, slow=5)
    for target in (ONE, TWO):
        assert places.take(target)
        places.give_back(target, 6)

    assert places.take(ONE)
    assert not places.take(TWO)
    assert places.take(THREE)

    places.give_back(THREE, 1)
    assert not places.take(TWO)
    places.give_back(ONE, 1)
    assert places.slow == 1
    assert places.take(TWO)
    assert places.take(ONE)


def test_the_only_place_is_for_everybody() -> None:
    """What took long is not left for ever."""
    places = Places(1, 1)
    assert places.take(ONE)
    places.give_back(ONE, 15)

    assert places.take(ONE)


def test_the_latest_ones_are_remembered() -> None:
    """Of an outage there may be any number."""
    places = Places(2, 1)
    for number in range(MOST_SLOW + 5):
        places.give_back(payment_target(str(number)), 15)

    assert places.slow == MOST_SLOW
    assert places.take(TWO)
    assert places.take(payment_target("0"))


def test_who_waits_for_a_place_hears_of_one_and_of_the_end() -> None:
    """Without looking again and again."""
    places = Places(1, 1)
    assert places.wait(0)
    assert places.take(ONE)
    assert not places.wait(0)

    giving = Thread(target=places.give_back, args=(ONE,))
    giving.start()
    assert places.wait(30)
    giving.join()

    places.close()
    assert not places.wait(30)
    assert not places.take(TWO)


def test_who_finds_no_place_waits_as_long_as_it_said() -> None:
    """And does not spin."""
    places = Places(1, 1)
    assert places.take(ONE)
    begun = time.monotonic()

    assert not places.wait(0.05)

    assert time.monotonic() - begun >= 0.05
