"""One world from its beginning to its end, and what was wrong in it."""

from datetime import timedelta
from random import Random

from handler.cases import Cases
from handler.models import DEFAULT_ACCOUNT
from handler.models import Entry
from handler.models import State
from handler.models import Step
from handler.models import Target
from handler.models import TargetKind
from tests import fakes
from tests.worlds.hosts import Design
from tests.worlds.hosts import Host
from tests.worlds.hub import EndlessError
from tests.worlds.hub import Hub
from tests.worlds.judge import Judge
from tests.worlds.record import in_file
from tests.worlds.story import AFTERNOON
from tests.worlds.story import HOUR
from tests.worlds.story import Story
from tests.worlds.upstream import Upstream

ENVIRON = {**fakes.ENVIRON, "SHOPIFY_WEBHOOK_SECRET": fakes.SHOP_SECRET}

REAL = Design(in_file())

#: How long everything goes wrong, in seconds: until the last sender has given up.
TROUBLED = AFTERNOON + 20 * HOUR

#: How long it may take then until all is done: the longest wait between two tries, and the reading of what was lost.
CALM = 42 * HOUR


class World:
    """A seed, a design, and a place for its record."""

    def __init__(self, seed: int | str, design: Design, url: str) -> None:
        random = Random(seed)  # noqa: S311 - the same world each time
        self.hub = Hub(random)
        self._cases = design.open_cases(url)
        self._design = design
        # What the judge expects is what is promised, whatever a design makes of it.
        promised = fakes.account().grace.total_seconds()
        account = fakes.account(**design.settings)
        self.upstream = Upstream(self.hub, lambda: fakes.NOW + timedelta(seconds=self.hub.now), fakes.TOKEN)
        self.judge = Judge(self.upstream, promised)
        self.upstream.hand, self.upstream.was_read = self.judge.hand, self.judge.was_read
        self.upstream.asked_to_cancel = self.judge.asked_to_cancel
        self.hosts = [
            Host(self.hub, design, self.upstream, self.judge, self._cases, account, ENVIRON) for _ in range(2)
        ]
        for host in self.hosts:
            host.hosts = self.hosts
        self.story = Story(self.hub, self.upstream, self.judge, self.hosts, design.window)

    def run(self) -> list[str]:
        """Let it live; return what was wrong."""
        try:
            self._live()
        except EndlessError:
            self.judge.object("something is done again and again, and nothing comes of it")
        self.hub.end()
        self._cases.close()
        return self.judge.wrong

    def _live(self) -> None:
        for host in self.hosts:
            host.start()
        self.story.begin()
        if self.hub.random.random() < 0.3:
            self._set_clocks()
        self.hub.run(TROUBLED)
        self._calm_down()
        self.hub.run(TROUBLED + CALM)
        if self._replay(self._cases):
            self.hub.run(TROUBLED + 2 * CALM)
        self._look_at_the_end(self._cases)

    def _set_clocks(self) -> None:
        """Set some clock to another time, now and then."""
        self.judge.is_skewed = True
        for _ in range(self.hub.random.choice([1, 2, 5])):
            self.hub.at(self.hub.random.uniform(0, AFTERNOON), self._set_clock)

    def _set_clock(self) -> None:
        host = self.hub.random.choice(self.hosts)
        host.skew = timedelta(seconds=self.hub.random.uniform(-3600, 3600))
        host.wake()

    def _calm_down(self) -> None:
        """Let nothing go wrong any more, and Mercado Pago decide."""
        self.upstream.is_faulty = False
        for host in self.hosts:
            host.is_mortal = False
        self.story.decide()

    def _replay(self, cases: Cases) -> int:
        """Do what a person does about cases that were given up; return how many there were."""
        dead = cases.newest(99, State.DEAD)
        for case in dead:
            cases.look_again(case.target, Entry(self.hosts[0].clock(), Step.REOPENED, "replayed", "by hand"))
        for host in self.hosts:
            host.wake()
        return len(dead)

    def _look_at_the_end(self, cases: Cases) -> None:
        self.judge.at_the_end()
        for word in self.story.acknowledged:
            if word.target is None or cases.find(word.target, word.name) is None:
                self.judge.object(f"{word.kind} about {word.about} was acknowledged and is not on record")
        for payment in filter(self.judge.is_to_be_told, self.upstream.past):
            case = cases.get(Target(DEFAULT_ACCOUNT, TargetKind.PAYMENT, payment))
            if case is None or case.state is not State.CAPTURED:
                self.judge.object(f"payment {payment} was captured, and who asked for its release is not told")
        for case in cases.newest(999):
            if case.state.is_open or case.state is State.DEAD:
                self.judge.object(f"{case.target} is {case.state} ({case.reason}) to the end: {case.detail}")
