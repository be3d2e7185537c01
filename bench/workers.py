"""What a second worker adds, and how soon a newcomer's first picture is ordered."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from bench.figure import Figure
from bench.orders import server
from tests.conftest import add_person, until
from tests.replicate_server import Fault, ReplicateServer
from tests.studio import Studio, studio

# A worker that carries so few calls is full of them, and the machine is not.
CALLS, ADS, PICTURE_S = 4, 4, 6.0
# Twice as many pictures in the same time would be 1/2; what is asked for is 1.9 times as many.
TWICE = 0.526
BUSY_ADS = 10


def figures() -> Iterator[Figure]:
    """The time of two workers over that of one, and how long a newcomer waits for an order."""
    with tempfile.TemporaryDirectory(prefix="adgen-b-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        with server(Path(folder)) as url:
            one = _picture_seconds(url, Path(folder) / "one", workers=1)
            two = _picture_seconds(url, Path(folder) / "two", workers=2)
            yield Figure("two_workers_over_one", two / one, TWICE)
            yield Figure("newcomer_waits_s", _newcomer(url, Path(folder) / "late"), 1, " s")


def _picture_seconds(url: str, home: Path, workers: int) -> float:
    """How long so many workers take for pictures that mostly wait for their model."""
    with (
        ReplicateServer(seconds={"text": 0.05, "image": PICTURE_S}) as fake,
        studio(url, home, fake, ADGEN_WORKER_CALLS=str(CALLS)) as house,
    ):
        for _ in range(workers):
            house.start_worker()
        until(lambda: house.live() == workers, 60, "the workers")
        # All fail at first, so that what is measured has its plans and is nothing but pictures.
        fake.script(Fault.NSFW, model="flux-pro", times=6 * ADS)
        ads = [house.begin(f"chair number {n}") for n in range(ADS)]
        for ad in ads:
            house.ended(ad)
        began = datetime.now(UTC)
        for ad in ads:
            house.commands.retry(house.person, ad)
        done = [house.ended(ad, 120) for ad in ads]
        assert all(len(state.images) == 6 for state in done)  # noqa: S101
        last = max(image.created_at for state in done for image in state.images)
    return (last - began).total_seconds()


def _newcomer(url: str, home: Path) -> float:
    """From a newcomer's start to the first order of a picture, while another's sixty wait."""
    with (
        ReplicateServer(seconds={"text": 0.05, "image": PICTURE_S}) as fake,
        studio(url, home, fake, ADGEN_WORKER_CALLS=str(CALLS)) as house,
    ):
        house.start_worker()
        late = add_person(house.database, "late@example.com")
        fake.script(Fault.NSFW, model="flux-pro", prompt="kettle", times=6)
        ad = _begin_as(house, late)
        until(lambda: not house.commands.load_ad(late, ad).working, 60, "the plan")
        for n in range(BUSY_ADS):
            house.begin(f"chair number {n}")
        until(lambda: fake.active("flux-pro") >= CALLS, 60, "a full worker")
        before = len(fake.creations)
        began = monotonic()
        house.commands.retry(late, ad)

        def ordered() -> list[float]:
            return [c.at for c in fake.creations[before:] if "kettle" in str(c.input)]

        until(ordered, 60, "the newcomer's order")
        return ordered()[0] - began


def _begin_as(house: Studio, person: object) -> str:
    ad = house.commands.create_ad(person)  # type: ignore[arg-type]
    house.commands.start_images(person, ad.id, "a red kettle")  # type: ignore[arg-type]
    return ad.id
