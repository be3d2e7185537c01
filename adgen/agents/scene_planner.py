"""storyboard: how each approved image moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from adgen.agents.reading import fill, read_json
from adgen.domain import Scene, View
from adgen.errors import BadModelOutput
from adgen.providers.templates import scenes_from_views


def storyboard_inputs(product: str, views: Sequence[View], video_prompt: str) -> dict[str, Any]:
    """What to ask the language model."""
    listed = ", ".join(f"{number}. {view}" for number, view in enumerate(views, 1))
    return {
        "prompt": fill("scene_planner", product=product, views=listed, video_prompt=video_prompt),
        "views": [view.value for view in views],
        "video_prompt": video_prompt,
        "max_tokens": 2048,
    }


def read_scenes(text: str, count: int) -> list[Scene]:
    """One scene for each of `count` images, in order; BadModelOutput when one is missing."""
    raw = read_json(text)
    try:
        by_image = {scene.image: scene for scene in map(Scene.model_validate, raw["scenes"])}
        return [by_image[number] for number in range(1, count + 1)]
    except (KeyError, TypeError, ValidationError) as error:
        raise BadModelOutput("The storyboard was incomplete.") from error


def template_scenes(views: Sequence[View], video_prompt: str) -> list[Scene]:
    """The storyboard that needs no model, for when the model's cannot be read."""
    return [Scene.model_validate(s) for s in scenes_from_views(views, video_prompt)["scenes"]]
