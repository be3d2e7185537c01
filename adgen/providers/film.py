"""The cut: cards, clips, lower third and music become one film.

Its length follows the clips: cards of one second, the clips' own seconds, less one crossfade a
joint, right to half a frame. Each clip gets the frames between two rounded points of the running
sum, so rounding never adds up. With a cache the film is encoded in parts (`timeline`, `segments`)
that are kept and joined as they are; without, or where they do not fit together, in one graph.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from pydantic import Field

from adgen import logs
from adgen.domain import CutChoices, Transition, Value
from adgen.errors import CompositionFailed
from adgen.providers import boxes, graphs, segments
from adgen.providers.ffmpeg import (
    AUDIO_FORMATS,
    FPS,
    VIDEO_FORMATS,
    Ended,
    Media,
    is_damaged,
    local,
    part_file,
    probe,
    probe_clip,
    run,
)
from adgen.providers.graphs import Source, source_of
from adgen.providers.segments import LOUD, Follower, Input, Made, Piece, Store, Suspect, piece_of
from adgen.providers.timeline import Over, Span, Timing, lay_out, plan, strip_frames

COMPOSE_LIMIT_S = 1800.0

AUDIO_BITS = 192_000
# A player that follows level 4.0 may refuse more; crf 23 seldom wants a half of it.
MAX_VIDEO_BITS = 20_000_000
# Below this a full HD picture falls apart: better said than shown.
MIN_VIDEO_BITS = 250_000
# Parts are encoded at one of these rates only: were it any rate, a film longer by a frame would
# find none of its parts again.
RATES = tuple(round(8_000_000 / 2 ** (step / 4)) for step in range(21))
PART_BUFFER_S = 0.5
SMALLER_CRF = (25, 28)
# What joining the parts is of the whole work.
JOIN_SHARE = 0.03
# Measured in frames encoded: all of the sound, and interpolating one frame.
SOUND_WORK = 10
SMOOTH_WORK = 1.0

ONE_THREAD = ("-threads", "1")
PLAIN = (
    *("-map_metadata", "-1", "-map_chapters", "-1"),
    *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"),
)
TICKS = ("-video_track_timescale", "15360")
SOUND = ("-c:a", "aac", "-b:a", str(AUDIO_BITS), "-ar", "48000", "-ac", "2")
OURS = "concat,mov,mp4,m4a,3gp,3g2,mj2"

log = logging.getLogger(__name__)


class Strip(Value):
    """The lower third: a PNG with transparency, its corner at `left` and `top` pixels.

    `start` and `seconds` count from the end of the intro card. `shrink` makes all of it so many
    times smaller, for a frame smaller than the one it was drawn for.
    """

    path: Path
    left: int
    top: int
    start: float = Field(ge=0)
    seconds: float = Field(gt=0)
    shrink: int = Field(1, ge=1)


class Cut(Value):
    """All that decides how the finished ad looks. Cards are PNGs at frame size.

    `in_parts` lets a cache be used.
    """

    clips: tuple[Path, ...] = Field(min_length=1)
    intro: Path
    outro: Path
    strip: Strip | None = None
    music: Path | None = None
    size: tuple[int, int]
    choices: CutChoices = CutChoices()
    card_seconds: float = Field(1.0, gt=0)
    crf: int = 23
    preset: str = "medium"
    max_bytes: int = 20_000_000
    in_parts: bool = True

    @property
    def crossfade(self) -> float:
        """Seconds for which two clips are seen together."""
        plain = self.choices.transition is Transition.CUT
        return 0.0 if plain else self.choices.transition_seconds

    @property
    def heard(self) -> Path | None:
        """The music, if any of it is heard."""
        return self.music if self.choices.music_volume > 0 else None


class Rendered(Value):
    """The finished file, and ffmpeg's arguments of each step that make it again, in order.

    `segments` is how many parts the picture has, `encoded` how many of them were made just now.
    """

    path: Path
    frames: int
    seconds: float
    width: int
    height: int
    size_bytes: int
    arguments: tuple[tuple[str, ...], ...]
    segments: int
    encoded: int


def draft_of(cut: Cut) -> Cut:
    """The same cut at a third of the size, made fast; its cards and strip need no redrawing.

    It is made whole: to encode so little costs less than to decode a clip once for each part.
    """
    wide, high = (max(2, round(side / 6) * 2) for side in cut.size)
    strip = cut.strip and cut.strip.model_copy(update={"shrink": cut.strip.shrink * 3})
    small = {"size": (wide, high), "strip": strip, "preset": "ultrafast", "crf": 28}
    return cut.model_copy(update={**small, "in_parts": False})


def compose(
    cut: Cut,
    out: Path,
    *,
    cache: Path | None = None,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> Rendered:
    """Cut the ad into `out`; the file appears whole or not at all.

    Seconds are 1 + the clips' sum - one crossfade for each joint + 1, within half a frame. Where
    a clip is too short to be faded at both ends without losing all its own frames, that joint's
    fade is shortened, down to a plain cut, so that no clip is lost; the ad is then longer by that.

    `cache` is a folder of parts to use and to add to. The same cut gives the same bytes whatever
    it holds, but not the same as without one. CompositionFailed says what is wrong with an input.
    """
    out = out.resolve()
    with part_file(out) as part:
        job = _Job(cut, out, part, _rising(progress), cancelled)
        try:
            made = _from_parts(job, Store(cache)) if cache and cut.in_parts else _whole(job)
        except _Unlike:
            log.exception("%s is made without parts", out.name)
            made = _whole(job)
    progress(1.0)
    return made


class _Job(NamedTuple):
    cut: Cut
    out: Path
    part: Path
    progress: Callable[[float], None]
    cancelled: Callable[[], bool]

    @property
    def qualities(self) -> Iterator[int]:
        """The quality asked for, and what to try when that makes too large a file."""
        yield self.cut.crf
        yield from (crf for crf in SMALLER_CRF if crf > self.cut.crf)
        raise CompositionFailed(
            f"The ad does not fit into {self.cut.max_bytes / 1e6:g} MB. Use fewer or shorter clips."
        )

    @property
    def fits(self) -> bool:
        """Whether what was written is small enough."""
        return self.part.stat().st_size < self.cut.max_bytes

    def rendered(
        self, timing: Timing, steps: Sequence[tuple[str, ...]], parts: int, encoded: int
    ) -> Rendered:
        """What became of it."""
        return Rendered(
            path=self.out,
            frames=timing.total,
            seconds=timing.total / FPS,
            width=self.cut.size[0],
            height=self.cut.size[1],
            size_bytes=self.part.stat().st_size,
            arguments=tuple(steps),
            segments=parts,
            encoded=encoded,
        )


class _Unlike(Exception):
    """The parts need different decoders and cannot follow each other in one file."""


class _Scene(NamedTuple):
    """A clip as the cut sees it."""

    path: Path
    media: Media
    source: Source
    content: str = ""


def _rising(progress: Callable[[float], None]) -> Callable[[float], None]:
    """Progress that never goes back: a second attempt begins again at nothing."""
    highest = 0.0

    def tell(share: float) -> None:
        nonlocal highest
        if share > highest:
            highest = share
            progress(share)

    return tell


def _timing(cut: Cut, scenes: Sequence[_Scene]) -> Timing:
    seconds = [scene.media.seconds for scene in scenes]
    return plan(seconds, crossfade=cut.crossfade, card_seconds=cut.card_seconds)


def _strip_frames(cut: Cut, timing: Timing) -> tuple[int, int] | None:
    strip = cut.strip
    return strip_frames(timing, strip.start, strip.seconds) if strip else None


def _overlay(pad: str, under: str, strip: Strip, over: Over, part: tuple[int, int]) -> list[str]:
    place = (strip.left, strip.top)
    return list(graphs.strip(pad, under, "over", place, strip.shrink, over, part))


def _sound(cut: Cut, timing: Timing, music: str | None, clips: Mapping[int, str]) -> str:
    choices = cut.choices
    return graphs.sound(
        timing, music=music, clips=clips, volume=choices.music_volume, loudness=choices.loudness
    )


def _scene(cut: Cut, path: Path, media: Media, content: str = "") -> _Scene:
    return _Scene(path, media, source_of(media, cut.size, smooth=cut.choices.smooth), content)


def _with_sound(media: Media) -> None:
    if not media.has_audio:
        raise CompositionFailed("The music file has no sound in it.")


def _encoding(cut: Cut, crf: int, rate: int, buffer: float) -> list[str]:
    """How the picture is encoded, alike in every part of a film."""
    return [
        *["-c:v", "libx264", "-preset", cut.preset, "-profile:v", "high", "-level:v", "4.0"],
        *["-crf", str(crf), "-maxrate", str(rate), "-bufsize", str(round(rate * buffer))],
        *["-pix_fmt", "yuv420p", "-color_range", "tv"],
        *["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"],
    ]


# ---- in parts


def _from_parts(job: _Job, store: Store) -> Rendered:
    cut = job.cut
    scenes = _known_scenes(cut, store)
    timing = _timing(cut, scenes)
    spans = lay_out(timing, _strip_frames(cut, timing))
    # Room for the two more that a lower third may make, so that it does not change the others.
    rate = part_bits(cut.max_bytes, timing.total / FPS, len(lay_out(timing)) + 2)
    sound = _sound_piece(cut, store, scenes, timing)
    encoded = 0
    for crf in job.qualities:
        parts = _Parts(cut, store, scenes, _encoding(cut, crf, rate, PART_BUFFER_S))
        pieces = [parts.piece(span) for span in spans]
        made = segments.make(
            store,
            [*pieces, sound],
            limit_s=COMPOSE_LIMIT_S,
            progress=lambda share: job.progress(share * (1 - JOIN_SHARE)),
            cancelled=job.cancelled,
        )
        encoded += sum(made[key].new for key in {piece.key for piece in pieces})
        join = _join(job, store, timing, [made[piece.key] for piece in pieces], made[sound.key])
        if job.fits:
            break
    if encoded:
        store.prune([part.path for part in made.values()])
    needs = [need for piece in pieces for need in piece.needs]
    steps = [(*p.arguments, f"file:{store.path(p.key)}") for p in (*needs, *pieces, sound)]
    return job.rendered(timing, [*steps, join], len(pieces), encoded)


class _Parts:
    """Turns spans of one film into pieces to encode."""

    def __init__(
        self, cut: Cut, store: Store, scenes: Sequence[_Scene], encoding: Sequence[str]
    ) -> None:
        self.cut = cut
        self.encoding = [
            *["-map", "[vout]", *encoding, *ONE_THREAD, "-filter_complex_threads", "1"],
            *["-x264-params", "stitchable=1", *PLAIN, *TICKS, "-f", "mp4"],
        ]
        self.cards = {
            "intro": _still(cut.intro, "The intro card"),
            "outro": _still(cut.outro, "The outro card"),
        }
        self.strip = cut.strip and _still(cut.strip.path, "The lower third")
        self.clips = [
            _prepared(scene, store, f"Clip {i}") for i, scene in enumerate(scenes, start=1)
        ]

    def piece(self, span: Span) -> Piece:
        """The part of the film at `span`."""
        if card := self.cards.get(span.kind):
            used = [_Prepared(card, Source())]
            steps = [graphs.card("0:v:0", "shown", span.frames, self.cut.size)]
        else:
            used, steps = self._moving(span)
        inputs = [u.input for u in used]
        needs = tuple(u.need for u in used if u.need)
        last = "shown"
        if span.strip and self.strip and self.cut.strip:
            pad, part = f"{len(inputs)}:v:0", (0, span.frames)
            inputs.append(self.strip)
            steps += _overlay(pad, last, self.cut.strip, span.strip, part)
            last = "over"
        graph = ";\n".join([*steps, f"[{last}]fps={FPS},{graphs.TAGS}[vout]"])
        role, frames = _role(span), span.frames
        return piece_of(
            inputs,
            graph,
            self.encoding,
            role=role,
            frames=frames,
            work=frames,
            needs=needs,
            suspects=self._suspects(span),
        )

    def _suspects(self, span: Span) -> tuple[Suspect, ...]:
        pair = (span.clip, span.clip + 1) if span.kind == "joint" else ()
        return tuple(Suspect(f"Clip {i + 1}", self.cut.clips[i]) for i in pair)

    def _moving(self, span: Span) -> tuple[list[_Prepared], list[str]]:
        """One clip, or two of which one gives way to the other."""
        begins = {span.clip: span.first}
        if span.kind == "joint":
            begins[span.clip + 1] = 0
        joint, choices = span.kind == "joint", self.cut.choices
        steps: list[str] = []
        for pad, (i, first) in enumerate(begins.items()):
            part, source = (first, first + span.frames), self.clips[i].source
            name = f"v{pad}" if joint else "shown"
            steps += graphs.clip(f"{pad}:V:0", name, source, part, self.cut.size, choices.fill)
        if joint:
            steps.append(graphs.joint("v0", "v1", "shown", choices.transition, span.frames, 0))
        return [self.clips[i] for i in begins], steps


class _Prepared(NamedTuple):
    """A clip as the parts read it: as it is, or interpolated once and kept for all of them."""

    input: Input
    source: Source
    need: Piece | None = None


def _prepared(scene: _Scene, store: Store, role: str) -> _Prepared:
    as_it_is = Input(scene.path, VIDEO_FORMATS, scene.content, ONE_THREAD)
    if not scene.source.smooth:
        return _Prepared(as_it_is, scene.source)
    graph = f"[0:V:0]{graphs.smoothed(scene.source)}[vout]"
    lossless = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0"]
    encoding = ["-map", "[vout]", *lossless, *ONE_THREAD, *PLAIN, "-f", "mp4"]
    work = round(scene.media.seconds * FPS * SMOOTH_WORK)
    need = piece_of([as_it_is], graph, encoding, role=role, frames=0, work=work)
    kept = Input(store.path(need.key), VIDEO_FORMATS, need.key, ONE_THREAD)
    return _Prepared(kept, Source(bare=scene.source.bare), need)


def _role(span: Span) -> str:
    if span.kind == "joint":
        return f"Clip {span.clip + 1} or {span.clip + 2}"
    return f"Clip {span.clip + 1}" if span.kind == "clip" else f"The {span.kind} card"


def _known_scenes(cut: Cut, store: Store) -> list[_Scene]:
    """Look at the clips, several at once: most of it is waiting."""
    roles = [f"Clip {i}" for i in range(1, len(cut.clips) + 1)]
    with ThreadPoolExecutor(segments.cores(), initializer=logs.carried()) as pool:
        looks = [*pool.map(lambda path, role: store.look(path, role, probe_clip), cut.clips, roles)]
    return [
        _scene(cut, path, media, content)
        for path, (content, media) in zip(cut.clips, looks, strict=True)
    ]


def _still(path: Path, role: str) -> Input:
    # Named outright: by its name alone, a path with a % in it is a pattern of many files.
    return Input(path, "png_pipe", segments.content_of(path, role), ("-f", "png_pipe"))


def _sound_piece(cut: Cut, store: Store, scenes: Sequence[_Scene], timing: Timing) -> Piece:
    inputs: list[Input] = []
    voices: dict[int, str] = {}
    for i, scene in enumerate(scenes):
        if cut.choices.clip_audio and scene.media.has_audio:
            voices[i] = f"{len(inputs)}:a:0"
            inputs.append(Input(scene.path, VIDEO_FORMATS, scene.content))
    music = None
    if cut.heard:
        content, media = store.look(cut.heard, "The music file", probe)
        _with_sound(media)
        music = f"{len(inputs)}:a:0"
        inputs.append(Input(cut.heard, AUDIO_FORMATS, content))
    graph = _sound(cut, timing, music, voices)
    encoding = ["-map", "[aout]", *SOUND, *PLAIN, "-f", "mp4"]
    return piece_of(inputs, graph, encoding, role="The sound", frames=0, work=SOUND_WORK)


def _join(
    job: _Job, store: Store, timing: Timing, parts: Sequence[Made], sound: Made
) -> tuple[str, ...]:
    """Put the parts behind each other as they are, the sound beside them."""
    if len({part.track.decoder for part in parts}) > 1:
        raise _Unlike
    listed = store.list_of([part.path for part in parts], [len(p.track.decoded) for p in parts])
    arguments = [
        # Not converted: the parts are alike, and one description stands for all.
        *["-f", "concat", "-auto_convert", "0", *local(listed, OURS), *local(sound.path, OURS)],
        *["-map", "0:v:0", "-map", "1:a:0", "-c", "copy", *PLAIN, *TICKS],
        *["-movflags", "+faststart", "-f", "mp4"],
    ]
    follow = Follower(lambda _: None, job.cancelled)
    _verify(job, run([*LOUD, *arguments, f"file:{job.part}"], COMPOSE_LIMIT_S, follow), timing)
    return (*arguments, f"file:{job.out}")


def part_bits(max_bytes: int, seconds: float, parts: int) -> int:
    """The highest of `RATES` that keeps the film below `max_bytes` whatever is in it.

    Each part begins with its buffer nine tenths full, and may spend that on top of its rate.
    """
    spread = seconds + 0.9 * PART_BUFFER_S * parts
    rate = _room(max_bytes, seconds) / spread
    if rate < MIN_VIDEO_BITS:
        raise _never_fits(max_bytes, seconds)
    return next(rung for rung in RATES if rung <= rate)


# ---- in one graph


def _whole(job: _Job) -> Rendered:
    cut = job.cut
    scenes = [
        _scene(cut, path, probe_clip(path, role=f"Clip {i}"))
        for i, path in enumerate(cut.clips, start=1)
    ]
    if cut.heard:
        _with_sound(probe(cut.heard, role="The music file"))
    timing = _timing(cut, scenes)
    graph, inputs = _whole_graph(cut, scenes, timing), _whole_inputs(cut, scenes)
    rate = whole_bits(cut.max_bytes, timing.total / FPS)
    with NamedTemporaryFile("w", suffix=".txt") as script:
        script.write(graph)
        script.flush()
        for crf in job.qualities:
            encoding = [
                *["-map", "[vout]", "-map", "[aout]", *_encoding(cut, crf, rate, 1.0), *SOUND],
                *[*PLAIN, "-movflags", "+faststart", "-f", "mp4"],
            ]
            follow = Follower(lambda done: job.progress(done / timing.total), job.cancelled)
            words = [*LOUD, *inputs, "-/filter_complex", script.name, *encoding]
            _verify(job, run([*words, f"file:{job.part}"], COMPOSE_LIMIT_S, follow), timing)
            if job.fits:
                break
    step = (*inputs, "-filter_complex", graph, *encoding, f"file:{job.out}")
    return job.rendered(timing, [step], parts=1, encoded=1)


def _whole_inputs(cut: Cut, scenes: Sequence[_Scene]) -> list[str]:
    words = [word for scene in scenes for word in local(scene.path, VIDEO_FORMATS)]
    for still in (cut.intro, cut.outro, *([cut.strip.path] if cut.strip else [])):
        words += ["-f", "png_pipe", *local(still, "png_pipe")]
    return words + (local(cut.heard, AUDIO_FORMATS) if cut.heard else [])


def _whole_graph(cut: Cut, scenes: Sequence[_Scene], timing: Timing) -> str:
    """The filter graph, from `[0:V:0]...` to `[vout]` and `[aout]`."""
    count = len(scenes)
    steps: list[str] = []
    for i, (scene, frames) in enumerate(zip(scenes, timing.clips, strict=True)):
        fill = cut.choices.fill
        steps += graphs.clip(f"{i}:V:0", f"v{i}", scene.source, (0, frames), cut.size, fill)
    last = "v0"
    for i, (at, fade) in enumerate(zip(timing.starts[1:], timing.fades, strict=True), start=1):
        steps.append(graphs.joint(last, f"v{i}", f"x{i}", cut.choices.transition, fade, at))
        last = f"x{i}"
    if cut.strip and (part := _strip_frames(cut, timing)):
        spans = [span for span in lay_out(timing, part) if span.strip]
        over = Over(
            fade_in=max(span.strip.fade_in for span in spans if span.strip),
            fade_out=max(span.strip.fade_out for span in spans if span.strip),
        )
        steps += _overlay(f"{count + 2}:v:0", last, cut.strip, over, part)
        last = "over"
    steps += [
        graphs.card(f"{count + i}:v:0", name, timing.card, cut.size)
        for i, name in enumerate(("intro", "outro"))
    ]
    steps.append(f"[intro][{last}][outro]concat=n=3:v=1:a=0,fps={FPS},{graphs.TAGS}[vout]")
    music = f"{count + 2 + bool(cut.strip)}:a:0" if cut.heard else None
    spoken = enumerate(scenes) if cut.choices.clip_audio else ()
    voices = {i: f"{i}:a:0" for i, scene in spoken if scene.media.has_audio}
    steps.append(_sound(cut, timing, music, voices))
    return ";\n".join(steps)


def whole_bits(max_bytes: int, seconds: float) -> int:
    """The rate at which a buffer of one second keeps the file below `max_bytes` in one pass."""
    rate = int(_room(max_bytes, seconds) / (seconds + 0.9))
    if rate < MIN_VIDEO_BITS:
        raise _never_fits(max_bytes, seconds)
    return min(rate, MAX_VIDEO_BITS)


# ---- in both


def _room(max_bytes: int, seconds: float) -> float:
    """Bits left for the picture, beside the sound and the boxes of the file."""
    return max_bytes * 8 * 0.985 - AUDIO_BITS * 1.05 * seconds


def _never_fits(max_bytes: int, seconds: float) -> CompositionFailed:
    return CompositionFailed(
        f"The ad would last {seconds:.0f} seconds and not fit into {max_bytes / 1e6:g} MB. "
        "Use fewer or shorter clips."
    )


def _verify(job: _Job, ended: Ended, timing: Timing) -> None:
    """CompositionFailed unless the file is what was planned, to the tick."""
    if ended.code or is_damaged(ended.errors):
        log.error("ffmpeg ended with %d: %s", ended.code, ended.errors[-4000:])
        raise CompositionFailed("The ad could not be cut from these clips. Try other clips.")
    fault = _fault(job.part.read_bytes(), timing.total, job.cut.size)
    if fault:
        log.error("wanted %s %s: %s: %s", timing, job.cut.size, fault, ended.errors[-4000:])
        raise CompositionFailed(f"The ad came out wrong ({fault}). Try again.")


def _fault(data: bytes, frames: int, size: tuple[int, int]) -> str:
    """What is wrong with a finished film; empty when nothing is."""
    try:
        picture, sound = sorted(boxes.tracks(data), key=lambda track: track.kind, reverse=True)
    except ValueError as why:
        return f"not a film: {why}"
    if (picture.kind, sound.kind) != ("vide", "soun") or (picture.width, picture.height) != size:
        return f"{picture.kind} {picture.width}x{picture.height} and {sound.kind}"
    if len(picture.decoded) != frames:
        return f"{len(picture.decoded)} frames instead of {frames}"
    step = picture.scale / FPS
    uneven = [b - a for a, b in pairwise(sorted(picture.shown)) if b - a != step]
    if uneven or any(a >= b for a, b in pairwise(picture.decoded)):
        return "frames out of time"
    # Sound begins with a block that is never heard.
    if abs(sound.ticks / sound.scale - frames / FPS) > 2 / FPS:
        return f"{sound.ticks / sound.scale:.3f} seconds of sound"
    return ""
