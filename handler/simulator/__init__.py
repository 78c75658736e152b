"""A pretend Mercado Pago over HTTP: with memory, a history of calls, and failures on request.

It is strict: what Mercado Pago refuses, it refuses, with the documented status, code and body.
https://www.mercadopago.com.br/developers/en/reference
"""

from handler.simulator.app import create_simulator_app
from handler.simulator.faults import Call
from handler.simulator.faults import Fault
from handler.simulator.memory import Memory
from handler.simulator.shop import Shop

__all__ = ["Call", "Fault", "Memory", "Shop", "Simulator"]


class Simulator:
    """One seller's Mercado Pago: `memory` holds its payments, `app` is the WSGI application."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.app = create_simulator_app(memory)

    @property
    def calls(self) -> list[Call]:
        """Return what was called, the oldest first."""
        return self.app.calls

    def fail(self, fault: Fault) -> None:
        """Let a coming call fail; several faults wait for their calls in the order they were given."""
        self.app.faults.append(fault)

    def writes(self) -> list[Call]:
        """Return the calls that meant to change something."""
        return [call for call in self.calls if call.method != "GET"]
