"""The studio's door: whether it is there, and its renders, one at a time on this machine."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from adgen.config import settings
from adgen.domain import Aspect
from adgen.errors import BadModelOutput
from adgen.providers.camera import Cancel, Size, stop_if
from adgen.providers.models import Watch

# As large as what image-to-video models take.
SIZES: dict[Aspect, Size] = {
    Aspect.WIDE: (1024, 576),
    Aspect.TALL: (576, 1024),
    Aspect.SQUARE: (768, 768),
    Aspect.PORTRAIT: (704, 880),
}
SAMPLES, CLIP_SAMPLES = 4, 4
COMMENT = "Rendered product mock-up, made with adgen; not a photograph and not made by an AI model"
# What of an order's inputs decides how the product and its set look.
_LOOK = ("product", "prompt", "style_keywords", "seed")
_POLL_S = 0.05
_LIMIT_S = 900


def installed() -> bool:
    """Whether the packages of requirements-studio.txt are here."""
    return all(find_spec(name) is not None for name in ("mitsuba", "mitsuba_oidn"))


def in_use() -> bool:
    """Whether pictures without photos are rendered; else they are plain title frames."""
    return settings().offline_look == "studio" and installed()


def look_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What must be kept of a picture's order, to film the same scene later."""
    return {name: inputs[name] for name in _LOOK if name in inputs} | {"view": inputs["view"]}


def render_picture(inputs: Mapping[str, Any], size: Size, work: Path, watch: Watch) -> Path:
    """A view of the product as a JPEG. Raises Cancelled, BadModelOutput."""
    order = {"inputs": look_inputs(inputs), "view": inputs["view"], "size": size,
             "samples": SAMPLES, "comment": COMMENT}  # fmt: skip
    return _render(order, work, work / "image.jpg", watch)


def render_frames(
    scene: Mapping[str, Any], move: Mapping[str, Any], size: Size, work: Path, watch: Watch
) -> Path:
    """The frames of a camera move as an array file. Raises Cancelled, BadModelOutput."""
    order = {"inputs": scene, "view": scene["view"], "size": size, "samples": CLIP_SAMPLES,
             "move": move}  # fmt: skip
    return _render(order, work, work / "frames.npy", watch)


def _render(order: Mapping[str, Any], work: Path, out: Path, watch: Watch) -> Path:
    asked = work / "order.json"
    asked.write_text(json.dumps(order), "utf-8")
    try:
        with _turn(watch):
            watch.phase("running")
            _run([sys.executable, "-m", __package__, str(asked), str(out)], watch.cancelled)
    finally:
        asked.unlink()
    if not out.is_file():
        raise BadModelOutput("The mock-up came out empty. Is the disk full?")
    return out


@contextmanager
def _turn(watch: Watch) -> Iterator[None]:
    """One render at a time, whoever asks: each uses every core, and memory for one."""
    settings().home.mkdir(parents=True, exist_ok=True)
    with (settings().home / "studio.lock").open("wb") as lock:
        waits = False
        while not _locked(lock.fileno()):
            if not waits:
                watch.phase("starting")
                waits = True
            stop_if(watch.cancelled)
            time.sleep(_POLL_S)
        # Closing the file gives the turn to the next.
        yield


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _run(command: list[str], cancelled: Cancel) -> None:
    root = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(  # noqa: S603 -- a list, never a shell; our own interpreter
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        until = time.monotonic() + _LIMIT_S
        while process.poll() is None:
            stop_if(cancelled)
            if time.monotonic() > until:
                raise BadModelOutput("Rendering the mock-up took too long. Try again.")
            time.sleep(_POLL_S)
    finally:
        process.kill()
        _, errors = process.communicate()
    if process.returncode:
        last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
        raise BadModelOutput(f"The mock-up could not be rendered: {last or 'no reason given'}.")
