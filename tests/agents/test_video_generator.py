"""What a clip model is asked for: the scene's motion and length, calmer with every try."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from adgen.agents.video_generator import clip_inputs
from adgen.domain import Aspect, AssetInfo, AssetType, Scene
from adgen.providers.catalogue import ModelSpec, default_model, load_model

SVD = default_model("clip", "replicate")
CAMERA = default_model("clip", "offline")
IMAGE = AssetInfo(
    id="image-1",
    session_id="ad-1",
    asset_type=AssetType.IMAGE,
    url="/api/files/image-1",
    content_type="image/jpeg",
    slot=3,
    cost=Decimal("0.05"),
    model_used="black-forest-labs/flux-pro",
    generation_time=Decimal(4),
    created_at=datetime(2026, 11, 24, tzinfo=UTC),
    details={"focus": [0.4, 0.6]},
)


def ask(
    spec: ModelSpec, *, motion: float = 0.5, seconds: float = 3, attempt: int = 1
) -> dict[str, Any]:
    scene = Scene(
        image=1, description="The shoe turns.", motion_intensity=motion, duration_seconds=seconds
    )
    return clip_inputs(IMAGE, scene, spec, aspect=Aspect.TALL, seed=123_456, attempt=attempt)


def test_it_carries_the_scene_and_the_picture() -> None:
    inputs = ask(CAMERA)
    assert inputs.pop("prompt").startswith("The shoe turns. One continuous shot")
    assert inputs == {
        "description": "The shoe turns.",
        "motion_intensity": 0.5,
        "duration_seconds": 3,
        "aspect": "9:16",
        "seed": 123_456,
        "slot": 3,
        "attempt": 1,
        "focus": [0.4, 0.6],
        "motion_bucket_id": 120,
        "seconds": 3,
    }


def test_a_model_that_reads_no_prompt_gets_none() -> None:
    assert "prompt" not in ask(SVD)


@pytest.mark.parametrize(("motion", "bucket"), [(0, 20), (0.3, 80), (0.5, 120), (1, 220)])
def test_motion_becomes_a_bucket(motion: float, bucket: int) -> None:
    assert ask(SVD, motion=motion)["motion_bucket_id"] == bucket


@pytest.mark.parametrize("motion", [0, 0.001, 0.02, 0.5, 1])
def test_every_further_try_moves_less_and_differs(motion: float) -> None:
    tries = [ask(SVD, motion=motion, attempt=attempt) for attempt in (1, 2, 3)]
    buckets = [inputs["motion_bucket_id"] for inputs in tries]
    assert all(calmer <= before - 5 for before, calmer in pairwise(buckets))
    assert all(1 <= bucket <= 255 for bucket in buckets)
    assert [inputs["seed"] for inputs in tries] == [123_456, 123_457, 123_458]
    assert [inputs["motion_intensity"] for inputs in tries] == [
        round(motion * part, 3) for part in (1, 0.75, 0.75**2)
    ]


@pytest.mark.parametrize(("seconds", "fps"), [(2, 12), (3, 8), (3.5, 7), (5, 5)])
def test_a_fixed_number_of_frames_is_spread_over_the_scene(seconds: float, fps: int) -> None:
    inputs = ask(SVD, seconds=seconds)
    assert (inputs["frames"], inputs["fps"]) == (25, fps)
    assert abs(inputs["frames"] / inputs["fps"] - seconds) < 0.25


@pytest.mark.parametrize(("seconds", "fps"), [(2, 24), (4, 20), (5, 16)])
def test_the_rate_stays_within_what_the_model_takes(seconds: float, fps: int) -> None:
    assert ask(load_model("wan-video/wan-2.2-i2v-fast"), seconds=seconds)["fps"] == fps


@pytest.mark.parametrize(
    ("durations", "wanted", "given"),
    [
        ((5, 10), 2, 5),
        ((2, 3, 4), 2.4, 2),
        ((2, 3, 4), 2.5, 3),
        ((4, 3, 2), 3.5, 4),
        ((), 2.7, 2.7),
    ],
)
def test_it_lasts_the_nearest_length_on_offer(
    durations: tuple[int, ...], wanted: float, given: float
) -> None:
    spec = CAMERA.model_copy(update={"durations": durations})
    assert ask(spec, seconds=wanted)["seconds"] == given
