"""The cut: cards, clips and music become one film.

The cut is one graph, in whole frames at 30 a second. Its length follows the clips: cards of one
second, the clips' own seconds, less one crossfade a joint, right to half a frame. Each clip gets
the frames between two rounded points of the running sum, so rounding never adds up.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from pydantic import Field

from adgen.domain import Value
from adgen.errors import Cancelled, CompositionFailed
from adgen.providers.ffmpeg import (
    AUDIO_FORMATS,
    FPS,
    VIDEO_FORMATS,
    Ended,
    Media,
    last_number,
    local,
    part_file,
    probe,
    run,
)

STALL_S = 60.0
COMPOSE_LIMIT_S = 1800.0

AUDIO_BITS = 192_000
# A player that follows level 4.0 may refuse more; crf 23 seldom wants a half of it.
MAX_VIDEO_BITS = 20_000_000
# Below this a full HD picture falls apart: better said than shown.
MIN_VIDEO_BITS = 250_000
SMALLER_CRF = (25, 28)

log = logging.getLogger(__name__)


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
    with part_file(out) as part, NamedTemporaryFile("w", suffix=".txt") as script:
        script.write(graph)
        script.flush()
        for crf in (cut.crf, *(c for c in SMALLER_CRF if c > cut.crf)):
            inputs, encoding = _inputs(cut, music), _encoding(cut, timing, crf)
            follow = _Follower(timing.total, progress, cancelled)
            ended = run(
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
        arguments += local(clip, VIDEO_FORMATS)
    for card in (cut.intro, cut.outro):
        # Named outright: by its name alone, a path with a % in it is a pattern of many files.
        arguments += ["-f", "png_pipe", *local(card, "png_pipe")]
    return arguments + (local(music, AUDIO_FORMATS) if music else [])


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


def _verify(part: Path, ended: Ended, timing: Timing, size: tuple[int, int]) -> None:
    if ended.code:
        log.error("ffmpeg ended with %d: %s", ended.code, ended.errors[-4000:])
        raise CompositionFailed("The ad could not be cut from these clips. Try other clips.")
    made = probe(part, role="The finished ad")
    if (made.frames, made.width, made.height) != (timing.total, *size) or not made.has_audio:
        log.error("wanted %s %s, got %s: %s", timing, size, made, ended.errors[-4000:])
        raise CompositionFailed(
            f"The ad came out wrong ({made.frames} frames instead of {timing.total}). Try again."
        )


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
        seen = tuple(last_number(key, text) for key in ("frame", "out_time_us", "total_size"))
        if seen != self.seen:
            if seen[:1] != self.seen[:1]:
                self.progress(min(1.0, seen[0] / self.total))
            self.seen, self.moved = seen, time.monotonic()
        elif time.monotonic() - self.moved > STALL_S:
            raise CompositionFailed("The cut stood still and was stopped. Try again.")
