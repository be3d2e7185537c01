"""The repository itself: pins that agree, settings that are listed, nothing of anyone's machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from adgen.config import Settings
from tests.conftest import ROOT


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    found = (re.match(r"([\w.-]+)==(\S+)", line) for line in lines)
    return {m.group(1).lower().replace("_", "-"): m.group(2) for m in found if m}


def test_every_requirement_is_pinned_as_in_the_constraints() -> None:
    constraints = pins("constraints.txt")
    for name in ("requirements.txt", "requirements-studio.txt", "requirements-dev.txt"):
        for package, version in pins(name).items():
            assert constraints.get(package) == version, package


def test_the_ordered_packages_are_there_and_pillow_stays_below_12() -> None:
    ordered = "streamlit replicate pandas sqlalchemy psycopg2-binary moviepy plotly boto3 pytest"
    assert set(ordered.split()) <= set(pins("requirements.txt"))
    assert int(pins("constraints.txt")["pillow"].partition(".")[0]) < 12


def test_every_setting_is_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        variable = alias if isinstance(alias, str) else f"ADGEN_{name.upper()}"
        if name != "demo_email":
            assert variable in example, variable


def test_nothing_names_a_registry_or_a_workplace() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        return
    forbidden = re.compile(r"/root/|/work/(main|shared)|--extra-index|--index-url|find-links")
    for name in tracked.stdout.split():
        path = ROOT / name
        if path.suffix in {".png", ".jpg", ".woff2"} or path == Path(__file__):
            continue
        assert not forbidden.search(path.read_text("utf-8")), name
