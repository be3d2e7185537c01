"""Several workers on one database: limits hold over all, people share, the dead are replaced."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adgen import jobs
from adgen.config import settings
from adgen.domain import Person, Stage
from adgen.errors import Throttled
from adgen.lease import Lease, clock
from adgen.providers import replicate
from adgen.providers.catalogue import load_model
from tests.conftest import ROOT, add_person, until
from tests.replicate_server import Creation, Fault, ReplicateServer
from tests.studio import Studio, environment, studio

SECONDS = {"text": 0.1, "image": 0.5, "clip": 0.6}
SILENT = {"ADGEN_WORKER_SILENT_S": "4"}


def busiest_second(creations: list[Creation]) -> int:
    """The most creations within any second."""
    moments = sorted(creation.at for creation in creations)
    return max(sum(begin <= at < begin + 1 for at in moments) for begin in moments)


def pictures(fake: ReplicateServer) -> list[Creation]:
    return [creation for creation in fake.creations if "flux-pro" in creation.model]


def begin_as(house: Studio, person: Person, words: str) -> str:
    ad = house.commands.create_ad(person)
    house.commands.start_images(person, ad.id, words)
    return ad.id


@pytest.mark.drill
def test_limits_hold_over_two_workers_whatever_fails(server: str, short_tmp: Path) -> None:
    limits = {"LIMITS": json.dumps({"at_once": 5, "per_second": 4}), "ADGEN_ORDERS_PER_S": "6"}
    with (
        ReplicateServer(seconds={**SECONDS, "image": 1.5}) as fake,
        studio(server, short_tmp / "limits", fake, "tests.limited", **limits) as house,
    ):
        fake.script(Fault.INTERRUPTED, model="flux-pro", times=3)
        fake.script(Fault.RESET_AFTER, model="flux-pro")
        house.start_worker()
        house.start_worker()
        until(lambda: house.live() == 2, 60, "two workers")
        ads = [house.begin(f"chair number {n}") for n in range(4)]
        for ad in ads:
            assert len(house.ended(ad, 240).images) == 6
        house.audit()
        assert len(pictures(fake)) == 4 * 6 + 3
        assert fake.peak("flux-pro") == 5
        assert busiest_second(pictures(fake)) <= 4
        assert busiest_second(fake.creations) <= 6


def test_a_newcomer_is_not_behind_another_persons_sixty(server: str, short_tmp: Path) -> None:
    with (
        ReplicateServer(seconds=SECONDS) as fake,
        studio(server, short_tmp / "fair", fake, ADGEN_WORKER_CALLS="4") as house,
    ):
        house.start_worker()
        busy = [house.begin(f"chair number {n}") for n in range(10)]
        until(lambda: len(pictures(fake)) > 6, 60, "pictures of the first")
        before = len(pictures(fake))
        newcomer = add_person(house.database, "late@example.com")
        late = begin_as(house, newcomer, "a red kettle")
        until(lambda: any("kettle" in str(c.input) for c in pictures(fake)), 60, "the late one")
        passed = len(pictures(fake)) - before
        # Those that went out while the late one was planned, at 4 at once; not all the others.
        assert passed < 30, "sixty went first"
        until(lambda: not house.commands.load_ad(newcomer, late).working, 120, "its end")
        assert any(house.state(ad).working for ad in busy), "it had to wait for all the others"
        for ad in busy:
            house.ended(ad, 240)


def freeze(house: Studio, number: int) -> None:
    house.workers[number].send_signal(signal.SIGSTOP)


def thaw(house: Studio, number: int) -> None:
    house.workers[number].send_signal(signal.SIGCONT)


def test_a_frozen_worker_loses_its_runs_and_wakes_without_harm(
    server: str, short_tmp: Path
) -> None:
    with (
        ReplicateServer(seconds=SECONDS) as fake,
        studio(server, short_tmp / "frozen", fake, **SILENT) as house,
    ):
        # Frozen in the middle of an order, it keeps the row's lock.
        fake.script(Fault.SLOW_ANSWER, model="flux-pro", times=2, seconds=1.5)
        house.start_worker()
        until(lambda: house.live() == 1, 60, "a worker")
        ads = [house.begin(f"chair number {n}") for n in range(2)]
        until(lambda: len(pictures(fake)) > 2, 60, "some orders")
        freeze(house, 0)
        house.start_worker()
        for ad in ads:
            assert len(house.ended(ad, 240).images) == 6
        thaw(house, 0)
        until(lambda: "starting anew" in house.log, 60, "the frozen one's notice")
        until(lambda: house.live() == 2, 60, "its return")
        assert len(house.images("one more").images) == 6
        house.audit()
        assert len(fake.creations) == 3 * 7
        assert house.slots_made_twice() == 0
        assert "Traceback" not in house.log


@pytest.mark.parametrize("write", ["headers", "body"])
def test_an_order_does_not_leave_a_process_that_was_frozen_while_it_connected(
    monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    lease, hook = Lease(), replicate._stop_without_lease
    lease.renew(clock(), 30)

    def freeze(event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(f"send_request_{write}.started"):
            lease.renew(clock() - 60, 30)
        hook(event, info)

    monkeypatch.setattr(replicate, "LEASE", lease)
    monkeypatch.setattr(replicate, "_stop_without_lease", freeze)
    with ReplicateServer() as fake, environment(fake.env):
        door = replicate.ReplicateModels(fake.token, settings())
        with pytest.raises(Throttled):
            door.order(load_model("black-forest-labs/flux-pro"), {"prompt": "x"}, "key")
        door._orders.close()
        until(lambda: not fake._open, 10, "the end of the connection")
        assert fake.creations == []


@pytest.mark.drill
@pytest.mark.parametrize("seed", range(12))
def test_workers_frozen_and_killed_at_random_moments(
    server: str, short_tmp: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- a repeatable drill, not a secret
    with (
        ReplicateServer(seconds=SECONDS) as fake,
        studio(server, short_tmp / f"zoo-{seed}", fake, **SILENT) as house,
    ):
        fake.script(Fault.SLOW_ANSWER, model="flux-pro", times=4, seconds=1.5)
        for _ in range(3):
            house.start_worker()
        until(lambda: house.live() == 3, 60, "three workers")
        ads = [house.begin(f"chair number {n}") for n in range(4)]
        until(lambda: len(fake.creations) > chance.randint(0, 20), 60, "some orders")
        if chance.random() < 0.5:
            house.kill(house.workers[2])
        freeze(house, 0)
        time.sleep(chance.uniform(0, 8))
        freeze(house, 1)
        thaw(house, 0)
        time.sleep(chance.uniform(0, 8))
        thaw(house, 1)
        for ad in ads:
            assert len(house.ended(ad, 240).images) == 6
        house.audit()
        assert len(fake.creations) == 4 * 7
        assert "Traceback" not in house.log


def test_a_worker_told_to_stop_hands_its_runs_over(server: str, short_tmp: Path) -> None:
    with (
        ReplicateServer(seconds={**SECONDS, "image": 12}) as fake,
        studio(server, short_tmp / "told", fake) as house,
    ):
        first = house.start_worker()
        ads = [house.begin(f"chair number {n}") for n in range(2)]
        until(lambda: len(pictures(fake)) == 12, 60, "all orders")
        house.start_worker()
        until(lambda: house.live() == 2, 60, "another worker")
        # Told more than once, as by a person at a keyboard, or by a parent that ends as well.
        for _ in range(50):
            first.terminate()
        assert first.wait(60) == 0
        assert re.search(r"worker-1 stops and hands [1-9]\d* runs over", house.log)
        assert house.live() == 1
        for ad in ads:
            assert len(house.ended(ad, 120).images) == 6
        house.audit()
        assert len(fake.creations) == 2 * 7
        assert "takes over" not in house.log, "they had to be found first"
        assert "Traceback" not in house.log


def test_edited_code_of_the_same_version_goes_on(server: str, short_tmp: Path) -> None:
    release = short_tmp / "release"
    here = ROOT / "adgen"
    shutil.copytree(here, release / "adgen", ignore=shutil.ignore_patterns("data", "__pycache__"))
    (release / "adgen" / "providers" / "data").symlink_to(here / "providers" / "data")
    with (
        ReplicateServer(seconds={**SECONDS, "image": 2}) as fake,
        studio(server, short_tmp / "deploy", fake) as house,
    ):
        house.root = release
        house.start_worker()
        ad = house.begin("oak chair")
        until(lambda: len(pictures(fake)) > 3, 60, "some orders")
        house.kill(house.workers[0])
        pipeline = release / "adgen" / "pipeline.py"
        code = pipeline.read_text("utf-8")
        edited = code.replace(
            "    outcome = _try(job_id, stage, slot, attempt)\n    end(",
            "    # An edit inside of what runs.\n"
            "    outcome = dict(_try(job_id, stage, slot, attempt))\n    end(",
        )
        assert edited != code
        pipeline.write_text(edited, "utf-8")
        house.start_worker()
        assert len(house.ended(ad, 120).images) == 6
        house.audit()
        assert len(fake.creations) == 7


@pytest.mark.drill
def test_runs_of_an_earlier_release_are_told_and_drained(server: str, short_tmp: Path) -> None:
    with (
        ReplicateServer(seconds=SECONDS) as fake,
        studio(server, short_tmp / "versions", fake, "tests.limited") as house,
    ):
        ad = house.begin("oak chair")
        house.start_worker(VERSION="adgen-next")
        said = f"1 runs wait for a worker of an earlier release ({jobs.VERSION})"
        until(lambda: said in house.log, 60, "a word about it")
        old = house.start_worker("--drain")
        assert len(house.ended(ad, 120).images) == 6
        assert old.wait(60) == 0
        assert f"nothing is left for {jobs.VERSION}" in house.log
        assert house.state(ad).stage is Stage.IMAGE_SELECTION
