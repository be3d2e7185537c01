"""Reads a Dockerfile: its stages, their steps, and what a container of the last one would be."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


@dataclass(frozen=True)
class Step:
    """One instruction: `RUN`, and all that follows on its lines."""

    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """The rest as words, be it written as JSON or as a shell would."""
        return list(json.loads(self.rest)) if self.rest.startswith("[") else shlex.split(self.rest)

    @property
    def flags(self) -> dict[str, str]:
        """What stands before it as `--name=value`."""
        found = (word[2:].partition("=") for word in self.rest.split() if word.startswith("--"))
        return {name: value for name, _, value in found}


@dataclass
class Stage:
    """From one FROM to the next."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)

    def of(self, word: str) -> list[Step]:
        """All of one kind."""
        return [step for step in self.steps if step.word == word]

    def last(self, word: str) -> Step:
        """The one that counts, for those of which the last does."""
        return self.of(word)[-1]


def read_dockerfile(path: Path) -> tuple[dict[str, str], list[Stage]]:
    """Its arguments before the first stage, and the stages."""
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for step in _steps(path.read_text("utf-8")):
        if step.word == "FROM":
            base, _, name = step.rest.partition(" AS ")
            stages.append(Stage(fill(base, arguments), name.strip()))
        elif stages:
            stages[-1].steps.append(step)
        else:
            name, _, value = step.rest.partition("=")
            arguments[name] = value
    return arguments, stages


def fill(text: str, values: dict[str, str]) -> str:
    """The text with its variables filled in; one that is not known is left as it stands."""
    return _VARIABLE.sub(lambda m: values.get(m.group(1) or m.group(2), m.group(0)), text)


def _steps(text: str) -> list[Step]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ")
    found = (line.strip().partition(" ") for line in whole.splitlines() if line.strip())
    return [Step(word.upper(), " ".join(rest.split())) for word, _, rest in found]


def is_ignored(patterns: list[str], name: str) -> bool:
    """Whether .dockerignore keeps a file out of what is sent; the last pattern that fits counts."""
    ignored = False
    for pattern in patterns:
        keep = pattern.startswith("!")
        rule = re.escape(pattern.lstrip("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        # A folder's pattern fits all below it.
        if re.fullmatch(f"{rule}(/.*)?", name):
            ignored = not keep
    return ignored


def read_ignored(path: Path) -> list[str]:
    """The patterns of a .dockerignore."""
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]
