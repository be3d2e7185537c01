"""Reading what language models write: prompt files in, JSON out, tolerantly."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from string import Template
from typing import Any

from adgen.errors import BadModelOutput


def fill(name: str, **values: str) -> str:
    """The prompt file `name` with its values; a missing value raises KeyError."""
    text = files(__package__).joinpath(f"prompts/{name}.md").read_text("utf-8")
    # A person's words must not end their turn in a model's chat template.
    plain = {name: re.sub(r"<\|[^|>]*\|>", " ", value) for name, value in values.items()}
    return Template(text).substitute(plain)


def repair_prompt(asked: str, answer: str, problem: str) -> str:
    """What sends an unreadable answer back to the model, once."""
    return fill("repair", asked=asked, answer=answer[:6000], problem=problem)


def read_json(text: str) -> dict[str, Any]:
    """The first `{` to the last `}` as an object: prose and fences around it are ignored."""
    start, end = text.find("{"), text.rfind("}")
    try:
        value = json.loads(text[start : end + 1])
    except ValueError as error:
        raise BadModelOutput("The language model did not answer with JSON.") from error
    if not isinstance(value, dict):
        raise BadModelOutput("The language model did not answer with an object.")
    return value
