"""A withdrawal whose Mercado Pago misbehaves at some place of it, and what must be right in the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from pathlib import Path
from typing import Any

from handler.cases import Cases
from handler.cases import open_cases
from handler.models import Case
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.process import process
from handler.process.payment import idempotency_key
from handler.services import Services
from handler.simulator import Simulator
from tests import fakes
from tests.fakes import Clock
from tests.fakes import payment_target
from tests.fakes import purchase_target
from tests.fakes import said
from tests.faults import resets
from tests.faulty_upstream import PAYMENT
from tests.faulty_upstream import Fault
from tests.faulty_upstream import Plan
from tests.faulty_upstream import Upstream
from tests.faulty_upstream import Wire
from tests.voucher import Voucher

#: Seconds that one exchange may last here, and what a busy machine may add to that.
TOTAL, SLACK = 0.6, 2.0

#: More attempts than any of these faults can cause.
MOST = 30


@dataclass(frozen=True)
class Place:
    """Where a fault strikes.

    `calls` go wrong, `after` they had their effect or before; `payment` is what the payment is to begin with,
    `meanwhile` what it becomes between reading and cancel. With `lost`, the fault strikes the first reading
    after a cancel that was broken off.
    """

    calls: str = f"GET {PAYMENT}"
    after: bool = False
    payment: str = "authorized"
    meanwhile: str = ""
    lost: bool = False

    @property
    def end(self) -> str:
        """What has become of the payment in the end."""
        return "approved" if "approved" in {self.payment, self.meanwhile} else "cancelled"

    @property
    def is_released(self) -> bool:
        """Whether it was the handler that ended the reserve."""
        return self.payment == "authorized" and not self.meanwhile

    def suits(self, fault: Fault) -> bool:
        """Whether the fault can happen here: what never arrives has no effect, what did not happen no truth."""
        is_reading = self.calls.startswith("GET")
        return not (fault.door and self.after) and not (fault.truthful and not is_reading and not self.after)


PUT = Place(f"PUT {PAYMENT}")
PLACES = {
    "reading a reserve": Place(),
    "reading a captured payment": Place(payment="approved"),
    "reading a cancelled payment": Place(payment="cancelled"),
    "cancel before its effect": PUT,
    "cancel after its effect": replace(PUT, after=True),
    "cancel not done, captured meanwhile": replace(PUT, meanwhile="approved"),
    "cancel refused, captured meanwhile": replace(PUT, after=True, meanwhile="approved"),
    "cancel not done, cancelled meanwhile": replace(PUT, meanwhile="cancelled"),
    "cancel refused, cancelled meanwhile": replace(PUT, after=True, meanwhile="cancelled"),
    "reading after a lost cancel": Place(lost=True, after=True),
    "reading after a cancel that never was": Place(lost=True),
    "reading after a lost cancel, captured meanwhile": Place(lost=True, meanwhile="approved"),
}


@dataclass
class World:
    """One withdrawal, the handler's parts, and the misbehaving Mercado Pago that they call."""

    upstream: Upstream
    record: Cases
    clock: Clock
    wire: Wire
    services: Services
    target: Target
    on_record: list[tuple[str, State | None, str]] = field(default_factory=list)

    @property
    def payment(self) -> dict[str, Any]:
        return self.upstream.memory.payments[self.target.id]

    def case(self) -> Case:
        return self.case_of(self.target)

    def case_of(self, target: Target) -> Case:
        found = self.record.get(target)
        assert found is not None
        return found

    def withdraw_another(self) -> Target:
        """Let another payment of the account be withdrawn now."""
        target = payment_target(self.upstream.memory.add_payment())
        self.record.accept(said(target, at=self.clock()))
        return target

    def attempt(self) -> None:
        """Move the clock to when something is due, and work on that."""
        self.clock.now = max(self.clock.now, self.record.next_due() or self.clock.now)
        for target in self.record.due(self.clock.now, 9):
            process(target, self.services)

    def end(self) -> Case:
        """Go from attempt to attempt until all has ended."""
        for _ in range(MOST):
            self.attempt()
            if self.record.next_due() is None:
                return self.case()
        raise AssertionError("the case does not end")


@contextmanager
def world(
    folder: Path,
    simulator: Simulator,
    place: Place,
    *,
    reference: str = "",
    total: float = TOTAL,
    voucher: Voucher | None = None,
) -> Iterator[World]:
    """A withdrawal of a payment as the place has it, or of its purchase; every PUT is met by a look into the record."""
    clock, upstream = Clock(), Upstream(simulator, tls=voucher.context if voucher else None)
    target = payment_target(simulator.memory.add_payment(place.payment, external_reference=reference))
    url = f"sqlite:///{folder}/cases.sqlite3"
    record = open_cases(url)
    record.accept(said(purchase_target(reference) if reference else target))
    wire, reader = Wire(upstream, total, voucher.file if voucher else None), open_cases(url, read_only=True)
    services = fakes.services(record, wire, clock, MERCADOPAGO_API_URL=upstream.url)
    made = World(upstream, record, clock, wire, services, target)

    def at_put(payment_id: str) -> None:
        found = reader.get(payment_target(payment_id))
        made.on_record.append((payment_id, found.state, found.idempotency_key) if found else (payment_id, None, ""))
        if place.meanwhile and made.payment["status"] == "authorized":
            made.payment.update(status=place.meanwhile, captured=place.meanwhile == "approved")

    upstream.at_put = at_put
    yield made
    wire.close()
    upstream.close()
    reader.close()
    record.close()


def strike(world: World, place: Place, fault: Fault, times: int = 1) -> list[Plan]:
    """Let the fault happen at its place."""
    plan = Plan(place.calls, fault, place.after, times)
    if not place.lost:
        world.upstream.plans.append(plan)
        return [plan]
    lost, look = Plan(f"PUT {PAYMENT}", Fault(resets), place.after), world.upstream.at_put

    def at_put(payment_id: str) -> None:
        look(payment_id)
        if plan not in world.upstream.plans:
            world.upstream.plans.append(plan)

    world.upstream.plans.append(lost)
    world.upstream.at_put = at_put
    return [lost, plan]


def check(world: World, place: Place, case: Case) -> None:
    """Assert what is right whatever went wrong: the end, and that nothing was done twice, unseen or unannounced."""
    puts = [put for put in world.upstream.puts if put.payment_id == world.target.id]
    effects = [put for put in puts if place.is_released and (put.before, put.after) == ("authorized", "cancelled")]
    assert world.payment["status"] == place.end
    assert case.state is (State.CAPTURED if place.end == "approved" else State.CANCELLED)
    assert len(effects) == place.is_released
    # It is read first: a payment that is no reserve any more is not asked for again.
    assert [put.before for put in puts] == ["authorized"] * len(puts)
    assert {put.key for put in puts} <= {idempotency_key(world.target)}
    on_record = [seen for seen in world.on_record if seen[0] == world.target.id]
    assert on_record == [(put.payment_id, State.CANCEL_SENT, put.key) for put in puts]
    assert not [call for call in world.upstream.calls if "elsewhere" in call]
    assert max(world.wire.took) < world.wire.total + SLACK
    history = world.record.history(world.target)
    assert sum(entry.step is Step.CALLED for entry in history) >= len(puts)
    assert "fault of the handler" not in "".join(entry.detail for entry in history)
