"""Fills a compose file's variables as `docker compose` does."""

from __future__ import annotations

import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?::([-?])([^}]*))?\}")


class MissingVariable(Exception):
    """A required one is not set; the message is the file's."""


def interpolate(text: str, env: Mapping[str, str]) -> str:
    """`${NAME}`, `${NAME:-else}`, `${NAME:?message}` and `$$`. Raises MissingVariable."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if name is None:
            return "$"
        if given := env.get(name, ""):
            return given
        if kind == "?":
            raise MissingVariable(f"{name} {rest}")
        return rest or ""

    return _VARIABLE.sub(value, text)
