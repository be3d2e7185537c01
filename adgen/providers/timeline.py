"""The film in whole frames, 30 a second: how long each part is, and where it may be cut apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

from adgen.domain import Value
from adgen.providers.ffmpeg import FPS

# Shorter parts share out better among cores, and each decodes its clip from the start again.
# Fixed, as the bytes depend on it.
LONGEST = 120
# How long the lower third takes to come and to go.
STRIP_FADE = 8
# A lower third shorter than this is not read.
STRIP_LEAST = 15


class Timing(Value):
    """The cut in whole frames: of each clip, of each joint, of a card, of all."""

    clips: tuple[int, ...]
    fades: tuple[int, ...]
    card: int

    @property
    def total(self) -> int:
        """Frames of the finished ad."""
        return 2 * self.card + self.between

    @property
    def between(self) -> int:
        """Frames from the end of the intro card to the start of the outro card."""
        return sum(self.clips) - sum(self.fades)

    @property
    def starts(self) -> tuple[int, ...]:
        """The frame at which each clip begins, counted from the end of the intro card."""
        found = [0]
        for frames, fade in zip(self.clips, self.fades, strict=False):
            found.append(found[-1] + frames - fade)
        return tuple(found)


class Over(Value):
    """The lower third lies over a part; it fades in or out over so many of its frames."""

    fade_in: int = 0
    fade_out: int = 0


class Span(Value):
    """A part of the film that is encoded by itself.

    `clip` counts from 0 and `first` is the clip's frame the part begins with; a joint goes from
    there into the first frames of the next clip. `at` is the part's place in the film.
    """

    kind: Literal["intro", "clip", "joint", "outro"]
    at: int
    frames: int
    clip: int = 0
    first: int = 0
    strip: Over | None = None


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
    return Timing(clips=tuple(frames), fades=tuple(fades), card=max(1, round(FPS * card_seconds)))


def strip_frames(timing: Timing, start: float, seconds: float) -> tuple[int, int]:
    """First frame of a lower third and the one after its last; the intro card ends at frame 0.

    `start` and `seconds` are what was asked for. It stays between the cards, and one that
    would begin after them comes at their end. A side that would fall into a crossfade moves to
    the crossfade's nearest side, so that the crossfade is either under it or not.
    """
    length = max(1, round(FPS * seconds))
    first = max(0, min(round(FPS * start), timing.between - min(length, STRIP_LEAST)))
    end = min(first + length, timing.between)
    for start_of_next, fade in zip(timing.starts[1:], timing.fades, strict=True):
        left, right = start_of_next, start_of_next + fade
        if left <= first and end <= right:
            return left, right
        first, end = _aside(first, left, right), _aside(end, left, right)
    return first, end


def _aside(frame: int, left: int, right: int) -> int:
    if not left < frame < right:
        return frame
    return left if frame - left <= right - frame else right


def lay_out(timing: Timing, strip: tuple[int, int] | None = None) -> tuple[Span, ...]:
    """The parts of the film in order; `strip` as `strip_frames` gives it."""
    card, end = timing.card, timing.card + timing.between
    spans = [Span(kind="intro", at=0, frames=card)]
    spans += _between(timing, strip or (0, 0))
    spans.append(Span(kind="outro", at=end, frames=card))
    return tuple(_covered(spans, card, strip)) if strip else tuple(spans)


def _between(timing: Timing, strip: tuple[int, int]) -> Iterator[Span]:
    before = (0, *timing.fades)
    after = (*timing.fades, 0)
    for i, (start, frames) in enumerate(zip(timing.starts, timing.clips, strict=True)):
        left, right = start + before[i], start + frames - after[i]
        for a, b in _parts(left, right, strip):
            yield Span(kind="clip", at=timing.card + a, frames=b - a, clip=i, first=a - start)
        if after[i]:
            at = timing.card + right
            yield Span(kind="joint", at=at, frames=after[i], clip=i, first=right - start)


def _parts(left: int, right: int, cuts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """From `left` to `right`, cut apart at `cuts` and into equal parts that are not too long."""
    edges = [left, *(c for c in sorted(cuts) if left < c < right), right]
    for a, b in pairwise(edges):
        count = -(-(b - a) // LONGEST)
        marks = [a + (b - a) * k // count for k in range(count + 1)]
        yield from pairwise(marks)


def _covered(spans: Sequence[Span], card: int, strip: tuple[int, int]) -> Iterator[Span]:
    first, end = strip[0] + card, strip[1] + card
    for span in spans:
        if not (first <= span.at and span.at + span.frames <= end):
            yield span
            continue
        comes, goes = span.at == first, span.at + span.frames == end
        longest = min(STRIP_FADE, span.frames // 2 if comes and goes else span.frames)
        over = Over(fade_in=longest * comes, fade_out=longest * goes)
        yield span.model_copy(update={"strip": over})
