"""The model catalogue: `models.toml` read and checked, and the one place prices come from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from adgen.domain import Value
from adgen.errors import NotFound

StageWord = Literal["brief", "image", "storyboard", "clip", "music", "video", "draft"]
# What our side calls the inputs of a model; a row's `inputs` maps the model's fields to these.
WORDS = frozenset(
    {
        *("prompt", "max_tokens", "seed", "aspect", "width", "height", "photo", "image"),
        *("motion_bucket_id", "fps", "frames", "seconds"),
    }
)
# How much longer than ordered a clip can be.
_LONGER = Decimal("1.1")
# Words whose value is a file; the door sends it along or uploads it first.
FILE_WORDS = frozenset({"photo", "image"})


def _unknown_when_empty(price: object) -> object:
    return None if price == "" else price


def _as_list(stage: object) -> object:
    return [stage] if isinstance(stage, str) else stage


class ModelSpec(Value):
    """One row of the catalogue. `price` is US dollars a `unit`; None is unknown, never zero.

    A row's `stage` is one stage, or the list of those that the model serves. `expected` is how
    many units one call takes when that is not known before it, for the estimate, and `most` how
    many it can take, which is what budgets keep for it.
    `inputs` maps the model's own input fields to our words, `fixed` holds fields that are always
    sent. A clip model makes `frames` frames at a rate within `fps`, or lasts one of `durations`
    seconds. Limits are seconds: waiting for a machine, and then running. `at_once` is how many
    orders of it may be under way, over all workers, and `per_second` how many may go out.
    """

    # A misspelt field of a row is an error, not a default.
    model_config = ConfigDict(extra="forbid")

    ref: str
    stages: Annotated[tuple[StageWord, ...], BeforeValidator(_as_list)] = Field(
        alias="stage", min_length=1
    )
    provider: Literal["offline", "replicate"]
    label: str
    unit: Literal["run", "image", "second", "token", "hardware-second"]
    price: Annotated[Decimal | None, BeforeValidator(_unknown_when_empty)] = Field(ge=0)
    since: date
    source: str = ""
    expected: Decimal = Field(Decimal(1), gt=0)
    most: Decimal | None = Field(None, gt=0)
    fallbacks: tuple[str, ...] = ()
    offered: bool = True
    output: Literal["uri", "uris", "tokens"] = "uri"
    takes_prompt: bool = True
    frames: int | None = Field(None, ge=2)
    fps: tuple[int, int] | None = None
    durations: tuple[int, ...] = ()
    queue_limit_s: int = Field(900, gt=0)
    run_limit_s: int = Field(900, gt=0)
    at_once: int | None = Field(None, ge=1)
    per_second: int | None = Field(None, ge=1)
    inputs: dict[str, str] = Field(default_factory=dict)
    fixed: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> ModelSpec:
        if unknown := set(self.inputs.values()) - WORDS:
            raise ValueError(f"{self.ref} maps to words we do not have: {sorted(unknown)}")
        if twice := set(self.inputs) & set(self.fixed):
            raise ValueError(f"{self.ref} both maps and fixes {sorted(twice)}")
        if (self.frames is None) != (self.fps is None):
            raise ValueError(f"{self.ref} needs both frames and fps, or neither")
        return self

    @property
    def stage(self) -> StageWord:
        """What it is foremost for."""
        return self.stages[0]

    @property
    def door(self) -> str:
        """Who makes it: the film is cut on this machine, whoever made its clips."""
        return "offline" if self.stage in ("video", "draft") else self.provider

    @property
    def expected_cost(self) -> Decimal | None:
        """What one call is estimated at, US dollars; None when the price is unknown."""
        return None if self.price is None else self.price * self.expected

    def length(self, seconds: float) -> float:
        """The nearest length that the model makes, the longer one of two as near."""
        return min(self.durations, key=lambda it: (abs(it - seconds), -it), default=seconds)

    def cost_of(self, seconds: float | None) -> Decimal | None:
        """As `expected_cost`, of a clip that is to last so long, if that is known."""
        if self.price is None or seconds is None or self.unit != "second":
            return self.expected_cost
        return self.price * Decimal(str(self.length(seconds)))

    def most_cost(self, seconds: float | None = None) -> Decimal | None:
        """The most that a call can cost, US dollars; None when the price is unknown."""
        if self.price is None:
            return None
        if self.unit == "hardware-second":
            # It is stopped then.
            return self.price * self.run_limit_s
        if self.unit == "second":
            # What comes is often some frames longer than what was asked for.
            units = self.expected if seconds is None else Decimal(str(self.length(seconds)))
            return self.price * units * _LONGER
        return self.price * (self.most or self.expected)

    @property
    def name(self) -> str:
        """The model without its version: `owner/name`."""
        return self.ref.partition(":")[0]

    @property
    def version(self) -> str | None:
        """The pinned version, for models that are not run by name."""
        return self.ref.partition(":")[2] or None

    def wire(self, inputs: Mapping[str, Any], urls: Mapping[str, str]) -> dict[str, Any]:
        """The model's own input: ours under its field names, files as URLs, and what is fixed.

        Words that the call has no value for are left to the model's default.
        """
        have = {**inputs, **urls}
        mapped = {
            field: have[word]
            for field, word in self.inputs.items()
            if have.get(word) is not None and (word not in FILE_WORDS or word in urls)
        }
        return {**self.fixed, **mapped}


@lru_cache(maxsize=1)
def catalogue() -> dict[str, ModelSpec]:
    """All models by ref."""
    return read_catalogue(files(__package__).joinpath("models.toml").read_text("utf-8"))


def read_catalogue(toml: str) -> dict[str, ModelSpec]:
    """All models of such a text by ref."""
    return {ref: ModelSpec(ref=ref, **row) for ref, row in tomllib.loads(toml)["models"].items()}


@lru_cache(maxsize=1)
def orders_per_second() -> dict[str, int]:
    """How many orders a provider takes in any second, by provider; without an entry any number."""
    text = files(__package__).joinpath("models.toml").read_text("utf-8")
    providers = tomllib.loads(text)["providers"]
    return {name: row["orders_per_second"] for name, row in providers.items()}


def refs_of(provider: str) -> list[str]:
    """The models that a provider runs."""
    return [ref for ref, spec in catalogue().items() if spec.door == provider]


def load_model(ref: str) -> ModelSpec:
    """The catalogue row of `ref`, else NotFound."""
    if spec := find_model(ref):
        return spec
    raise NotFound(f"There is no model called {ref} in the catalogue. Choose another one.")


def find_model(ref: str) -> ModelSpec | None:
    """The catalogue row of `ref`; an ad may have been made with one that was taken out since."""
    return catalogue().get(ref)


def label_of(ref: str) -> str:
    """What people call the model; its ref when the catalogue lists it no more."""
    spec = find_model(ref)
    return spec.label if spec else ref


def default_model(stage: StageWord, provider: str) -> ModelSpec:
    """The first model listed for a stage and provider."""
    for spec in list_models(stage, provider):
        return spec
    raise NotFound(f"The catalogue lists no model for {stage} with the provider {provider}.")


def list_models(stage: StageWord, provider: str) -> list[ModelSpec]:
    """All models a person may choose for a stage."""
    return [
        m
        for m in catalogue().values()
        if stage in m.stages and m.provider == provider and m.offered
    ]
