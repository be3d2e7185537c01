"""Parts of the browser's side that lie in this package: pages show them, routes send them."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Literal

# Too large to be sent along with each drawing of its component: 50 kB, with every poll of a run.
LARGE = ("review",)
SERVED: tuple[Literal["css", "js"], ...] = ("css", "js")


@cache
def component_file(name: str, kind: Literal["html", "css", "js"]) -> str:
    """A component's file of a kind, or those in its folder, by name; "" when there is none."""
    # Through the package above: the components' own registers them with Streamlit.
    folder = files("adgen.ui").joinpath("components")
    parts = folder / name
    if parts.is_dir():
        found = [part for part in parts.iterdir() if part.name.endswith(f".{kind}")]
        return "\n".join(p.read_text("utf-8") for p in sorted(found, key=lambda p: p.name))
    file = folder / f"{name}.{kind}"
    return file.read_text("utf-8") if file.is_file() else ""


@cache
def file_name(name: str, kind: Literal["css", "js"]) -> str:
    """What a large component's file is called; another content has another name."""
    content = component_file(name, kind)
    return f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}.{kind}"


@cache
def served() -> dict[str, str]:
    """The large components' files by those names."""
    return {file_name(name, kind): component_file(name, kind) for name in LARGE for kind in SERVED}
