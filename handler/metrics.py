"""What is counted and measured of a running handler, in the names and the format of Prometheus.

https://prometheus.io/docs/practices/naming/
"""

from collections.abc import Callable
from collections.abc import Iterable
from datetime import datetime
from datetime import timedelta

from prometheus_client import CollectorRegistry
from prometheus_client import Counter
from prometheus_client import Histogram
from prometheus_client import Info
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from handler import __version__
from handler.cases import Cases
from handler.errors import CasesError
from handler.errors import DeliveryError
from handler.errors import SignatureError
from handler.models import Case
from handler.models import Delivery
from handler.models import Receipt
from handler.models import State
from handler.policy import Decision
from handler.policy import Rule

PREFIX = "reserve_handler"

#: From the notification to the release, in seconds: at once, after a grace period, after retries, after days.
RELEASE_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600, 1800, 3600, 21600, 86400, 604800)

#: How long cases are not counted again, however often somebody asks.
COUNTED = timedelta(minutes=1)


class Metrics:
    """The figures of one process; each method may be called from any thread."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._registry = CollectorRegistry()
        self._notifications = Counter(
            f"{PREFIX}_notifications",
            "What senders were answered, and which rule refused what was refused.",
            ["source", "receipt", "reason"],
            registry=self._registry,
        )
        self._release = Histogram(
            f"{PREFIX}_time_to_release_seconds",
            "From the notification that opened a case to its confirmed cancellation.",
            buckets=RELEASE_BUCKETS,
            registry=self._registry,
        )
        self._calls = Histogram(
            f"{PREFIX}_upstream_call_seconds",
            "Calls to Mercado Pago and to shops, by HTTP status; `none` where no whole answer came.",
            ["method", "status"],
            registry=self._registry,
        )
        Info(f"{PREFIX}_build", "What runs.", registry=self._registry).info({"version": __version__})

    def watch(self, record: Cases) -> None:
        """Tell from now on what is on record, too."""
        self._registry.register(_Record(record, self._clock))

    def heard(self, delivery: Delivery, outcome: Receipt | Exception) -> None:
        """Count a delivery; of what was refused by a rule, or failed by a fault of ours, which."""
        if isinstance(outcome, Receipt):
            self._notifications.labels(delivery.source, outcome.kind, "").inc()
            return
        reason = outcome.reason if isinstance(outcome, SignatureError) else type(outcome).__name__
        receipt = "refused" if isinstance(outcome, DeliveryError) else "failed"
        self._notifications.labels(delivery.source, receipt, reason).inc()

    def ended(self, case: Case, decision: Decision) -> None:
        """Measure how long a release took since the first word that led to it; what was cancelled before us is none."""
        if decision.state is State.CANCELLED and decision.rule is not Rule.ALREADY_CANCELLED and case.target.is_money:
            self._release.observe((self._clock() - (case.began_at or case.opened_at)).total_seconds())

    def called(self, method: str, status: int | None, seconds: float) -> None:
        """Measure a call; `status` None is one without a whole answer."""
        self._calls.labels(method, "none" if status is None else str(status)).observe(seconds)

    def told(self) -> bytes:
        """Return all of it, as Prometheus reads it."""
        return generate_latest(self._registry)


class _Record(Collector):
    """What is on record, counted when it is asked for."""

    def __init__(self, record: Cases, clock: Callable[[], datetime]) -> None:
        self._record = record
        self._clock = clock
        self._counted_at: datetime | None = None
        self._counts: dict[State, int] = {}

    def collect(self) -> Iterable[Metric]:
        """Return the figures; while the record cannot be read, only that."""
        up = GaugeMetricFamily(f"{PREFIX}_record_up", "Whether the record of cases can be read.")
        cases = GaugeMetricFamily(f"{PREFIX}_cases", "Cases on record, by where they stand.", labels=["state"])
        oldest = GaugeMetricFamily(f"{PREFIX}_oldest_due_seconds", "How long the case that waits longest is due, or 0.")
        try:
            self._count()
            oldest.add_metric([], self._overdue())
        except CasesError:
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        for state in State:
            cases.add_metric([state], self._counts.get(state, 0))
        return [up, cases, oldest]

    def _count(self) -> None:
        now = self._clock()
        if self._counted_at is None or now - self._counted_at >= COUNTED:
            self._counts, self._counted_at = self._record.counts(), now

    def _overdue(self) -> float:
        due = self._record.next_due()
        return 0.0 if due is None else max((self._clock() - due).total_seconds(), 0.0)
