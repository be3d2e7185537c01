"""Replicate on a bad day: throttled, interrupted, cut off and aborted at random, all at once."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from adgen.domain import Stage
from tests.conftest import until
from tests.replicate_server import Fault, ReplicateServer
from tests.studio import Studio, studio

SECONDS = {"text": 0.1, "image": 0.5, "clip": 0.8}


def settle(house: Studio, ads: list[str]) -> None:
    """Return when no ad of these works any more; a run that hangs fails here."""
    working = set(ads)

    def over() -> bool:
        working.difference_update([ad for ad in working if not house.state(ad).working])
        return not working

    until(over, 600, f"the end of {len(ads)} runs")


def make(house: Studio, words: list[str]) -> list[str]:
    """Pictures and clips of so many ads at once, without a person's help; gives those in order."""
    ads = [house.begin(word) for word in words]
    settle(house, ads)
    going = [ad for ad in ads if house.state(ad).stage is Stage.IMAGE_SELECTION]
    for ad in going:
        house.start_clips(ad, pick=3)
    settle(house, going)
    return ads


def met(fake: ReplicateServer) -> Counter[str]:
    """How often each fault was met."""
    faults = Counter(str(p.chosen.fault) for p in fake._all() if p.chosen.fault)
    posts = Counter(status for method, _, status in fake.requests if method == "POST")
    faults["throttled"] = posts[429]
    faults["reset_before"] = posts[0] - faults[Fault.RESET_AFTER]
    return faults


def run_mix(server: str, home: Path, ads: int, wave: int, seed: int) -> tuple[int, str]:
    """So many ads in waves; gives how many came through, and the counters in one line."""
    began = time.monotonic()
    with ReplicateServer(seconds=SECONDS) as fake, studio(server, home, fake) as house:
        house.start_worker()
        fake.mix(seed=seed)
        made: list[str] = []
        for first in range(0, ads, wave):
            numbers = range(first, min(first + wave, ads))
            made += make(house, [f"oak chair number {number:03}" for number in numbers])
        states = [house.state(ad) for ad in made]
        through = [s for s in states if s.stage is Stage.CLIP_SELECTION]
        for state in states:
            if state not in through:
                print(f"{state.id}: {state.stage.value}: {state.failure}")
        house.audit()
        assert house.slots_made_twice() == 0
        assert "Traceback" not in house.log_file.read_text("utf-8", "replace")
        assert fake.tokens_seen_at_delivery == []
        counters = ", ".join(f"{n} {fault}" for fault, n in sorted(met(fake).items()))
        short = sum(len(s.images) < 6 or len(s.clips) < 3 for s in states)
        notes = sum("got no answer" in note for s in states for note in s.notes)
        return len(through), (
            f"{len(through)} of {ads} ads came through by themselves ({short} with a take fewer), "
            f"{len(fake.creations)} orders made, {notes} sent again; {counters}; 0 hangs, "
            f"0 doubled, 0 unknown; {time.monotonic() - began:.0f} s"
        )


def test_a_bad_day_is_no_bad_ad(server: str, short_tmp: Path) -> None:
    through, told = run_mix(server, short_tmp / "mix", ads=6, wave=6, seed=7)
    assert through == 6, told


@pytest.mark.drill
def test_two_hundred_ads_on_a_bad_day(server: str, short_tmp: Path) -> None:
    through, told = run_mix(server, short_tmp / "mix-drill", ads=200, wave=40, seed=1)
    print(f"\n{told}")
    assert through >= 198, told
