"""Facts of a finished mp4, read without trusting the code that wrote it."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe


def boxes(path: Path) -> list[str]:
    """The order of the top-level boxes."""
    names, data, at = [], path.read_bytes(), 0
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        names.append(name.decode("latin-1"))
        at += struct.unpack(">Q", data[at + 8 : at + 16])[0] if size == 1 else size
    return names


def ffmpeg(*arguments: str) -> str:
    """Run the bundled ffmpeg; gives what it said."""
    command = [get_ffmpeg_exe(), "-hide_banner", "-nostdin", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.stdout + run.stderr


def run(*arguments: str | Path) -> str:
    """As `ffmpeg`, which must end well; an output that is there is written over."""
    command = [get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def make_clip(path: Path, source: str, *options: str) -> Path:
    """A clip of a generated picture, as `lavfi` names it."""
    run("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", *options, path)
    return path


def header(path: Path) -> str:
    """The stream lines of `ffmpeg -i`."""
    return ffmpeg("-i", str(path))


def frames(path: Path) -> int:
    """Decoded video frames."""
    said = ffmpeg("-i", str(path), "-map", "0:v", "-f", "null", "-progress", "pipe:1", "-")
    return int(re.findall(r"frame=\s*(\d+)", said)[-1])


def decode_errors(path: Path) -> str:
    """What a strict decode complains about; empty when sound."""
    return ffmpeg("-v", "warning", "-xerror", "-i", str(path), "-f", "null", "-")


def mean_volume(path: Path) -> float:
    """Mean volume of the sound, dB."""
    said = ffmpeg("-i", str(path), "-map", "0:a", "-af", "volumedetect", "-f", "null", "-")
    found = re.search(r"mean_volume: (-?[\d.]+) dB", said)
    assert found, said
    return float(found.group(1))


def luma(path: Path, at: float) -> tuple[float, float]:
    """Mean and highest brightness (0..255) of the frame at a time."""
    said = ffmpeg(
        *("-ss", str(at), "-i", str(path), "-frames:v", "1"),
        *("-vf", "signalstats,metadata=print:file=-", "-f", "null", "-"),
    )
    mean = re.search(r"YAVG=([\d.]+)", said)
    top = re.search(r"YMAX=([\d.]+)", said)
    assert mean, said
    assert top, said
    return float(mean.group(1)), float(top.group(1))
