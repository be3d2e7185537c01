"""clip: what to ask an image-to-video model for one approved image."""

from __future__ import annotations

from typing import Any

from adgen.domain import Aspect, AssetInfo, Scene
from adgen.providers.catalogue import ModelSpec

# Strong motion is what breaks clips, so each further try moves less.
_CALMER = 0.75
_BUCKET_STILL, _BUCKET_RANGE, _BUCKET_STEP = 20, 200, 5
_CARE = (
    "One continuous shot, no cuts. The product keeps its exact shape, colours, materials and "
    "lettering; nothing is added to it."
)


def clip_inputs(
    image: AssetInfo, scene: Scene, spec: ModelSpec, *, aspect: Aspect, seed: int, attempt: int
) -> dict[str, Any]:
    """Inputs of the clip for its first, second or third `attempt`; a later one differs."""
    motion = scene.motion_intensity * _CALMER ** (attempt - 1)
    inputs = {
        "description": scene.description,
        "motion_intensity": round(motion, 3),
        "duration_seconds": scene.duration_seconds,
        "aspect": aspect.value,
        # What failed with a seed may well fail with it again.
        "seed": seed + attempt - 1,
        "slot": image.slot,
        "attempt": attempt,
        "focus": image.details.get("focus", [0.5, 0.5]),
        "motion_bucket_id": _bucket(motion, attempt),
        "seconds": spec.length(scene.duration_seconds),
    }
    if spec.takes_prompt:
        inputs["prompt"] = f"{scene.description.rstrip(' .')}. {_CARE}"
    if spec.frames and spec.fps:
        slowest, fastest = spec.fps
        inputs["frames"] = spec.frames
        inputs["fps"] = max(slowest, min(round(spec.frames / scene.duration_seconds), fastest))
    return inputs


def _bucket(motion: float, attempt: int) -> int:
    """Stable Video Diffusion's measure of motion, 1..255; no two attempts have the same."""
    bucket = round(_BUCKET_STILL + _BUCKET_RANGE * motion) - _BUCKET_STEP * (attempt - 1)
    return max(1, min(bucket, 255))
