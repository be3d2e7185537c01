"""brief: six prompts that describe one product in one style, from a few words."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from adgen.agents.reading import fill, read_json
from adgen.domain import PromptPlan, View
from adgen.errors import BadModelOutput
from adgen.providers.templates import plan_from_prompt


def brief_inputs(product_prompt: str, photo_count: int) -> dict[str, Any]:
    """What to ask the language model."""
    note = f"The maker supplied {photo_count} photos of the product." if photo_count else ""
    return {
        "prompt": fill("prompt_parser", product_prompt=product_prompt, photo_note=note),
        "product_prompt": product_prompt,
        "photo_count": photo_count,
        "max_tokens": 2048,
    }


def read_plan(text: str) -> PromptPlan:
    """The six prompts in view order; BadModelOutput when the answer lacks one."""
    raw = read_json(text)
    try:
        by_view = {View(p["view"]): p for p in raw["prompts"]}
        return PromptPlan.model_validate({**raw, "prompts": [by_view[view] for view in View]})
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise BadModelOutput("The plan for the six pictures was incomplete.") from error


def template_plan(product_prompt: str, photo_count: int) -> PromptPlan:
    """The plan that needs no model, for when the model's cannot be read."""
    return PromptPlan.model_validate(plan_from_prompt(product_prompt, photo_count))
