"""What the fake language model says: the JSON our two prompts ask for, whole or spoilt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.replicate_server.faults import Fault

VIEWS = ("front", "side", "back", "top", "detail", "lifestyle")
_CAMERA = {
    "front": "Straight-on front view, the product centred, of",
    "side": "Exact side profile, the silhouette clearly readable, of",
    "back": "View from behind, turned away from the camera, of",
    "top": "Top-down view from directly above, even margins, of",
    "detail": "Macro close-up of texture and finish, shallow depth of field, of",
    "lifestyle": "Lifestyle scene in natural everyday use, quiet surroundings, of",
}
_STYLE = ["soft studio light", "seamless backdrop", "clean", "photorealistic"]
_MOVES = (
    ("The camera pushes in slowly while light glides over", 0.4),
    ("A smooth pan from left to right across", 0.5),
    ("The camera pulls back to reveal", 0.6),
    ("A gentle tilt from above over", 0.3),
    ("The view drifts around", 0.7),
    ("A brisk push towards", 0.8),
)
_BETWEEN_LINES = re.compile(r"^---\s*$(.*?)^---\s*$", re.MULTILINE | re.DOTALL)
_LISTED = re.compile(rf"\b(\d+)\. ({'|'.join(VIEWS)})\b")
_TOKEN = re.compile(r" ?[^\W\d_]{1,7}|\s+|.")
_REPEATED = 240


def answer(inputs: Mapping[str, Any], fault: Fault | None) -> list[str]:
    """The answer in tokens, cut at `max_tokens` as the real models cut."""
    asked = f"{inputs.get('system_prompt', '')}\n{inputs.get('prompt', '')}"
    tokens = _TOKEN.findall(_spoil(_say(asked, fault), fault))
    return [*tokens[: int(inputs.get("max_tokens", 512))], ""]


def _say(asked: str, fault: Fault | None) -> dict[str, Any]:
    if '"scenes"' in asked:
        return _scenes(asked, fault)
    # In a request for repair a second pair of lines holds the earlier answer.
    found = _BETWEEN_LINES.search(asked)
    return _plan(" ".join(found[1].split()) if found else "the product", fault)


def _plan(wish: str, fault: Fault | None) -> dict[str, Any]:
    repeated = wish if len(wish) <= _REPEATED else wish[:_REPEATED].rsplit(" ", 1)[0]
    prompts = [
        {"view": view, "prompt": f"{_CAMERA[view]} {repeated.rstrip('.')}. {', '.join(_STYLE)}."}
        for view in VIEWS
    ]
    return {
        "product": " ".join(repeated.split()[:8])[:80],
        "style_keywords": _STYLE,
        "prompts": _miscount(prompts, fault),
    }


def _scenes(asked: str, fault: Fault | None) -> dict[str, Any]:
    views = [view for _, view in _LISTED.findall(asked)] or ["front", "lifestyle"]
    scenes = []
    for number, view in enumerate(views, 1):
        move, intensity = _MOVES[(number - 1) % len(_MOVES)]
        scenes.append(
            {
                "image": number,
                "description": f"{move} the {view} view of the product.",
                "motion_intensity": intensity,
                "duration_seconds": 3,
            }
        )
    return {"scenes": _miscount(scenes, fault)}


def _miscount(items: list[dict[str, Any]], fault: Fault | None) -> list[dict[str, Any]]:
    if fault is Fault.LLM_FIVE:
        return items[:-1]
    return [*items, items[-1]] if fault is Fault.LLM_SEVEN else items


def _spoil(value: dict[str, Any], fault: Fault | None) -> str:
    if fault is Fault.LLM_PROSE:
        return "Certainly! I would show it from the front first, then from the side, and so on."
    plain = json.dumps(value, ensure_ascii=False)
    if fault is Fault.LLM_FENCE:
        pretty = json.dumps(value, ensure_ascii=False, indent=2)
        return f"Here is the plan:\n\n```json\n{pretty}\n```\n\nTell me if you want another style!"
    return plain[: len(plain) * 3 // 5] if fault is Fault.LLM_TRUNCATED else plain
