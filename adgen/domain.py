"""Frozen data every room speaks: stages, views, prompts, scenes, the cut's options."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

PROMPT_MIN = 3
PROMPT_MAX = 2000
TITLE_MAX = 300
IMAGES_NEEDED = 4
IMAGES_TO_APPROVE = 2
CLIPS_NEEDED = 2
CLIPS_TO_APPROVE = 1
SEED_MIN, SEED_MAX = 100_000, 999_999


class Value(BaseModel):
    """Base of all our data: checked once when made, never changed after."""

    model_config = ConfigDict(frozen=True)


class Stage(StrEnum):
    """Where an ad is. Working stages have a job; the others wait for a person."""

    CREATED = "created"
    PROMPT_PARSING = "prompt_parsing"
    IMAGE_GENERATION = "image_generation"
    IMAGE_SELECTION = "image_selection"
    CLIP_GENERATION = "clip_generation"
    CLIP_SELECTION = "clip_selection"
    FINAL_COMPOSITION = "final_composition"
    COMPLETE = "complete"
    FAILED = "failed"


WORKING = frozenset(
    {
        Stage.PROMPT_PARSING,
        Stage.IMAGE_GENERATION,
        Stage.CLIP_GENERATION,
        Stage.FINAL_COMPOSITION,
    }
)


class JobKind(StrEnum):
    """What a durable run makes; also the word for the step in pages and pipeline."""

    IMAGES = "images"
    CLIPS = "clips"
    VIDEO = "video"


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AssetType(StrEnum):
    """Kinds of files an ad owns. `photo` and `music` are uploads; the rest is made."""

    PHOTO = "photo"
    MUSIC = "music"
    IMAGE = "image"
    CLIP = "clip"
    VIDEO = "video"


class View(StrEnum):
    """The six views of one product (spec, section 4)."""

    FRONT = "front"
    SIDE = "side"
    BACK = "back"
    TOP = "top"
    DETAIL = "detail"
    LIFESTYLE = "lifestyle"


class Aspect(StrEnum):
    """Frame shapes of the finished ad."""

    WIDE = "16:9"
    TALL = "9:16"
    SQUARE = "1:1"
    PORTRAIT = "4:5"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the final video, pixels."""
        return {
            Aspect.WIDE: (1920, 1080),
            Aspect.TALL: (1080, 1920),
            Aspect.SQUARE: (1080, 1080),
            Aspect.PORTRAIT: (1080, 1350),
        }[self]


class Genre(StrEnum):
    """Music moods shown to people."""

    UPBEAT = "upbeat"
    CALM = "calm"
    ENERGETIC = "energetic"
    HAPPY = "happy"
    NOSTALGIC = "nostalgic"
    TENDER = "tender"


ProductPrompt = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=PROMPT_MIN, max_length=PROMPT_MAX)
]
Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=TITLE_MAX)]


class ImagePrompt(Value):
    view: View
    prompt: str = Field(min_length=1, max_length=4000)


class PromptPlan(Value):
    """What prompt_parser makes of a brief; `prompts` are the six views in `View` order."""

    product: str = Field(min_length=1, max_length=300)
    style_keywords: tuple[str, ...] = ()
    prompts: tuple[ImagePrompt, ...] = Field(min_length=6, max_length=6)


class Scene(Value):
    """How one approved image moves. `image` counts approved images from 1."""

    image: int = Field(ge=1)
    description: str = Field(min_length=1, max_length=2000)
    motion_intensity: float = Field(ge=0, le=1)
    duration_seconds: float = Field(ge=2, le=5)


class TextOverlay(Value):
    """Words on the cards: name on the intro, call to action on the outro."""

    product_name: Title = ""
    cta: Title = ""


class AudioChoice(Value):
    """Background music: a genre of the library, or the person's own uploaded file."""

    enabled: bool = True
    genre: Genre | None = Genre.UPBEAT
    own_asset_id: str | None = None
