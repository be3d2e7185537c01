"""Whatever happens in whatever order: the sums agree, and no budget is passed by a cent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from adgen import pipeline
from adgen.commands import Commands
from adgen.domain import Scope
from adgen.errors import (
    AdgenError,
    AnswerLost,
    ContentRefused,
    ModelGone,
    ProviderBusy,
    ResultLost,
    ResultWaiting,
)
from adgen.store.database import Database
from tests.till import DEAR, PLAIN, Till, dying, opened, priced

ADS, SLOTS = st.integers(0, 3), st.integers(0, 5)
# How a call can end, as the vendor tells it.
UNTAKEN: dict[str, Callable[[], AdgenError]] = {
    "refused": lambda: ContentRefused("no"),
    "busy": lambda: ProviderBusy("later"),
    "gone": lambda: ModelGone("gone"),
    "lost": lambda: AnswerLost("?"),
}
ENDS: dict[str, Callable[[], AdgenError]] = {
    "free": lambda: ContentRefused("no"),
    "paid": lambda: ContentRefused("no", charged=Decimal(1)),
    "riddle": lambda: ResultLost("?", charged=None),
    "waiting": lambda: ResultWaiting("later"),
}
GOOD = st.none()


class Money(RuleBasedStateMachine):
    """Two teams, four ads, and everything that can happen to money."""

    steps: ClassVar[int] = 0

    def __init__(self, till: Till) -> None:
        super().__init__()
        self.till = till

    @rule(ad=ADS, model=st.sampled_from([PLAIN, DEAR]), plan=st.booleans())
    def start(self, ad: int, model: str, plan: bool) -> None:
        self.till.start(self.till.ads[ad], model, plan)

    @rule(asked=st.lists(st.tuples(ADS, st.sampled_from([PLAIN, DEAR])), min_size=2, max_size=4))
    def start_at_once(self, asked: list[tuple[int, str]]) -> None:
        self.till.start_at_once([(self.till.ads[ad], model) for ad, model in asked])

    @rule(ad=ADS, slot=SLOTS)
    def retake(self, ad: int, slot: int) -> None:
        self.till.retake(self.till.ads[ad], slot)

    @rule(ad=ADS)
    def retry(self, ad: int) -> None:
        self.till.retry(self.till.ads[ad])

    @rule(ad=ADS)
    def cancel(self, ad: int) -> None:
        self.till.cancel(self.till.ads[ad])

    @rule(ad=ADS, slot=SLOTS, how=GOOD | st.sampled_from(sorted(UNTAKEN)))
    def order(self, ad: int, slot: int, how: str | None) -> None:
        self.till.vendor.next_order = UNTAKEN[how]() if how else None
        self.till.order(self.till.ads[ad], slot)

    @rule(ad=ADS, slots=st.lists(SLOTS, min_size=2, max_size=6, unique=True))
    def order_and_collect(self, ad: int, slots: list[int]) -> None:
        self.till.vendor.next_order = self.till.vendor.next_result = None
        for slot in slots:
            self.till.order(self.till.ads[ad], slot)
            self.till.collect(-1)

    @rule(which=st.integers(0, 40), how=GOOD | st.sampled_from(sorted(ENDS)))
    def collect(self, which: int, how: str | None) -> None:
        self.till.vendor.next_result = ENDS[how]() if how else None
        self.till.collect(which)

    @rule(ad=ADS, slot=SLOTS, statement=st.integers(1, 12))
    def order_and_die(self, ad: int, slot: int, statement: int) -> None:
        with dying(self.till.database, statement):
            self.till.order(self.till.ads[ad], slot)

    @rule(which=st.integers(0, 40), statement=st.integers(1, 16))
    def collect_and_die(self, which: int, statement: int) -> None:
        self.till.vendor.next_result = None
        with dying(self.till.database, statement):
            self.till.collect(which)

    @rule(ad=ADS, statement=st.integers(1, 14))
    def start_and_die(self, ad: int, statement: int) -> None:
        with dying(self.till.database, statement):
            self.till.start(self.till.ads[ad], PLAIN, plan=True)

    @rule(ad=ADS, well=st.booleans())
    def end(self, ad: int, well: bool) -> None:
        self.till.end(self.till.ads[ad], well=well)

    @rule(scope=st.sampled_from(Scope), ad=ADS, cents=st.integers(0, 500))
    def set_budget(self, scope: Scope, ad: int, cents: int) -> None:
        self.till.set_budget(scope, self.till.ads[ad], Decimal(cents) / 100)

    @invariant()
    def agrees(self) -> None:
        Money.steps += 1
        self.till.check()

    def teardown(self) -> None:
        self.till.settle_all()
        self.till.check()
        self.till.check_bill()


Machine = Callable[[], Money]


@pytest.fixture
def machine(
    database: Database, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machine]:
    """What makes a machine on emptied tables."""
    priced(monkeypatch)
    before = pipeline._database, pipeline._enqueuer
    pipeline.use_database(database)
    Money.steps = 0
    yield lambda: Money(opened(database, commands, monkeypatch))
    pipeline._database, pipeline._enqueuer = before


def run(machine: Machine, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]  # anything that makes one will do
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            # Each step is a real one, so a failure is told as it was found.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_order_of_events_passes_a_budget(machine: Machine) -> None:
    run(machine, examples=3, steps=30)


@pytest.mark.drill
@pytest.mark.parametrize("part", [1, 2])
def test_no_long_order_of_events_passes_a_budget(machine: Machine, part: int) -> None:
    run(machine, examples=120, steps=60)
    print(f"part {part}: {Money.steps:,} steps")
    assert Money.steps >= 5_000
