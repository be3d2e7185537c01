"""Never paying twice: a worker killed at every named point and at random moments."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adgen.domain import JobKind, Stage
from tests.conftest import until
from tests.crashing import POINTS
from tests.replicate_server import Fault, ReplicateServer
from tests.studio import Studio, studio

SECONDS = {"text": 0.1, "image": 0.5, "clip": 0.6}
# Long enough to be killed in the middle of it.
WAIT = {"ADGEN_RETRY_WAIT_S": "1.5"}


@contextmanager
def revived(house: Studio, **env: str) -> Iterator[None]:
    """A worker that is started again whenever it dies, as the launcher does."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            worker = house.start_worker(**env)
            while worker.poll() is None and not stop.wait(0.05):
                pass

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5)


def make_images(house: Studio, fake: ReplicateServer, word: str) -> None:
    """One ad's pictures; the first is interrupted once and drips slowly, so all points are met."""
    fake.script(Fault.INTERRUPTED, model="flux-pro", prompt=word)
    fake.script(Fault.SLOW_DRIP, model="flux-pro", prompt=word, seconds=0.6)
    state = house.ended(house.begin(word), 240)
    assert state.stage is Stage.IMAGE_SELECTION, state.failure
    assert len(state.images) == 6, house.commands.why_failed(house.person, state.id, JobKind.IMAGES)


def crash_at(folder: Path, *points: str) -> dict[str, str]:
    folder.mkdir()
    return {"CRASH_AT": ",".join(points), "CRASH_MARKS": str(folder)}


def test_killed_at_every_named_point_nothing_is_doubled_or_lost(
    server: str, short_tmp: Path
) -> None:
    marks = short_tmp / "marks"
    with (
        ReplicateServer(seconds=SECONDS) as fake,
        studio(server, short_tmp / "points", fake, "tests.crashing", **WAIT) as house,
        revived(house, **crash_at(marks, *POINTS)),
    ):
        make_images(house, fake, "oak chair")
        assert {mark.name for mark in marks.iterdir()} == set(POINTS)
        house.audit()
        assert house.slots_made_twice() == 0
        assert len(fake.creations) == 8, "a plan, six pictures, and one that was interrupted"


def test_without_the_intent_the_same_crash_pays_twice(server: str, short_tmp: Path) -> None:
    crash = crash_at(short_tmp / "blind-marks", "after POST before commit")
    with (
        ReplicateServer(seconds=SECONDS) as fake,
        studio(server, short_tmp / "blind", fake, "tests.crashing", **WAIT) as house,
        revived(house, **crash, NO_INTENT="1"),
    ):
        make_images(house, fake, "oak chair")
        with pytest.raises(AssertionError, match="made and paid, but unknown here"):
            house.audit()


def run_with_kills(server: str, home: Path, seed: int, *points: str) -> tuple[int, int]:
    """One ad's pictures with 1 to 3 kills at random moments; gives kills and creations."""
    chance = random.Random(seed)  # noqa: S311 -- a repeatable drill, not a secret
    kills = 0
    marks = home.with_name(f"{home.name}-marks")
    with (
        ReplicateServer(seconds=SECONDS) as fake,
        studio(server, home, fake, "tests.crashing", **WAIT) as house,
        revived(house, **crash_at(marks, *points)),
    ):
        fake.script(Fault.INTERRUPTED, model="flux-pro", times=chance.randint(0, 2))
        ad_id = house.begin("oak chair")
        for _ in range(chance.randint(1, 3)):
            # A worker needs about two seconds to be there and works for another three.
            time.sleep(chance.uniform(0.2, 5.0))
            if not house.state(ad_id).working:
                break
            worker = house.workers[-1]
            if worker.poll() is None:
                worker.kill()
                kills += 1
        state = house.ended(ad_id, 240)
        assert state.stage is Stage.IMAGE_SELECTION, state.failure
        house.audit()
        assert house.slots_made_twice() == 0
        return kills + len(list(marks.iterdir())), len(fake.creations)


@pytest.mark.parametrize("seed", [1])
def test_kills_at_random_moments(server: str, short_tmp: Path, seed: int) -> None:
    run_with_kills(server, short_tmp / f"random-{seed}", seed)


@pytest.mark.drill
@pytest.mark.parametrize("first", range(100, 164, 16))
def test_sixty_four_runs_with_kills_at_random_moments_and_each_named_point(
    server: str, short_tmp: Path, first: int
) -> None:
    done = [
        run_with_kills(server, short_tmp / f"drill-{seed}", seed, POINTS[seed % len(POINTS)])
        for seed in range(first, first + 16)
    ]
    kills, made = (sum(figures) for figures in zip(*done, strict=True))
    print(f"{len(done)} runs, {kills} kills, {made} creations, 0 duplicates, 0 lost")
    assert kills >= len(done)


def test_two_workers_never_order_the_same_twice(server: str, short_tmp: Path) -> None:
    with (
        ReplicateServer(seconds=SECONDS) as fake,
        studio(server, short_tmp / "two", fake) as house,
    ):
        house.start_worker()
        house.start_worker()
        ads = [house.begin(f"chair number {n}") for n in range(6)]
        until(lambda: len(fake.creations) > 10, 60, "some orders")
        # One is gone for good; the other takes its runs over.
        house.kill(house.workers[0])
        for ad_id in ads:
            assert len(house.ended(ad_id, 240).images) == 6
        house.audit()
        assert len(fake.creations) == 6 * 7
