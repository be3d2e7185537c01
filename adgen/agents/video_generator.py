"""clip: what to ask an image-to-video model for one approved image."""

from __future__ import annotations

from typing import Any

from adgen.domain import Aspect, AssetInfo, Scene

_SECOND_TRY = 0.75


def clip_inputs(
    image: AssetInfo, scene: Scene, *, aspect: Aspect, seed: int, again: bool
) -> dict[str, Any]:
    """Inputs of the clip; a second try moves less, since strong motion is what breaks clips."""
    motion = scene.motion_intensity * (_SECOND_TRY if again else 1)
    return {
        "description": scene.description,
        "motion_intensity": round(motion, 3),
        "duration_seconds": scene.duration_seconds,
        "aspect": aspect.value,
        "seed": seed,
        "slot": image.slot,
        "attempt": 2 if again else 1,
        "focus": image.details.get("focus", [0.5, 0.5]),
    }
