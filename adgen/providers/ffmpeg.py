"""The only door to ffmpeg: look at media, check a clip, cut the ad, take a still.

The cut is one graph, in whole frames at 30 a second. Its length follows the clips: cards of one
second, the clips' own seconds, less one crossfade a joint, right to half a frame. Each clip gets
the frames between two rounded points of the running sum, so rounding never adds up.
"""

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
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import NamedTuple

import imageio_ffmpeg
from pydantic import Field

from adgen.domain import Value
from adgen.errors import BadModelOutput, Cancelled, CompositionFailed, Unavailable

FPS = 30
POLL_S = 0.25
STALL_S = 60.0
COMPOSE_LIMIT_S = 1800.0
LOOK_LIMIT_S = 120.0

AUDIO_BITS = 192_000
# A player that follows level 4.0 may refuse more; crf 23 seldom wants a half of it.
MAX_VIDEO_BITS = 20_000_000
# Below this a full HD picture falls apart: better said than shown.
MIN_VIDEO_BITS = 250_000
SMALLER_CRF = (25, 28)

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


class Cut(Value):
    """All that decides how the finished ad looks. Cards are PNGs at frame size."""

    clips: tuple[Path, ...] = Field(min_length=1)
    intro: Path
    outro: Path
    music: Path | None = None
    size: tuple[int, int]
    crossfade: float = Field(0.5, ge=0)
    card_seconds: float = Field(1.0, gt=0)
    music_volume: float = Field(0.7, ge=0, le=1)
    crf: int = 23
    preset: str = "medium"
    max_bytes: int = 20_000_000


class Rendered(Value):
    """The finished file, and the ffmpeg arguments that make it again."""

    path: Path
    frames: int
    seconds: float
    width: int
    height: int
    size_bytes: int
    arguments: tuple[str, ...]


class Timing(Value):
    """The cut in whole frames: of each clip, of each joint, of a card, of all."""

    clips: tuple[int, ...]
    fades: tuple[int, ...]
    card: int

    @property
    def total(self) -> int:
        """Frames of the finished ad."""
        return 2 * self.card + sum(self.clips) - sum(self.fades)


class _Ended(NamedTuple):
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
    arguments = [*_local(path, AUDIO_FORMATS), "-map", "0:V:0?", "-map", "0:a:0?"]
    ended = _run([*arguments, "-c", "copy", "-f", "framecrc", "-"], LOOK_LIMIT_S)
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
    source = _local(path, VIDEO_FORMATS)
    sink = ["-map", "0:V:0", "-fps_mode", "passthrough", "-f", "null", "-progress", "pipe:1", "-"]
    ended = _run(["-loglevel", "error", "-xerror", *source, *sink], LOOK_LIMIT_S)
    frames = _last_number("frame", ended.out)
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
    source = _local(path, AUDIO_FORMATS)
    sink = ["-map", "0:a:0", "-f", "null", "-progress", "pipe:1", "-"]
    ended = _run(["-loglevel", "error", *source, *sink], LOOK_LIMIT_S)
    if ended.code:
        log.warning("cannot decode %s: %s", path, ended.errors[-1000:])
        raise CompositionFailed("The music file cannot be played.")
    return _last_number("out_time_us", ended.out) / 1_000_000


def poster(video: Path, at: float, out: Path, width: int = 640) -> Path:
    """One frame of `video`, `at` seconds from its start, as a JPEG at most `width` wide."""
    media = probe(video, role="The video")
    if not media.has_video:
        raise CompositionFailed("The video has no picture.")
    last = media.seconds - 1 / (media.fps or FPS)
    scale = f"scale=w='min({width},iw)':h=-2:reset_sar=1:out_range=pc,format=yuv420p"
    with _part(out) as part:
        seek = ["-ss", f"{min(max(at, 0), max(last, 0)):.6f}", *_local(video, VIDEO_FORMATS)]
        still = ["-map", "0:V:0", "-frames:v", "1", "-update", "1", "-vf", scale, "-q:v", "3"]
        plain = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
        target = ["-f", "image2", "-c:v", "mjpeg", "-y", f"file:{part}"]
        ended = _run(["-loglevel", "error", *seek, *still, *plain, *target], LOOK_LIMIT_S)
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


# ---- the cut


def compose(
    cut: Cut,
    out: Path,
    *,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> Rendered:
    """Cut the ad into `out`; the file appears whole or not at all.

    Seconds are 1 + the clips' sum - 0.5 for each joint + 1, within half a frame. Where a clip
    is too short to be faded at both ends without losing all its own frames, that joint's fade
    is shortened, down to a plain cut, so that no clip is lost; the ad is then longer by that.
    """
    media = [_look(clip, f"Clip {i}") for i, clip in enumerate(cut.clips, start=1)]
    music = cut.music and _look_at_music(cut.music)
    timing = plan(
        [m.seconds for m in media], crossfade=cut.crossfade, card_seconds=cut.card_seconds
    )
    graph = build_graph(cut, timing, [m.hdr for m in media])
    out = out.resolve()
    with _part(out) as part, NamedTemporaryFile("w", suffix=".txt") as script:
        script.write(graph)
        script.flush()
        for crf in (cut.crf, *(c for c in SMALLER_CRF if c > cut.crf)):
            inputs, encoding = _inputs(cut, music), _encoding(cut, timing, crf)
            follow = _Follower(timing.total, progress, cancelled)
            ended = _run(
                [
                    *["-loglevel", "error", "-progress", "pipe:1", "-stats_period", "0.25", "-y"],
                    *[*inputs, "-/filter_complex", script.name, *encoding, f"file:{part}"],
                ],
                COMPOSE_LIMIT_S,
                follow,
            )
            _verify(part, ended, timing, cut.size)
            if part.stat().st_size < cut.max_bytes:
                break
        else:
            raise CompositionFailed(
                f"The ad does not fit into {cut.max_bytes / 1e6:g} MB. Use fewer or shorter clips."
            )
    progress(1.0)
    return Rendered(
        path=out,
        frames=timing.total,
        seconds=timing.total / FPS,
        width=cut.size[0],
        height=cut.size[1],
        size_bytes=out.stat().st_size,
        arguments=(*inputs, "-filter_complex", graph, *encoding, f"file:{out}"),
    )


def plan(seconds: Sequence[float], *, crossfade: float = 0.5, card_seconds: float = 1.0) -> Timing:
    """Lay clips of these lengths on the frame grid."""
    ends = [round(FPS * sum(seconds[: i + 1])) for i in range(len(seconds))]
    starts = [0, *ends[:-1]]
    # The concat filter cannot tell how long a single frame lasts, and would lose it.
    frames = [max(2, end - start) for start, end in zip(starts, ends, strict=True)]
    fades: list[int] = []
    for i in range(len(frames) - 1):
        # A clip keeps a frame of its own; one in the middle shares the rest between its fades.
        here = frames[i] - 1 - fades[-1] if fades else frames[i] - 1
        inner = i + 2 < len(frames)
        there = (frames[i + 1] - 1) // 2 if inner else frames[i + 1] - 1
        fades.append(max(0, min(round(FPS * crossfade), here, there)))
    return Timing(clips=tuple(frames), fades=tuple(fades), card=round(FPS * card_seconds))


def build_graph(cut: Cut, timing: Timing, hdr: Sequence[bool]) -> str:
    """The filter graph, from `[0:V:0]...` to `[vout]` and `[aout]`."""
    wide, high = cut.size
    clips = len(cut.clips)
    # `settb` before `setpts` before `trim`: else a card of PNG has 36 frames, not 30.
    grid = f"settb=1/{FPS},setpts=N"
    steps = [
        f"[{i}:V:0]{_tonemap(hdr[i])}"
        f"scale={wide}:{high}:force_original_aspect_ratio=decrease:force_divisible_by=2"
        f":flags=bicubic:{_COLOUR}:reset_sar=1,"
        f"pad={wide}:{high}:-1:-1:black,setsar=1,format=yuv420p,setpts=PTS-STARTPTS,fps={FPS},"
        f"tpad=stop=-1:stop_mode=clone,trim=end_frame={frames},{grid}[v{i}]"
        for i, frames in enumerate(timing.clips)
    ]
    steps += _joints(timing)
    steps += [
        f"[{clips + i}:v:0]scale={wide}:{high}:{_COLOUR},format=yuv420p,setsar=1,"
        f"loop=loop={timing.card - 1}:size=1,{grid},trim=end_frame={timing.card}[{name}]"
        for i, name in enumerate(("intro", "outro"))
    ]
    steps.append(f"[intro][body][outro]concat=n=3:v=1:a=0,fps={FPS},{_TAGS}[vout]")
    steps.append(_sound(cut, timing, clips + 2))
    return ";\n".join(steps)


_COLOUR = "out_range=tv:out_color_matrix=bt709"
# The encoder takes its tags from the frames; its own options fill in the matrix only.
_TAGS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"


def _tonemap(hdr: bool) -> str:
    return (
        # zscale finds no way from a picture that keeps its primaries or matrix to itself.
        "setparams=color_primaries=bt2020:colorspace=bt2020nc,"
        "zscale=t=linear:npl=100,format=gbrpf32le,tonemap=hable:desat=0,"
        "zscale=p=bt709:t=bt709:m=bt709:r=tv,format=yuv420p,"
        if hdr
        else ""
    )


def _joints(timing: Timing) -> Iterator[str]:
    shown, before = timing.clips[0], "v0"
    for i, fade in enumerate(timing.fades, start=1):
        if fade:
            start = f"{(shown - fade) / FPS:.6f}"
            joint = f"xfade=transition=fade:duration={fade / FPS:.6f}:offset={start}"
        else:
            joint = f"concat=n=2:v=1:a=0,settb=1/{FPS}"
        yield f"[{before}][v{i}]{joint}[x{i}]"
        shown, before = shown + timing.clips[i] - fade, f"x{i}"
    yield f"[{before}]null[body]"


def _sound(cut: Cut, timing: Timing, source: int) -> str:
    seconds = timing.total / FPS
    if cut.music is None:
        return f"anullsrc=r=48000:cl=stereo,atrim=end={seconds:.6f}[aout]"
    return (
        f"[{source}:a:0]aresample=48000,aformat=sample_fmts=fltp:channel_layouts=stereo,"
        f"aloop=loop=-1:size=2000000000,atrim=end={seconds:.6f},asetpts=PTS-STARTPTS,"
        f"volume={cut.music_volume},afade=t=in:d=1,"
        f"afade=t=out:st={max(0.0, seconds - 1.5):.6f}:d=1.5[aout]"
    )


def _look(clip: Path, role: str) -> Media:
    media = probe(clip, role=role)
    if not media.has_video or media.seconds <= 0:
        raise CompositionFailed(f"{role} has no picture.")
    return media


def _look_at_music(music: Path) -> Path:
    if not probe(music, role="The music file").has_audio:
        raise CompositionFailed("The music file has no sound in it.")
    return music


def _inputs(cut: Cut, music: Path | None) -> list[str]:
    arguments: list[str] = []
    for clip in cut.clips:
        arguments += _local(clip, VIDEO_FORMATS)
    for card in (cut.intro, cut.outro):
        # Named outright: by its name alone, a path with a % in it is a pattern of many files.
        arguments += ["-f", "png_pipe", *_local(card, "png_pipe")]
    return arguments + (_local(music, AUDIO_FORMATS) if music else [])


def _encoding(cut: Cut, timing: Timing, crf: int) -> list[str]:
    rate = str(_video_bits(cut.max_bytes, timing.total / FPS))
    return [
        *["-map", "[vout]", "-map", "[aout]", "-map_metadata", "-1", "-map_chapters", "-1"],
        *["-c:v", "libx264", "-preset", cut.preset, "-crf", str(crf)],
        *["-maxrate", rate, "-bufsize", rate, "-pix_fmt", "yuv420p", "-color_range", "tv"],
        *["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"],
        *["-c:a", "aac", "-b:a", str(AUDIO_BITS), "-ar", "48000", "-ac", "2"],
        *["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"],
        *["-movflags", "+faststart", "-f", "mp4"],
    ]


def _video_bits(max_bytes: int, seconds: float) -> int:
    """The rate at which a buffer of one second keeps the file below `max_bytes` in one pass."""
    room = max_bytes * 8 * 0.985 - AUDIO_BITS * 1.05 * seconds
    rate = int(room / (seconds + 0.9))
    if rate < MIN_VIDEO_BITS:
        raise CompositionFailed(
            f"The ad would last {seconds:.0f} seconds and not fit into {max_bytes / 1e6:g} MB. "
            "Use fewer or shorter clips."
        )
    return min(rate, MAX_VIDEO_BITS)


def _verify(part: Path, ended: _Ended, timing: Timing, size: tuple[int, int]) -> None:
    if ended.code:
        log.error("ffmpeg ended with %d: %s", ended.code, ended.errors[-4000:])
        raise CompositionFailed("The ad could not be cut from these clips. Try other clips.")
    made = probe(part, role="The finished ad")
    if (made.frames, made.width, made.height) != (timing.total, *size) or not made.has_audio:
        log.error("wanted %s %s, got %s: %s", timing, size, made, ended.errors[-4000:])
        raise CompositionFailed(
            f"The ad came out wrong ({made.frames} frames instead of {timing.total}). Try again."
        )


# ---- running ffmpeg


class _Follower:
    """Reads ffmpeg's progress: passes it on, stops a run nobody wants or that hangs."""

    def __init__(
        self, total: int, progress: Callable[[float], None], cancelled: Callable[[], bool]
    ) -> None:
        self.total, self.progress, self.cancelled = total, progress, cancelled
        self.seen: tuple[int, ...] = ()
        self.moved = time.monotonic()

    def __call__(self, text: str) -> None:
        if self.cancelled():
            raise Cancelled("The cut was stopped.")
        seen = tuple(_last_number(key, text) for key in ("frame", "out_time_us", "total_size"))
        if seen != self.seen:
            if seen[:1] != self.seen[:1]:
                self.progress(min(1.0, seen[0] / self.total))
            self.seen, self.moved = seen, time.monotonic()
        elif time.monotonic() - self.moved > STALL_S:
            raise CompositionFailed("The cut stood still and was stopped. Try again.")


def _local(path: Path, formats: str) -> list[str]:
    """An input that may open nothing but this one file: no playlist, no address."""
    only = ["-protocol_whitelist", "file,pipe", "-format_whitelist", formats]
    return [*only, "-i", f"file:{path.resolve()}"]


@contextmanager
def _part(out: Path) -> Iterator[Path]:
    """A name to write to: it becomes `out` when all went well and is gone when not."""
    part = out.with_name(out.name + ".part")
    try:
        yield part
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _run(
    arguments: Sequence[str],
    limit_s: float,
    follow: Callable[[str], None] = lambda _: None,
) -> _Ended:
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
        return _Ended(process.returncode, _text(out.fileno()), _text(errors.fileno()))


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


def _last_number(key: str, text: str) -> int:
    found = re.findall(rf"^{key}=\s*(\d+)\s*$", text, re.MULTILINE)
    return int(found[-1]) if found else 0
