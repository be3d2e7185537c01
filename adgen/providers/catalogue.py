"""The model catalogue: `models.toml` read and checked, and the one place prices come from."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from adgen.domain import Value
from adgen.errors import NotFound

StageWord = Literal["brief", "image", "storyboard", "clip", "video"]


def _unknown_when_empty(price: object) -> object:
    return None if price == "" else price


class ModelSpec(Value):
    """One row of the catalogue. `price` is US dollars a `unit`; None is unknown, never zero."""

    ref: str
    stage: StageWord
    provider: Literal["offline", "replicate"]
    label: str
    unit: Literal["run", "image", "second", "token", "hardware-second"]
    price: Annotated[Decimal | None, BeforeValidator(_unknown_when_empty)] = Field(ge=0)
    since: date


@lru_cache(maxsize=1)
def catalogue() -> dict[str, ModelSpec]:
    """All models by ref."""
    raw = tomllib.loads(files(__package__).joinpath("models.toml").read_text("utf-8"))
    return {ref: ModelSpec(ref=ref, **row) for ref, row in raw["models"].items()}


def load_model(ref: str) -> ModelSpec:
    """The catalogue row of `ref`, else NotFound."""
    try:
        return catalogue()[ref]
    except KeyError:
        raise NotFound(f"There is no model called {ref} in the catalogue.") from None


def default_model(stage: StageWord, provider: str) -> ModelSpec:
    """The first model listed for a stage and provider."""
    for spec in catalogue().values():
        if spec.stage == stage and spec.provider == provider:
            return spec
    raise NotFound(f"The catalogue lists no model for {stage} with the provider {provider}.")


def list_models(stage: StageWord, provider: str) -> list[ModelSpec]:
    """All models a person may choose for a stage."""
    return [m for m in catalogue().values() if m.stage == stage and m.provider == provider]
