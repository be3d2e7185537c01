"""Deterministic texts: the language model's stand-in, and its fallback when it answers rubbish."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from adgen.domain import View

PRODUCT_MAX = 80
BRIEF_MAX = 1200
WISH_MAX = 300


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COLOURS = _words(
    """
    amber aqua beige black blue bronze brown burgundy charcoal copper coral cream crimson cyan
    emerald gold golden green grey gray indigo ivory khaki lavender lemon lilac lime magenta
    maroon mauve mint mustard navy ochre olive orange peach pink plum purple red rose ruby rust
    sage salmon sand scarlet silver tan teal terracotta turquoise violet white yellow
    """
)
MATERIALS = _words(
    """
    aluminium aluminum bamboo brass canvas cashmere ceramic chrome clay concrete copper cork
    cotton denim fabric felt glass granite gold knitted lace leather linen marble matte mesh
    metal metallic oak paper plastic porcelain rubber satin silk silver steel stone stoneware
    suede teak titanium velvet walnut wicker wood wooden wool
    """
)
MOODS = {
    "bold": "bold and graphic",
    "bright": "bright and airy",
    "calm": "calm",
    "clean": "clean",
    "colorful": "vivid colours",
    "colourful": "vivid colours",
    "cosy": "cosy and warm",
    "cozy": "cosy and warm",
    "dark": "low-key lighting",
    "elegant": "elegant",
    "energetic": "energetic",
    "fresh": "fresh",
    "futuristic": "futuristic",
    "luxurious": "understated luxury",
    "luxury": "understated luxury",
    "minimal": "minimal",
    "minimalist": "minimal",
    "modern": "modern",
    "moody": "low-key lighting",
    "morning": "soft morning light",
    "natural": "natural light",
    "neon": "neon glow",
    "nordic": "Nordic",
    "organic": "natural light",
    "playful": "playful",
    "premium": "understated luxury",
    "retro": "retro",
    "rustic": "rustic",
    "scandinavian": "Nordic",
    "soft": "soft light",
    "sporty": "energetic",
    "summer": "summer sun",
    "sunny": "summer sun",
    "sunset": "golden hour light",
    "vintage": "retro",
    "warm": "warm light",
    "winter": "cool winter light",
}
# What every good product photo has; fills up when the prompt says little.
DEFAULT_STYLE = ("soft studio light", "seamless backdrop", "photorealistic")

CAMERA = {
    View.FRONT: "Straight-on front view at product height, the whole product centred in the frame",
    View.SIDE: "Exact side profile at product height, the silhouette clearly readable",
    View.BACK: "View of the back at product height, turned exactly away from the front view",
    View.TOP: "Top-down view from directly above, the product lying centred with even margins",
    View.DETAIL: "Close-up of the most telling detail, texture and finish in sharp focus, "
    "shallow depth of field",
    View.LIFESTYLE: "Lifestyle scene with the product in natural everyday use, the surroundings "
    "quiet and slightly out of focus",
}

_PLAIN = "No text, no logo, no people's faces."

# "Make me an ad for our ...": what people say to the app, not about the product.
_OPENING = re.compile(
    r"^(?:please\s+)?"
    r"(?:(?:(?:i|we)\s+(?:want|need|would like)|make|create|generate)\s+"
    r"(?=(?:me|us|an?|the|my|our|some)\s))?"
    r"(?:(?:me|us)\s+)?"
    r"(?:(?:an?\s+|the\s+)?(?:(?:short|video|product)\s+)*"
    r"(?:ad|advert|advertisement|commercial|video|clip)\s+(?:for|of|about)\s+)?"
    r"(?:(?:an?|the|my|our|some)\s+)?",
    re.IGNORECASE,
)

_SLOW = _words(
    """
    calm calmly cosy cozy dreamy elegant evening gentle gently graceful morning peaceful quiet
    relaxed relaxing serene slow slowly smooth smoothly soft softly soothing sunset tender
    """
)
_FAST = _words(
    """
    action bold bouncy dramatic dynamic energetic energy exciting fast faster hectic intense
    lively powerful punchy quick quickly rapid rapidly snappy speedy sport sporty upbeat urgent
    """
)
_MOVE_WORDS = {
    "push": r"push(?:es|ing)?|(?:zoom|dolly|close)(?:s|ing)?[ -]in|closer",
    "pull": r"pull(?:s|ing)?|(?:zoom|dolly)(?:s|ing)?[ -]out|reveal(?:s|ing)?",
    "pan": r"pan(?:s|ning)?|slid(?:e|ing)|sweep(?:s|ing)?|tracking",
    "tilt": r"tilt(?:s|ing)?",
    "drift": r"drift(?:s|ing)?|orbit(?:s|ing)?|rotat(?:e|es|ing|ion)|spin(?:s|ning)?"
    r"|turn(?:s|ing)?|circl(?:e|es|ing)|float(?:s|ing)?",
}
_MOVE_TEXT = {
    "push": "push in on",
    "pull": "pull back from",
    "pan": "pan across",
    "tilt": "tilt over",
    "drift": "drift around",
}
_MOVE_OF_VIEW = {
    View.FRONT: "push",
    View.SIDE: "pan",
    View.BACK: "drift",
    View.TOP: "tilt",
    View.DETAIL: "push",
    View.LIFESTYLE: "pull",
}
_SUBJECT = {
    View.FRONT: "the front of the product",
    View.SIDE: "the side of the product",
    View.BACK: "the back of the product",
    View.TOP: "the product from above",
    View.DETAIL: "the finest detail of the product",
    View.LIFESTYLE: "the product in everyday use",
}
# Steps of 0.1 s, so that every length is a whole number of frames at 30 a second.
_SECONDS = (3.0, 3.2, 3.1, 3.3)


def plan_from_prompt(product_prompt: str, photo_count: int = 0) -> dict[str, Any]:
    """One product in one style, seen from six sides; the shape the brief's model must answer in."""
    brief = _one_line(product_prompt, BRIEF_MAX)
    product = product_name(brief)
    style = style_keywords(brief)
    same = (
        f"The very same product as in the {_photos(photo_count)}."
        if photo_count
        else "One single product, identical in every picture of the series."
    )
    look = f"Style: {', '.join(style)}."
    subject = _OPENING.sub("", brief, count=1).rstrip(".") or product
    return {
        "product": product,
        "style_keywords": style,
        "prompts": [
            {"view": view.value, "prompt": f"{CAMERA[view]}: {subject}. {same} {look} {_PLAIN}"}
            for view in View
        ],
    }


def product_name(brief: str) -> str:
    """The product's words at the start of a brief, without "make an ad for a"."""
    text = _one_line(brief, BRIEF_MAX)
    name = _first_clause(_OPENING.sub("", text, count=1)) or _first_clause(text) or text
    return _cut(name, PRODUCT_MAX) or "product"


def style_keywords(brief: str) -> list[str]:
    """Up to six words of style: those the brief gives, then sensible defaults."""
    words = re.findall(r"[^\W\d_]+", brief.casefold())
    found = [MOODS.get(word, word) for word in words if word in COLOURS | MATERIALS | MOODS.keys()]
    lit = any("light" in word or "sun" in word or "glow" in word for word in found)
    defaults = DEFAULT_STYLE[1:] if lit else DEFAULT_STYLE
    return list(dict.fromkeys([*found, *defaults]))[:6]


def scenes_from_views(views: Sequence[View], video_prompt: str) -> dict[str, Any]:
    """A scene for each approved picture; the shape the storyboard's model must answer in."""
    wish = _one_line(video_prompt, WISH_MAX)
    words = set(re.findall(r"[^\W\d_]+", wish.casefold()))
    pace = bool(words & _FAST) - bool(words & _SLOW)
    wanted = moves_in(wish)
    return {
        "scenes": [
            {
                "image": number,
                "description": _describe(view, wanted, number, pace, wish),
                "motion_intensity": _intensity(view, pace),
                "duration_seconds": _SECONDS[(number - 1) % len(_SECONDS)],
            }
            for number, view in enumerate(views, start=1)
        ]
    }


def moves_in(text: str) -> list[str]:
    """The camera moves a text names, in its order: push, pull, pan, tilt, drift."""
    places = {
        move: found.start()
        for move, pattern in _MOVE_WORDS.items()
        if (found := re.search(rf"\b(?:{pattern})\b", text, re.IGNORECASE))
    }
    return sorted(places, key=lambda move: places[move])


def _describe(view: View, wanted: list[str], number: int, pace: int, wish: str) -> str:
    move = wanted[(number - 1) % len(wanted)] if wanted else _MOVE_OF_VIEW[view]
    speed = {-1: "Slow", 0: "Steady", 1: "Fast"}[pace]
    asked = f" {wish[0].upper()}{wish[1:].rstrip('.')}." if wish else ""
    return f"{speed} {_MOVE_TEXT[move]} {_SUBJECT[view]}.{asked}"


def _intensity(view: View, pace: int) -> float:
    base = {-1: 0.25, 0: 0.5, 1: 0.85}[pace]
    shift = {View.DETAIL: -0.1, View.LIFESTYLE: 0.1}.get(view, 0.0)
    return round(base + shift, 2)


def _photos(count: int) -> str:
    return "reference photo" if count == 1 else f"{count} reference photos"


def _one_line(text: str, limit: int) -> str:
    return _cut(" ".join(text.split()), limit)


def _first_clause(text: str) -> str:
    clause = re.split(r"[,;:!?()\n]|\.\s|\.$|\s[-–—]\s", text, maxsplit=1)[0].strip()
    if len(clause) > PRODUCT_MAX // 2:
        clause = re.split(r"\s(?:with|on|in|for|from|that|which|by)\s", clause, maxsplit=1)[0]
    return clause.strip(" \"'.")


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = text[:limit]
    # At a word's end when there is one near; languages without spaces are cut anywhere.
    return (head.rsplit(" ", 1)[0] if " " in head[limit // 2 :] else head).rstrip(" ,;:")
