"""From four photos to a finished film on a fresh home, and what of it is bare encoding."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe

from bench.figure import Figure

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = sorted((ROOT / "adgen" / "providers" / "data" / "sample").glob("*.jpg"))


def figures() -> Iterator[Figure]:
    """Wall time of the whole command, and its ratio to encoding the same frames alone."""
    with tempfile.TemporaryDirectory(prefix="adgen-b-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        out = Path(folder) / "ad.mp4"
        whole = _timed(_make(Path(folder) / "home", out), _environment(Path(folder) / "home"))
        alone = _timed(_encode(_decode(out)), dict(os.environ))
    yield Figure("make_ad_seconds", whole, 60, " s")
    yield Figure("make_ad_over_bare_encode", whole / alone, 8)


def _environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ADGEN_", "DATABASE_URL"))}
    kept["ADGEN_OFFLINE_LOOK"] = "plain"
    return {**kept, "ADGEN_HOME": str(home), "ADGEN_PROVIDER": "offline"}


def _make(home: Path, out: Path) -> list[str]:
    home.mkdir()
    photos = [word for photo in PHOTOS for word in ("--photo", str(photo))]
    words = ["--video-prompt", "slow morning light", "--product-name", "Oak & Clay"]
    words += ["--cta", "Shop the set", "--music", "calm", "--out", str(out)]
    return [sys.executable, "-m", "adgen", "make", "oak chair and stoneware cups", *photos, *words]


def _decode(film: Path) -> Path:
    raw = film.with_suffix(".nut")
    subprocess.run(
        [get_ffmpeg_exe(), "-v", "error", "-i", str(film), "-an", "-c:v", "rawvideo", str(raw)],
        check=True,
    )
    return raw


def _encode(raw: Path) -> list[str]:
    return [
        *(get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(raw), "-c:v", "libx264"),
        *("-preset", "medium", "-crf", "23", "-f", "null", "-"),
    ]


def _timed(command: list[str], environment: dict[str, str]) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, cwd=ROOT, env=environment, capture_output=True)
    return time.monotonic() - began
