"""The only door to ffmpeg: run it, look at media, check a clip, take a still."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

import imageio_ffmpeg

from adgen.domain import Value
from adgen.errors import BadModelOutput, CompositionFailed, Unavailable

FPS = 30
POLL_S = 0.25
LOOK_LIMIT_S = 120.0

VIDEO_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
AUDIO_FORMATS = "mp3,wav,ogg,flac,aac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
DAMAGE = ("partial file", "Invalid", "error while decoding")

log = logging.getLogger(__name__)

# Loaded here, not between fork and exec, where only plain system calls are safe.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Media(Value):
    """What a file holds. `frames` and `seconds` are the video's, else the audio's."""

    width: int = 0
    height: int = 0
    fps: float = 0.0
    frames: int = 0
    seconds: float = 0.0
    container: str = ""
    codec: str = ""
    hdr: bool = False
    has_video: bool = False
    has_audio: bool = False
    promised_frames: int = 0


class Ended(NamedTuple):
    code: int
    out: str
    errors: str


def version() -> str:
    """Which ffmpeg is used, for `doctor`; Unavailable when there is none."""
    program = _program()
    return f"{imageio_ffmpeg.get_ffmpeg_version()}, {program}"


# ---- looking at files


def probe(path: Path, *, role: str = "A file of the cut") -> Media:
    """What `path` holds; CompositionFailed, naming its `role`, when it is no media file.

    Sizes come from the header, time and frames from its packets, as a header rounds time.
    """
    arguments = [*local(path, AUDIO_FORMATS), "-map", "0:V:0?", "-map", "0:a:0?"]
    ended = run([*arguments, "-c", "copy", "-f", "framecrc", "-"], LOOK_LIMIT_S)
    media = _read_header(ended.errors.partition("Stream mapping:")[0])
    if ended.code or not (media.has_video or media.has_audio):
        log.warning("cannot read %s: %s", path, ended.errors[-1000:])
        raise CompositionFailed(f"{role} cannot be read: it is empty, damaged or no media file.")
    frames, seconds = _measure(ended.out.splitlines())
    return media.model_copy(update={"frames": frames, "seconds": seconds})


def check_clip(path: Path) -> Media:
    """Decode the whole clip of a model; BadModelOutput unless it is sound to the end."""
    try:
        media = probe(path, role="The clip")
    except CompositionFailed as why:
        raise BadModelOutput("The model's clip is empty, damaged or no video file.") from why
    if not media.has_video:
        raise BadModelOutput("The model's clip has no picture.")
    source = local(path, VIDEO_FORMATS)
    sink = ["-map", "0:V:0", "-fps_mode", "passthrough", "-f", "null", "-progress", "pipe:1", "-"]
    ended = run(["-loglevel", "error", "-xerror", *source, *sink], LOOK_LIMIT_S)
    frames = last_number("frame", ended.out)
    # Without -xerror ffmpeg hides spoilt frames; with it, it still ends well on a file cut short.
    broken = ended.code or any(word in ended.errors for word in DAMAGE)
    promised = media.promised_frames or media.frames
    if broken or frames < max(1, 0.9 * promised):
        log.warning("clip %s: %d of %d frames: %s", path, frames, promised, ended.errors[-1000:])
        raise BadModelOutput("The model's clip is damaged or incomplete.")
    return media.model_copy(update={"frames": frames})


def check_audio(path: Path) -> float:
    """Decode the whole sound of `path`; its seconds, or CompositionFailed."""
    if not probe(path, role="The music file").has_audio:
        raise CompositionFailed("The music file has no sound in it.")
    source = local(path, AUDIO_FORMATS)
    sink = ["-map", "0:a:0", "-f", "null", "-progress", "pipe:1", "-"]
    ended = run(["-loglevel", "error", *source, *sink], LOOK_LIMIT_S)
    if ended.code:
        log.warning("cannot decode %s: %s", path, ended.errors[-1000:])
        raise CompositionFailed("The music file cannot be played.")
    return last_number("out_time_us", ended.out) / 1_000_000


def poster(video: Path, at: float, out: Path, width: int = 640) -> Path:
    """One frame of `video`, `at` seconds from its start, as a JPEG at most `width` wide."""
    media = probe(video, role="The video")
    if not media.has_video:
        raise CompositionFailed("The video has no picture.")
    last = media.seconds - 1 / (media.fps or FPS)
    scale = f"scale=w='min({width},iw)':h=-2:reset_sar=1:out_range=pc,format=yuv420p"
    with part_file(out) as part:
        seek = ["-ss", f"{min(max(at, 0), max(last, 0)):.6f}", *local(video, VIDEO_FORMATS)]
        still = ["-map", "0:V:0", "-frames:v", "1", "-update", "1", "-vf", scale, "-q:v", "3"]
        plain = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
        target = ["-f", "image2", "-c:v", "mjpeg", "-y", f"file:{part}"]
        ended = run(["-loglevel", "error", *seek, *still, *plain, *target], LOOK_LIMIT_S)
        if ended.code or not part.is_file():
            log.warning("no still of %s: %s", video, ended.errors[-1000:])
            raise CompositionFailed("No still picture could be taken from the video.")
    return out


def _read_header(text: str) -> Media:
    # Streams stand at two spaces; what a file says about itself (metadata) stands deeper.
    streams = re.findall(r"^  Stream #0:\d+.*", text, re.MULTILINE)
    container = re.search(r"^Input #0, ([^ ]+), from ", text, re.MULTILINE)
    found: dict[str, object] = {
        "container": container[1] if container else "",
        "has_audio": any(": Audio: " in line for line in streams),
    }
    for line in streams:
        size = re.search(r", (\d+)x(\d+)\b", line)
        if ": Video: " not in line or "(attached pic)" in line or size is None:
            continue
        width, height = int(size[1]), int(size[2])
        if re.search(r"rotation of -?(90|270)\.", text):
            width, height = height, width
        rate = re.search(r", ([\d.]+)(k?) fps", line)
        fps = float(rate[1]) * (1000 if rate[2] else 1) if rate else 0.0
        codec = re.search(r": Video: (\w+)", line)
        found |= {
            "width": width,
            "height": height,
            "fps": fps,
            "codec": codec[1] if codec else "",
            "hdr": any(name in line for name in HDR_TRANSFERS),
            "has_video": True,
        }
        # The header's time covers the sound too, and tells nothing of the picture then.
        if not found["has_audio"]:
            found["promised_frames"] = round(_header_seconds(text) * fps)
        break
    return Media.model_validate(found)


def _header_seconds(text: str) -> float:
    clock = re.search(r"^  Duration: (\d+):(\d+):([\d.]+)", text, re.MULTILINE)
    return int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3]) if clock else 0.0


def _measure(lines: Iterable[str]) -> tuple[int, float]:
    """Frames and seconds of the first stream, from ffmpeg's list of packets."""
    tick, count, first, end = 0.0, 0, None, 0
    for line in lines:
        if line.startswith("#tb 0:"):
            above, below = line.split(":")[1].split("/")
            tick = int(above) / int(below)
        elif line.startswith("0,"):
            _, _, shown, lasts, _ = line.split(",")[:5]
            # Packets before zero are cut off by the file's own edit list.
            if int(shown) < 0:
                continue
            count += 1
            first = int(shown) if first is None else min(first, int(shown))
            end = max(end, int(shown) + int(lasts))
    return count, (end - (first or 0)) * tick


# ---- running ffmpeg


def local(path: Path, formats: str) -> list[str]:
    """An input that may open nothing but this one file: no playlist, no address."""
    only = ["-protocol_whitelist", "file,pipe", "-format_whitelist", formats]
    return [*only, "-i", f"file:{path.resolve()}"]


@contextmanager
def part_file(out: Path) -> Iterator[Path]:
    """A name to write to: it becomes `out` when all went well and is gone when not."""
    part = out.with_name(out.name + ".part")
    try:
        yield part
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def run(
    arguments: Sequence[str],
    limit_s: float,
    follow: Callable[[str], None] = lambda _: None,
) -> Ended:
    """Run ffmpeg to its end; `follow` sees what it printed so far and may raise to stop it."""
    follow("")
    # Files, not pipes: a full pipe stops ffmpeg for ever.
    with TemporaryFile() as out, TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - a list, never a shell; paths are prefixed
            [_program(), "-hide_banner", "-nostdin", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            start_new_session=True,
            preexec_fn=_die_with_parent if _LIBC else None,
        )
        deadline = time.monotonic() + limit_s
        try:
            while not _ends(process):
                follow(_text(out.fileno(), last=4000))
                if time.monotonic() > deadline:
                    raise CompositionFailed("Working on the video took too long. Try again.")
        finally:
            # Not terminate(): ffmpeg would take seconds to finish a file nobody wants.
            process.kill()
            process.wait()
        return Ended(process.returncode, _text(out.fileno()), _text(errors.fileno()))


def _program() -> str:
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as why:
        raise Unavailable("ffmpeg is missing: install imageio-ffmpeg again.") from why


def _ends(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(POLL_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _die_with_parent() -> None:
    """A killed worker must not leave an ffmpeg behind (1 is PR_SET_PDEATHSIG, 9 is SIGKILL)."""
    if _LIBC:
        _LIBC.prctl(1, 9, 0, 0, 0)


def _text(fd: int, last: int | None = None) -> str:
    # `pread`: the child shares our file position, and reading must not move where it writes.
    size = os.fstat(fd).st_size
    take = size if last is None else min(size, last)
    return os.pread(fd, take, size - take).decode("utf-8", "replace")


def last_number(key: str, text: str) -> int:
    found = re.findall(rf"^{key}=\s*(\d+)\s*$", text, re.MULTILINE)
    return int(found[-1]) if found else 0
