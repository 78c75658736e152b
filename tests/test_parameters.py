"""Tests for handler.aws.parameters, over a server process."""

import re
from uuid import uuid4

import pytest

from handler.aws.parameters import FRESH
from handler.aws.parameters import Parameters
from handler.aws.parameters import Settings
from handler.boto import client
from handler.errors import ConfigError
from handler.errors import StorageError
from handler.simulator import Fault
from tests.amazon import Gateway
from tests.amazon import put_parameters
from tests.fakes import Clock


@pytest.fixture
def path(aws: str) -> str:
    """Where this test's parameters are."""
    assert aws
    path = f"/{uuid4().hex}/webhooks"
    put_parameters(path, NAME="first")
    return path


def read(_account: str, settings: Settings) -> str:
    value = settings["NAME"]
    if value == "bad":
        raise ConfigError(["NAME: is bad"])
    return value


def parameters(path: str, clock: Clock) -> Parameters[str]:
    return Parameters(client("ssm"), path, read, clock)


def test_they_are_read_once_in_five_minutes(gateway: Gateway, path: str, clock: Clock) -> None:
    """Then what was changed is seen."""
    found = parameters(path, clock)
    gateway.calls.clear()
    assert [found.of("default") for _ in range(3)] == ["first"] * 3
    assert len(gateway.calls) == 1
    put_parameters(path, NAME="second")
    assert found.of("default") == "first"

    clock.now += FRESH

    assert found.of("default") == "second"


@pytest.mark.parametrize("why", ["away", "bad"])
def test_the_last_good_ones_serve_while_there_are_no_better(
    gateway: Gateway, path: str, clock: Clock, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is refused because a store is away, or somebody stored nonsense; the log tells."""
    found = parameters(path, clock)
    assert found.of("default") == "first"
    if why == "away":
        gateway.faults.append(Fault("POST", "/.*", status=500, times=2))
    else:
        put_parameters(path, NAME="bad")

    clock.now += FRESH
    assert found.of("default") == "first"
    assert re.search("cannot be (used|read)", caplog.text)

    put_parameters(path, NAME="second")
    clock.now += FRESH
    assert found.of("default") == "second"


def test_without_any_nothing_is_believed(gateway: Gateway, path: str, clock: Clock) -> None:
    """The sender is to try again; as soon as they can be read all goes on."""
    found = parameters(path, clock)
    gateway.faults.append(Fault("POST", "/.*", status=500, times=2))

    with pytest.raises(StorageError, match="no good parameters"):
        found.of("default")
    assert found.of("default") == "first"


def test_an_empty_path_is_a_mistake_and_no_setting(gateway: Gateway, clock: Clock) -> None:
    """Everything would be off by it."""
    assert gateway
    with pytest.raises(StorageError, match="no good parameters"):
        parameters(f"/{uuid4().hex}", clock).all()


def test_what_did_not_change_is_not_made_anew(path: str, clock: Clock) -> None:
    """Clients keep their connections."""
    found: Parameters[object] = Parameters(client("ssm"), path, lambda _name, _settings: object(), clock)
    first = found.of("default")

    clock.now += FRESH

    assert found.of("default") is first


def test_there_may_be_many(path: str, clock: Clock) -> None:
    """More than one page holds."""
    put_parameters(path, **{f"N{number}": str(number) for number in range(25)})
    found: Parameters[int] = Parameters(client("ssm"), path, lambda _name, settings: len(settings), clock)

    assert found.of("default") == 26


def test_what_is_wrong_with_one_account_leaves_the_others_alone(
    path: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where nothing good is remembered of it: then it is our fault, and senders are to try again."""
    client("ssm").put_parameter(Name=f"{path}/acme/NAME", Value="bad", Type="SecureString")
    found = parameters(path, clock)

    assert found.all() == {"default": "first"}
    assert found.of("default") == "first"
    assert found.of("nobody") is None
    with pytest.raises(StorageError, match="account acme cannot be used"):
        found.of("acme")
    assert "account acme cannot be used: NAME: is bad" in caplog.text

    client("ssm").put_parameter(Name=f"{path}/acme/NAME", Value="good", Type="SecureString", Overwrite=True)
    clock.now += FRESH
    assert found.of("acme") == "good"
    client("ssm").delete_parameter(Name=f"{path}/acme/NAME")
    clock.now += FRESH
    assert found.all() == {"default": "first"}
