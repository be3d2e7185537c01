"""Whether films keep their promises at full size: below the size asked for, and without seams."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe

from adgen.providers import film
from adgen.providers.film import Cut, Rendered
from bench import compose
from bench.figure import Figure

CAPS_MB = (2, 5, 10, 20)
# What nobody sees, in dB; the frame that differs most counts.
SEAMLESS_DB = 38
NOISE = "testsrc2=s=1920x1080:r=30:d=4,noise=alls=100:allf=t"


def figures() -> Iterator[Figure]:
    """Bytes over the cap, and the decibels asked for over those of the worst frame."""
    with tempfile.TemporaryDirectory(prefix="adgen-b-", dir="/tmp") as home:
        folder = Path(home)
        cut = compose.usual_film(folder)
        for cap in CAPS_MB:
            yield Figure(f"noise_over_cap_{cap}_mb", _fill(cut, folder, cap * 1_000_000), 1)
        yield Figure("seams_38_db_over_worst_frame", SEAMLESS_DB / _worst(cut, folder), 1)


def _fill(cut: Cut, folder: Path, cap: int) -> float:
    """A film of noise against its cap, in one pass: at no other quality than asked for."""
    clip = folder / "noise.mp4"
    if not clip.exists():
        _ffmpeg("-f", "lavfi", "-i", NOISE, "-preset", "ultrafast", "-crf", "18", str(clip))
    noisy = cut.model_copy(update={"clips": (clip, clip), "max_bytes": cap})
    made = _compose(noisy, folder / "noise-film.mp4", folder / f"parts-{cap}")
    qualities = {b for step in made.arguments for a, b in pairwise(step) if a == "-crf"}
    assert qualities == {str(cut.crf)}, qualities  # noqa: S101
    return made.size_bytes / cap


def _worst(cut: Cut, folder: Path) -> float:
    """The frame in which the film of parts differs most from the one made whole, dB."""
    parts = _compose(cut, folder / "parts.mp4", folder / "parts")
    whole = _compose(cut, folder / "whole.mp4", None)
    graph = "[0:v][1:v]psnr=stats_file=-"
    both = ("-i", str(parts.path), "-i", str(whole.path))
    said = _ffmpeg(*both, "-lavfi", graph, "-f", "null", "-")
    found = [float(x.replace("inf", "99")) for x in re.findall(r"psnr_avg:([\d.]+|inf)", said)]
    assert len(found) == parts.frames  # noqa: S101
    return min(found)


def _compose(cut: Cut, out: Path, cache: Path | None) -> Rendered:
    return film.compose(cut, out, cache=cache, progress=lambda _: None, cancelled=lambda: False)


def _ffmpeg(*arguments: str) -> str:
    command = [get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
