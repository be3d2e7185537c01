"""Filter graphs of the film: a clip, a card, a joint, the lower third, the sound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adgen.domain import Fill, Value
from adgen.providers.ffmpeg import FPS, Media
from adgen.providers.timeline import Over, Timing

# Above this a clip moves well enough, and interpolation only adds faults.
SMOOTH_BELOW_FPS = 15
# Interpolation looks two frames back and two ahead; of fewer it makes nothing.
SMOOTH_LEAST_FRAMES = 5
# The clips' own sound stays behind the music, and is as it is without.
CLIP_VOLUME = 0.35
RATE = 48_000
SAMPLES = RATE // FPS

COLOUR = "out_range=tv:out_color_matrix=bt709"
# The encoder takes its tags from the frames; its own options fill in the matrix only.
TAGS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
# `settb` before `setpts` before `trim`: else a card of PNG has 36 frames, not 30.
GRID = f"settb=1/{FPS},setpts=N"
STEREO = f"aresample={RATE}:first_pts=0,aformat=sample_fmts=fltp:channel_layouts=stereo"


class Source(Value):
    """What a graph must know of a clip.

    It wants tone-mapping (`hdr`), interpolation (`smooth`), something beside it (`bare`); or it
    has fewer frames than are shown of it (`slow`).
    """

    hdr: bool = False
    smooth: bool = False
    bare: bool = False
    slow: bool = False


def source_of(media: Media, size: tuple[int, int], *, smooth: bool) -> Source:
    """How a clip is to be treated in a film of this size, pixels."""
    slow = 0 < media.fps <= SMOOTH_BELOW_FPS
    smooth = smooth and slow and media.frames >= SMOOTH_LEAST_FRAMES
    wide = max(1.0, media.width * media.pixel_aspect)
    factor = min(size[0] / wide, size[1] / max(1, media.height))
    # A row or two beside the picture is no reason to fill it.
    bare = max(size[0] - wide * factor, size[1] - media.height * factor) > 2
    return Source(hdr=media.hdr, smooth=smooth, bare=bare, slow=slow and not smooth)


def smoothed(source: Source) -> str:
    """Chain from a clip as it is to the same clip at 30 frames a second, in between as it moves."""
    return (
        f"{_tonemap(source.hdr)}setpts=PTS-STARTPTS,"
        f"scale=trunc(iw/2)*2:trunc(ih/2)*2:{COLOUR},format=yuv420p,{TAGS},"
        f"minterpolate=fps={FPS}:mi_mode=mci"
    )


def clip(
    pad: str, name: str, source: Source, part: tuple[int, int], size: tuple[int, int], fill: Fill
) -> Iterator[str]:
    """From input pad `pad` to `[name]`: the clip's frames from `part[0]` up to `part[1]`.

    They begin at time 0 and are as many as asked for, the last one repeated where it must be.
    """
    head = smoothed(source) if source.smooth else f"{_tonemap(source.hdr)}setpts=PTS-STARTPTS"
    frames = (
        f"fps={FPS},tpad=stop=-1:stop_mode=clone,trim=start_frame={part[0]}:end_frame={part[1]}"
    )
    # The result is the same; scaled is what there is less of.
    head, tail = (head, f"{frames},{GRID}") if source.slow else (f"{head},{frames}", GRID)
    wide, high = size
    shrunk = (
        f"scale={wide}:{high}:force_original_aspect_ratio=decrease:force_divisible_by=2"
        f":flags=bicubic:{COLOUR}:reset_sar=1"
    )
    if fill is Fill.PAD or not source.bare:
        yield (
            f"[{pad}]{head},{shrunk},pad={wide}:{high}:-1:-1:black,setsar=1,format=yuv420p,"
            f"{tail}[{name}]"
        )
        return
    # Blurred at a tenth of the size: it looks the same and costs next to nothing.
    small = f"{max(2, round(wide / 20) * 2)}:{max(2, round(high / 20) * 2)}"
    yield f"[{pad}]{head},split[{name}a][{name}b]"
    yield (
        f"[{name}a]scale={small}:force_original_aspect_ratio=increase:flags=bilinear:{COLOUR}"
        f":reset_sar=1,crop={small},gblur=sigma=4,eq=brightness=-0.08,"
        f"scale={wide}:{high}:flags=bilinear,setsar=1,format=yuv420p[{name}c]"
    )
    yield f"[{name}b]{shrunk},setsar=1,format=yuv420p[{name}d]"
    yield f"[{name}c][{name}d]overlay=(W-w)/2:(H-h)/2:format=yuv420,{tail}[{name}]"


def card(pad: str, name: str, frames: int, size: tuple[int, int]) -> str:
    """A still picture for so many frames."""
    scale = f"scale={size[0]}:{size[1]}:{COLOUR},format=yuv420p,setsar=1"
    return f"[{pad}]{scale},loop=loop={frames - 1}:size=1,{GRID},trim=end_frame={frames}[{name}]"


def joint(one: str, other: str, name: str, kind: str, frames: int, at: int) -> str:
    """`[one]` gives way to `[other]` within so many frames, from frame `at` on."""
    if frames == 0:
        return f"[{one}][{other}]concat=n=2:v=1:a=0,settb=1/{FPS}[{name}]"
    lasts, begins = f"{frames / FPS:.6f}", f"{at / FPS:.6f}"
    return f"[{one}][{other}]xfade=transition={kind}:duration={lasts}:offset={begins}[{name}]"


def strip(
    pad: str,
    under: str,
    name: str,
    place: tuple[int, int],
    shrink: int,
    over: Over,
    part: tuple[int, int],
) -> Iterator[str]:
    """The lower third at `pad` over `[under]`, on its frames from `part[0]` up to `part[1]`.

    `place` is its left and top in pixels; these and its size are divided by `shrink`.
    """
    first, end = part
    frames = end - first
    size = f"iw/{shrink}:ih/{shrink}:" if shrink > 1 else ""
    fades = []
    if over.fade_in:
        fades.append(f"fade=t=in:start_frame=0:nb_frames={over.fade_in}:alpha=1")
    if over.fade_out:
        start = frames - over.fade_out
        fades.append(f"fade=t=out:start_frame={start}:nb_frames={over.fade_out}:alpha=1")
    steps = [
        f"format=rgba,scale={size}{COLOUR},format=yuva420p,loop=loop={frames - 1}:size=1,{GRID}",
        f"trim=end_frame={frames}",
        *fades,
        f"setpts=N+{first}",
    ]
    yield f"[{pad}]{','.join(steps)}[{name}s]"
    corner = f"{place[0] // shrink}:{place[1] // shrink}"
    yield f"[{under}][{name}s]overlay={corner}:format=yuv420:eof_action=pass[{name}]"


def sound(
    timing: Timing,
    *,
    music: str | None,
    clips: Mapping[int, str],
    volume: float,
    loudness: bool,
) -> str:
    """All that is heard, to `[aout]`, exactly as long as the film.

    `music` and the values of `clips` are input pads, its keys the clips they belong to.
    """
    whole = f"apad=whole_len={timing.total * SAMPLES},atrim=end_sample={timing.total * SAMPLES}"
    steps = [_own_sound(timing, i, pad, CLIP_VOLUME if music else 1.0) for i, pad in clips.items()]
    heard = [f"c{i}" for i in clips]
    if music:
        steps.append(_music(timing, music, volume))
        heard.append("music")
    if not heard:
        return f"anullsrc=r={RATE}:cl=stereo,atrim=end_sample={timing.total * SAMPLES}[aout]"
    last = [whole]
    if clips:
        last = ["alimiter=limit=0.95:level=0:latency=1", whole]
    if loudness:
        # It works at 192 kHz and leaves its sound there.
        last += ["loudnorm=I=-14:TP=-1.5:LRA=11", f"aresample={RATE}", whole]
    pads = "".join(f"[{name}]" for name in heard)
    mix = f"amix=inputs={len(heard)}:duration=longest:normalize=0," if len(heard) > 1 else ""
    steps.append(f"{pads}{mix}{','.join(last)}[aout]")
    return ";\n".join(steps)


def _music(timing: Timing, pad: str, volume: float) -> str:
    out = max(0, timing.total * SAMPLES - RATE * 3 // 2)
    return (
        f"[{pad}]{STEREO},aloop=loop=-1:size=2000000000,"
        f"atrim=end_sample={timing.total * SAMPLES},asetpts=PTS-STARTPTS,volume={volume},"
        f"afade=t=in:d=1,afade=t=out:start_sample={out}:nb_samples={RATE * 3 // 2}[music]"
    )


def _own_sound(timing: Timing, i: int, pad: str, volume: float) -> str:
    length = timing.clips[i] * SAMPLES
    fades = (0, *timing.fades, 0)
    steps = [f"[{pad}]{STEREO},apad=whole_len={length},atrim=end_sample={length}"]
    if fades[i]:
        steps.append(f"afade=t=in:start_sample=0:nb_samples={fades[i] * SAMPLES}")
    if fades[i + 1]:
        lasts = fades[i + 1] * SAMPLES
        steps.append(f"afade=t=out:start_sample={length - lasts}:nb_samples={lasts}")
    begins = (timing.card + timing.starts[i]) * SAMPLES
    steps.append(f"volume={volume},adelay=delays={begins}S:all=1[c{i}]")
    return ",".join(steps)


def _tonemap(hdr: bool) -> str:
    return (
        # zscale finds no way from a picture that keeps its primaries or matrix to itself.
        "setparams=color_primaries=bt2020:colorspace=bt2020nc,"
        "zscale=t=linear:npl=100,format=gbrpf32le,tonemap=hable:desat=0,"
        "zscale=p=bt709:t=bt709:m=bt709:r=tv,format=yuv420p,"
        if hdr
        else ""
    )
