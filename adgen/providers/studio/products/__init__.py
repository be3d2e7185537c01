"""One short file a product; every file's RECIPE is found by its words."""

from __future__ import annotations

import pkgutil
from functools import lru_cache
from importlib import import_module

from adgen.providers.studio.recipe import Recipe

WRAPPED = "wrapped"


@lru_cache(maxsize=1)
def recipes() -> dict[str, Recipe]:
    """All recipes by the name of their file."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: import_module(f"{__name__}.{name}").RECIPE for name in names}


@lru_cache(maxsize=1)
def kinds() -> dict[str, str]:
    """Which product a noun means."""
    return {
        word.strip(): name
        for name, recipe in recipes().items()
        for word in (name, *recipe.words.split(","))
        if word.strip()
    }


def recipe_of(kind: str) -> Recipe:
    """The recipe of a kind; a wrapped product for anything else."""
    return recipes().get(kind) or recipes()[WRAPPED]
