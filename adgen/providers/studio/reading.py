"""What a prompt says about the product: which one, its name, colours, material and mood."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from adgen.domain import Value
from adgen.providers.placeholder import COLOURS
from adgen.providers.studio.labels import Colour
from adgen.providers.studio.materials import METALS, Finish
from adgen.providers.templates import CAMERA, MOODS, product_name

Light = Literal["soft", "sun", "sunset", "morning", "dark", "neon", "cool"]
MATERIALS: dict[str, Finish] = {
    "canvas": "fabric", "ceramic": "glossy", "chrome": "metal", "clay": "matte",
    "concrete": "matte", "cotton": "fabric", "denim": "fabric", "enamel": "glossy",
    "fabric": "fabric", "felt": "fabric", "glass": "glass", "glossy": "glossy",
    "knit": "fabric", "knitted": "fabric", "lacquered": "glossy", "leather": "leather",
    "linen": "fabric", "matt": "matte", "matte": "matte", "mesh": "fabric", "metal": "metal",
    "metallic": "metal", "oak": "wood", "paper": "paper", "patent": "glossy",
    "plastic": "satin", "porcelain": "glossy", "rubber": "rubber", "satin": "satin",
    "shiny": "glossy", "silk": "satin", "stoneware": "matte", "suede": "fabric",
    "teak": "wood", "transparent": "glass", "velvet": "fabric", "walnut": "wood",
    "wood": "wood", "wooden": "wood", "wool": "fabric", "bamboo": "wood", "birch": "wood",
    **dict.fromkeys(METALS, "metal"),
}  # fmt: skip
# Words for a colour that name a stuff first: they colour only what has no other colour.
STUFFS = {"leather", "oak", "wood", "wooden", "walnut", "stoneware"}
_HUES = {*COLOURS, *METALS} - STUFFS
LIGHTS: dict[str, Light] = {
    "beach": "sun", "bright": "sun", "court": "sun", "daylight": "sun", "summer": "sun",
    "sun": "sun", "sunny": "sun", "sunshine": "sun", "dusk": "sunset", "evening": "sunset",
    "golden-hour": "sunset", "sunset": "sunset", "warm": "sunset", "cosy": "sunset",
    "cozy": "sunset", "dawn": "morning", "morning": "morning", "fresh": "morning",
    "dark": "dark", "luxury": "dark", "luxurious": "dark", "moody": "dark", "premium": "dark",
    "night": "dark", "elegant": "dark", "low-key": "dark", "dramatic": "dark", "cyberpunk": "neon",
    "futuristic": "neon", "neon": "neon", "cool": "cool", "ice": "cool",
    "icy": "cool", "winter": "cool",
}  # fmt: skip
_GROUND = re.compile(r"\b([a-z]+)\s+(?:background|backdrop|wall|studio|set)\b")
_NAMED = re.compile(r"[\"“«„]([^\"”»“]{2,28})[\"”»“]|\b(?:called|named)\s+([\w&' -]{2,24})")
_OF_OTHERS = re.compile(r"\b(?:with|in|on|for|from|of|by|at|under|beside)\b")


class Look(Value):
    """How the product and its set look; colours are sRGB 0..1, None where nothing was said."""

    kind: str
    name: str
    colour: Colour
    accent: Colour | None = None
    finish: Finish | None = None
    light: Light = "soft"
    ground: Colour | None = None
    seed: int = 0


def read_look(inputs: Mapping[str, Any], words: Mapping[str, str]) -> Look:
    """The look that an order's inputs ask for; `words` say which product a noun means."""
    product = str(inputs.get("product") or product_name(str(inputs.get("prompt", ""))))
    prompt = str(inputs.get("prompt", ""))
    for text in CAMERA.values():
        prompt = prompt.replace(text, " ")
    said = " ".join([prompt, product, *map(str, inputs.get("style_keywords", ()))]).casefold()
    seed = int(inputs.get("seed", 0))
    ground = next((_rgb(w) for w in _GROUND.findall(said) if w in COLOURS), None)
    tokens = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", _GROUND.sub(" ", said))
    named = list(dict.fromkeys(w for w in tokens if w in _HUES))
    stuff = [word for word in tokens if word in MATERIALS]
    # Of "navy blue" the first word says more.
    named = [w for w in named if (_before(tokens, w) not in _HUES) or w is named[0]]
    colours = [METALS.get(word) or _rgb(word) for word in named]
    colours = colours or [_rgb(word) for word in stuff if word in COLOURS][:1]
    colours = colours or [_rgb(_OF_THEMSELVES[word]) for word in tokens if word in _OF_THEMSELVES]
    kind = find_kind(product, words) or find_kind(prompt, words) or ""
    return Look(
        kind=kind,
        name=label_name(product, prompt),
        colour=colours[0] if colours else _by_seed(seed),
        accent=colours[1] if len(colours) > 1 else None,
        finish=MATERIALS[stuff[0]] if stuff else None,
        light=next((LIGHTS[word] for word in tokens if word in LIGHTS), "soft"),
        ground=ground,
        seed=seed,
    )


def find_kind(text: str, words: Mapping[str, str]) -> str | None:
    """The product that a text is about: the last noun of its first part, else the first at all."""
    head, *rest = _OF_OTHERS.split(text.casefold(), maxsplit=1)
    for part, turn in ((head, -1), (" ".join(rest), 0)):
        tokens = re.findall(r"[^\W\d_]+", part)
        pairs = [f"{a} {b}" for a, b in pairwise(tokens)]
        found = [words[pair] for pair in pairs if pair in words]
        found = found or [words[one] for one in map(_single, tokens) if one in words]
        if found:
            return found[turn]
    return None


def _single(word: str) -> str:
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def label_name(product: str, prompt: str = "") -> str:
    """What is written on the product: a name that was given, else its words but the adjectives."""
    if given := _NAMED.search(prompt) or _NAMED.search(product):
        return (given[1] or given[2]).strip()
    clause = re.split(r"[,;:.!?()]", product, maxsplit=1)[0]
    # A jar of honey says "Honey".
    inside = re.sub(r"^.*?\bof\s+(?:(?:an?|the|our|my)\s+)?", "", clause, flags=re.IGNORECASE)
    head = _OF_OTHERS.split(inside, maxsplit=1)[0]
    *first, noun = head.split() or [product]
    kept = [w for w in first if w.casefold() not in _ADJECTIVES]
    name = " ".join([*kept[-2:], noun])
    return name[:1].upper() + name[1:28]


_ARTICLES = {"a", "an", "the", "new", "our", "my", "brushed"}
# Cream is more often in a jar than a colour.
_ADJECTIVES = {*COLOURS, *MATERIALS, *LIGHTS, *MOODS, *_ARTICLES} - {"cream"}
# What has a colour though nobody names it.
_OF_THEMSELVES = {
    "honey": "amber", "syrup": "amber", "coffee": "brown", "chocolate": "brown",
    "wine": "burgundy", "strawberry": "crimson", "cherry": "crimson", "tomato": "red",
    "lemon": "yellow", "blueberry": "indigo", "peanut": "tan", "matcha": "sage",
    "vanilla": "cream", "whisky": "amber", "beer": "amber", "beeswax": "cream",
}  # fmt: skip


def _before(tokens: Sequence[str], word: str) -> str:
    at = tokens.index(word)
    return tokens[at - 1] if at else ""


def _rgb(word: str) -> Colour:
    hexed = COLOURS[word]
    red, green, blue = (int(hexed[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


# Where nobody named a colour: quiet ones that sell.
_USUAL: Sequence[str] = (
    "#C4553B",
    "#2F6B5E",
    "#2B4C7E",
    "#D9A441",
    "#7A8C6E",
    "#B8625F",
    "#3A3F4B",
)


def _by_seed(seed: int) -> Colour:
    hexed = _USUAL[int(np.random.default_rng(seed).integers(len(_USUAL)))]
    red, green, blue = (int(hexed[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue
