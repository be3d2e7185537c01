"""The only door to ffmpeg: run it, look at media, check a clip, take a still."""

from __future__ import annotations

import ctypes
import logging
import math
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

import imageio_ffmpeg

from adgen.domain import Value
from adgen.errors import BadModelOutput, CompositionFailed, Unavailable

FPS = 30
POLL_S = 0.25
LOOK_LIMIT_S = 120.0
# What a clip may be. Decoders take memory by the square of the side, and work by the second.
MAX_SIDE = 4096
MAX_SECONDS = 60.0
# Sides beyond this ratio leave a line of no height when fitted into a frame.
MAX_SHAPE = 16.0

VIDEO_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
AUDIO_FORMATS = "mp3,wav,ogg,flac,aac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
CUT_SHORT = ("partial file", "File ended prematurely", "corrupt input packet")
DAMAGE = (*CUT_SHORT, "Invalid", "error while decoding", "concealing", "missing picture")

log = logging.getLogger(__name__)

# Loaded here, not between fork and exec, where only plain system calls are safe.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Media(Value):
    """What a file holds. `frames` and `seconds` are the video's, else the audio's.

    `width` and `height` are as the picture is seen: upright, in pixels of the file, each of them
    `pixel_aspect` times as wide as it is high.
    """

    width: int = 0
    height: int = 0
    fps: float = 0.0
    frames: int = 0
    seconds: float = 0.0
    container: str = ""
    codec: str = ""
    pixels: str = ""
    bits: int = 8
    rotation: int = 0
    pixel_aspect: float = 1.0
    hdr: bool = False
    full_range: bool = False
    variable_rate: bool = False
    has_video: bool = False
    has_audio: bool = False


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
    """What `path` holds; CompositionFailed, naming its `role`, when it is no media file."""
    return _look(path, AUDIO_FORMATS, role)[0]


def probe_clip(path: Path, *, role: str = "The clip") -> Media:
    """What a clip holds, from its packets; CompositionFailed, naming its `role`, if unusable.

    This costs little, as nothing is decoded, and finds files cut short but not spoilt pictures.
    """
    media, errors = _look(path, VIDEO_FORMATS, role, "-max_pixels", str(MAX_SIDE**2))
    reason = _unusable(media, errors)
    if reason:
        log.warning("clip %s: %s %s: %s", path, reason, media, errors[-1000:])
        raise CompositionFailed(f"{role} {reason}.")
    return media


def check_clip(path: Path, *, role: str = "The model's clip") -> Media:
    """Decode the whole clip; BadModelOutput, naming its `role`, unless it is sound to the end."""
    try:
        media = probe_clip(path, role=role)
        # Raw and unscaled, as a picture that changes its size then shows it by its bytes.
        source, maps = local(path, VIDEO_FORMATS), ["-map", "0:V:0", "-map", "0:a:0?"]
        raw = ["-c:v", "rawvideo", "-noautoscale", "-fps_mode", "vfr", "-f", "framecrc"]
        ended = run(["-loglevel", "error", "-xerror", *source, *maps, *raw, "-"], LOOK_LIMIT_S)
    except CompositionFailed as why:
        raise BadModelOutput(why.user_message) from why
    shown = _read_frames(ended.out)
    # Without -xerror ffmpeg hides spoilt frames; with it, it still ends well on a file cut short.
    if ended.code or is_damaged(ended.errors) or shown.frames < max(1, 0.9 * media.frames):
        found = f"{shown.frames} of {media.frames} frames"
        log.warning("clip %s: %s: %s", path, found, ended.errors[-1000:])
        raise BadModelOutput(f"{role} is damaged or incomplete.")
    if shown.sizes > 1:
        raise BadModelOutput(f"{role} changes the size of its picture midway.")
    return media.model_copy(update={"frames": shown.frames})


def is_damaged(errors: str) -> bool:
    """Whether a decoder complained, though it may have ended well and painted over the damage."""
    return any(word in errors for word in DAMAGE)


def check_audio(path: Path, most: float = math.inf) -> float:
    """Decode the sound of `path`, `most` seconds of it; its seconds, or CompositionFailed."""
    if not probe(path, role="The music file").has_audio:
        raise CompositionFailed("The music file has no sound in it.")
    source = local(path, AUDIO_FORMATS)
    limit = [] if most == math.inf else ["-t", f"{most}"]
    sink = ["-map", "0:a:0", *limit, "-f", "null", "-progress", "pipe:1", "-"]
    ended = run(["-loglevel", "error", *source, *sink], LOOK_LIMIT_S)
    if ended.code:
        log.warning("cannot decode %s: %s", path, ended.errors[-1000:])
        raise CompositionFailed("The music file cannot be played.")
    return last_number("out_time_us", ended.out) / 1_000_000


# JPEG knows one matrix only, that of old television.
_JPEG = "out_range=pc:out_color_matrix=bt601"


def poster(video: Path, at: float, out: Path, width: int = 640) -> Path:
    """One frame of `video`, `at` seconds from its start, as a JPEG at most `width` wide."""
    media = probe(video, role="The video")
    if not media.has_video:
        raise CompositionFailed("The video has no picture.")
    last = media.seconds - 1 / (media.fps or FPS)
    scale = f"scale=w='min({width},iw)':h=-2:reset_sar=1:{_JPEG},format=yuv420p"
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


class _Frames(NamedTuple):
    """The first stream in numbers."""

    frames: int
    seconds: float
    variable_rate: bool
    sizes: int


def _look(path: Path, formats: str, role: str, *options: str) -> tuple[Media, str]:
    """What the packets of `path` say, and ffmpeg's complaints."""
    arguments = [*options, *local(path, formats), "-map", "0:V:0?", "-map", "0:a:0?", "-c", "copy"]
    plain = ["-map_metadata", "-1", "-map_chapters", "-1", "-nostats"]
    ended = run([*arguments, *plain, "-f", "framecrc", "-"], LOOK_LIMIT_S)
    # A line from ffmpeg begins with its part and address; a title that apes one with neither.
    errors = "\n".join(re.findall(r"^\[.+ @ 0x[0-9a-f]+\] .*", ended.errors, re.MULTILINE))
    if "exceeds specified max pixel count" in errors:
        raise CompositionFailed(f"{role} is larger than {MAX_SIDE}x{MAX_SIDE} pixels.")
    media = _read_media(ended)
    if ended.code or not (media.has_video or media.has_audio):
        log.warning("cannot read %s: %s", path, ended.errors[-1000:])
        raise CompositionFailed(f"{role} cannot be read: it is empty, damaged or no media file.")
    return media, errors


def _unusable(media: Media, errors: str) -> str:
    """Why a clip cannot be used; empty when it can."""
    if not media.has_video:
        return "has no picture"
    if any(word in errors for word in CUT_SHORT):
        return "is damaged or incomplete: its end is missing"
    if not media.frames or media.seconds <= 0:
        return "is damaged or incomplete: no moving picture is in it"
    if max(media.width, media.height) > MAX_SIDE:
        return f"is larger than {MAX_SIDE}x{MAX_SIDE} pixels"
    shape = media.width * media.pixel_aspect / media.height if media.height else 0
    if not 1 / MAX_SHAPE <= shape <= MAX_SHAPE:
        return "is too narrow to be shown"
    if media.seconds > MAX_SECONDS:
        return f"is longer than {MAX_SECONDS:g} seconds"
    return ""


def _read_media(ended: Ended) -> Media:
    """Read what ffmpeg says of its own output, a copy of the input without its texts.

    Of the input itself it also repeats titles and names, and those may look like any line.
    """
    _, _, said = ended.errors.rpartition("\nOutput #0, framecrc, to ")
    facts = dict(re.findall(r"^#(\w+ \d): (.+)$", ended.out, re.MULTILINE))
    container = re.search(r"^Input #0, ([^ ]+), from ", ended.errors, re.MULTILINE)
    frames = _read_frames(ended.out)
    media = Media(
        container=container[1] if container else "",
        frames=frames.frames,
        seconds=frames.seconds,
        has_audio="audio" in (facts.get("media_type 0"), facts.get("media_type 1")),
    )
    if facts.get("media_type 0") != "video":
        return media
    line = re.search(r"^  Stream #0:0: Video: .*", said, re.MULTILINE)
    pixels = re.search(r", (\w+)(?:\(([^)]*)\))?, \d+x\d+", line[0] if line else "")
    name, colours = (pixels[1], pixels[2] or "") if pixels else ("", "")
    rate = re.search(r", ([\d.]+)(k?) fps", line[0] if line else "")
    depth = re.search(r"(?:p|gray|p0|x2rgb|x2bgr)(9|1[0246])(?:le|be)?$", name)
    turned = re.search(r"^      Display Matrix: rotation of (-?[\d.]+) degrees", said, re.MULTILINE)
    rotation = round(-float(turned[1])) % 360 if turned else 0
    width, height = (int(side) for side in facts["dimensions 0"].split("x"))
    above, below = (int(part) for part in facts["sar 0"].split("/"))
    aspect = above / below if above > 0 and below > 0 else 1.0
    if rotation in (90, 270):
        width, height, aspect = height, width, 1 / aspect
    return media.model_copy(
        update={
            "width": width,
            "height": height,
            "fps": float(rate[1]) * (1000 if rate[2] else 1) if rate else 0.0,
            "codec": facts["codec_id 0"],
            "pixels": name,
            "bits": int(depth[1]) if depth else 8,
            "rotation": rotation,
            "pixel_aspect": aspect,
            "hdr": any(transfer in colours for transfer in HDR_TRANSFERS),
            "full_range": "pc" in colours.split(", "),
            "variable_rate": frames.variable_rate,
            "has_video": True,
        }
    )


def _read_frames(listed: str) -> _Frames:
    """Count and time the first stream in ffmpeg's list of packets."""
    clock = re.search(r"^#tb 0: (\d+)/(\d+)$", listed, re.MULTILINE)
    lines = re.findall(r"^0, *-?\d+, *(-?\d+), *(\d+), *(\d+),", listed, re.MULTILINE)
    # Packets before zero are cut off by the file's own edit list.
    shown = sorted((int(at), int(lasts), int(size)) for at, lasts, size in lines if int(at) >= 0)
    if not clock or not shown:
        return _Frames(0, 0.0, variable_rate=False, sizes=0)
    steps = sorted(b[0] - a[0] for a, b in pairwise(shown))
    usual = steps[len(steps) // 2] if steps else 0
    # Some containers keep no length for their last picture.
    end = max(at + (lasts or usual) for at, lasts, _ in shown)
    # A clock of milliseconds makes even steps uneven by one tick.
    uneven = bool(steps) and steps[-1] - steps[0] > max(2, 0.1 * usual)
    seconds = (end - shown[0][0]) * int(clock[1]) / int(clock[2])
    return _Frames(len(shown), seconds, uneven, len({size for _, _, size in shown}))


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
            with _watched(process) as ends_within:
                while not ends_within(POLL_S):
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


@contextmanager
def _watched(process: subprocess.Popen[bytes]) -> Iterator[Callable[[float], bool]]:
    """Gives a wait of at most so many seconds that tells whether the process has ended."""

    def doze(seconds: float) -> bool:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    # Popen.wait looks only every 50 ms, longer than many calls take; the kernel tells at once.
    if sys.platform != "linux":
        yield doze
        return
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:  # a container may forbid it
        yield doze
        return
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        yield lambda seconds: bool(poll.poll(1000 * seconds))
    finally:
        os.close(handle)


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
