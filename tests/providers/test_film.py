"""The cut, made by the real ffmpeg from small generated clips: whole, and from kept parts."""

from __future__ import annotations

import hashlib
import random
import re
import struct
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from PIL import Image

from adgen.config import settings
from adgen.domain import CutChoices, Fill, Transition
from adgen.errors import Cancelled, CompositionFailed
from adgen.providers import boxes, ffmpeg, film, graphs, segments
from adgen.providers.film import Cut, Rendered, Strip
from adgen.providers.timeline import LONGEST, Span, Timing, lay_out, plan, strip_frames
from tests.film import make_clip, run

SMALL = (320, 180)
SECONDS = {"model": 3.125, "usual": 2.5}


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip as the model makes it (25 frames at 8 a second), usual ones, music, cards, a strip."""
    folder = tmp_path_factory.mktemp("media")
    make_clip(folder / "model.mp4", "testsrc2=s=256x144:r=8", "-frames:v", "25")
    make_clip(folder / "usual.mp4", "testsrc2=s=320x180:r=30:d=2.5")
    make_clip(folder / "other.mp4", "smptebars=s=320x180:r=30:d=2.5")
    make_clip(folder / "third.mp4", "mandelbrot=s=320x180:r=24,trim=duration=2.5")
    make_clip(folder / "tall.mp4", "color=red:s=180x320:r=30:d=1")
    make_clip(folder / "wide.mp4", "color=red:s=320x180:r=30:d=1")
    make_clip(folder / "short.mp4", "testsrc2=s=320x180:r=30:d=0.5")
    make_clip(folder / "one.mp4", "testsrc2=s=320x180:r=24", "-frames:v", "1")
    tone = ["-f", "lavfi", "-i", "sine=f=880:d=2.5"]
    run("-i", str(folder / "usual.mp4"), *tone, "-c:v", "copy", str(folder / "voice.mp4"))
    for pitch in (440, 660):
        run("-f", "lavfi", "-i", f"sine=f={pitch}:d=3", str(folder / f"music{pitch}.mp3"))
    for name, colour in (("card", "black"), ("white", "white")):
        Image.new("RGB", SMALL, colour).save(folder / f"{name}.png")
    Image.new("RGBA", (120, 24), "lime").save(folder / "strip.png")
    return folder


def cut_of(media: Path, *names: str, **options: object) -> Cut:
    card = media / "card.png"
    clips = tuple(media / f"{name}.mp4" for name in names)
    base = {"clips": clips, "intro": card, "outro": card, "size": SMALL, "preset": "ultrafast"}
    return Cut.model_validate({**base, **options})


def make(
    cut: Cut,
    out: Path,
    cache: Path | None = None,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Rendered:
    return film.compose(cut, out, cache=cache, progress=progress, cancelled=cancelled)


def strip_of(media: Path, start: float = 0.5, seconds: float = 1.5) -> Strip:
    return Strip(path=media / "strip.png", left=100, top=140, start=start, seconds=seconds)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def loudness(path: Path, *window: str) -> float:
    said = run(*window, "-i", str(path), "-map", "0:a:0", "-af", "volumedetect", "-f", "null", "-")
    found = re.search(r"mean_volume: (-?[\d.]+|-inf) dB", said)
    assert found
    return float(found[1])


def worst_psnr(one: Path, other: Path) -> float:
    """Of the frame that differs most, dB."""
    graph = "[0:v][1:v]psnr=stats_file=-"
    said = run("-i", str(one), "-i", str(other), "-lavfi", graph, "-f", "null", "-")
    found = [float(x.replace("inf", "99")) for x in re.findall(r"psnr_avg:([\d.]+|inf)", said)]
    return min(found)


def pixel(video: Path, frame: int, x: int, y: int) -> tuple[int, int, int]:
    chosen = f"select='eq(n,{frame})',format=rgb24,crop=1:1:{x}:{y}:exact=1"
    out = video.with_suffix(".rgb")
    run("-i", str(video), "-vf", chosen, "-frames:v", "1", "-f", "rawvideo", str(out))
    red, green, blue = out.read_bytes()
    return red, green, blue


def top_boxes(path: Path) -> list[str]:
    data, at, names = path.read_bytes(), 0, []
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        names.append(name.decode())
        at += size
    return names


def values_of(made: Rendered, option: str) -> set[str]:
    """What an option of ffmpeg was set to, in any step."""
    return {b for step in made.arguments for a, b in pairwise(step) if a == option}


# ---- the plan in whole frames


def test_rounding_never_adds_up() -> None:
    for count in range(1, 13):
        timing = plan([3.125] * count)
        wanted = 2 + 3.125 * count - 0.5 * (count - 1)
        assert abs(timing.total / 30 - wanted) <= 0.5 / 30 + 1e-9


@pytest.mark.parametrize("seconds", [(0.04, 3, 0.04), (0.5, 0.5, 0.5), (2, 0.1, 0.1, 2), (0.04,)])
def test_short_clips_shorten_the_crossfade(seconds: Sequence[float]) -> None:
    timing = plan(seconds)
    for i, frames in enumerate(timing.clips):
        assert sum(timing.fades[max(0, i - 1) : i + 1]) < frames


def some_timing(chance: random.Random) -> Timing:
    seconds = [chance.choice([0.04, 0.4, 2.5, 3.125, chance.uniform(0.1, 9)]) for _ in range(5)]
    return plan(seconds[: chance.randint(1, 5)], crossfade=chance.choice([0, 0.1, 0.5, 1.5]))


@pytest.mark.parametrize("seed", range(200))
def test_parts_make_up_the_film_exactly(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    timing = some_timing(chance)
    strip = strip_frames(timing, chance.uniform(0, 9), chance.uniform(0.5, 6))
    spans = lay_out(timing, chance.choice([None, strip]))
    assert [s.at for s in spans] == [sum(s.frames for s in spans[:i]) for i in range(len(spans))]
    assert sum(span.frames for span in spans) == timing.total
    assert all(1 <= span.frames <= LONGEST for span in spans if span.kind == "clip")
    seen: dict[int, list[int]] = {i: [] for i in range(len(timing.clips))}
    for span in spans[1:-1]:
        seen[span.clip] += range(span.first, span.first + span.frames)
        if span.kind == "joint":
            seen[span.clip + 1] += range(span.frames)
    assert seen == {i: [*range(frames)] for i, frames in enumerate(timing.clips)}


@pytest.mark.parametrize("seed", range(200))
def test_the_strip_lies_over_whole_parts_between_the_cards(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    timing = some_timing(chance)
    asked, seconds = chance.uniform(0, 20), chance.uniform(0.5, 6)
    first, end = strip_frames(timing, asked, seconds)
    assert 0 <= first < end <= timing.between
    spans = lay_out(timing, (first, end))
    covered = [span for span in spans if span.strip]
    assert (covered[0].at, covered[-1].at + covered[-1].frames) == (
        timing.card + first,
        timing.card + end,
    )
    assert spans.index(covered[-1]) - spans.index(covered[0]) == len(covered) - 1
    fades = [(span.strip.fade_in, span.strip.fade_out) for span in covered if span.strip]
    assert all(f[0] == 0 for f in fades[1:])
    assert all(f[1] == 0 for f in fades[:-1])
    assert sum(fades[0]) <= covered[0].frames
    joints = [(s.at - timing.card, s.at - timing.card + s.frames) for s in spans[1:-1]]
    free = [(a, b) for (a, b), s in zip(joints, spans[1:-1], strict=True) if s.kind == "joint"]
    wanted = round(30 * asked)
    if wanted < timing.between - 15 and not any(a < wanted < b for a, b in free):
        assert first == wanted


def test_a_strip_s_side_within_a_crossfade_moves_to_its_nearest_side() -> None:
    timing = plan([3, 3, 3])
    left, right = timing.starts[1], timing.starts[1] + timing.fades[0]
    at = {frame: strip_frames(timing, frame / 30, 1.5) for frame in (left + 3, right - 3)}
    assert [first for first, _ in at.values()] == [left, right]
    assert strip_frames(timing, (left - 30) / 30, 32 / 30) == (left - 30, left)
    assert strip_frames(timing, (left + 2) / 30, 8 / 30) == (left, right)


def test_a_strip_that_comes_too_late_is_shown_at_the_end() -> None:
    timing = plan([3])
    assert strip_frames(timing, 60, 3) == (75, 90)
    assert strip_frames(timing, 2, 30) == (60, 90)


# ---- the film


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("names", [["model"], ["usual", "model", "usual", "model"]])
def test_length_follows_the_clips(
    media: Path, tmp_path: Path, names: list[str], kept: bool
) -> None:
    made = make(cut_of(media, *names), tmp_path / "ad.mp4", tmp_path / "cache" if kept else None)
    wanted = 1 + sum(SECONDS[name] for name in names) - 0.5 * (len(names) - 1) + 1
    file = ffmpeg.probe(made.path)
    assert abs(file.seconds - wanted) <= 1 / 30
    assert file.frames == made.frames == round(made.seconds * 30)
    assert file.fps == 30


@pytest.mark.parametrize("kept", [False, True])
def test_short_clips_are_not_lost(media: Path, tmp_path: Path, kept: bool) -> None:
    cut = cut_of(media, "one", "short", "one", "one", "short")
    made = make(cut, tmp_path / "ad.mp4", tmp_path / "cache" if kept else None)
    assert made.frames == plan([1 / 24, 0.5, 1 / 24, 1 / 24, 0.5]).total


@pytest.mark.parametrize("kept", [False, True])
def test_the_file_is_what_players_expect(media: Path, tmp_path: Path, kept: bool) -> None:
    cut = cut_of(media, "model", "usual", music=media / "music440.mp3")
    made = make(cut, tmp_path / "ad.mp4", tmp_path / "cache" if kept else None)
    header = run("-i", str(made.path), "-map", "0:v", "-t", "0", "-f", "null", "-")
    header = header.partition("Stream mapping")[0]
    assert re.search(
        r"Video: h264 .*yuv420p\(tv, bt709, progressive\), 320x180 \[SAR 1:1 .* 30 fps", header
    )
    assert re.search(r"Audio: aac \(LC\).* 48000 Hz, stereo", header)
    names = top_boxes(made.path)
    assert names[:2] == ["ftyp", "moov"]
    assert names.index("moov") < names.index("mdat")
    assert abs(ffmpeg.check_audio(made.path) - made.seconds) <= 1 / 30
    assert {p.name for p in tmp_path.iterdir()} - {"cache"} == {"ad.mp4"}


def test_the_first_and_last_second_are_the_cards(media: Path, tmp_path: Path) -> None:
    made = make(cut_of(media, "usual"), tmp_path / "ad.mp4", tmp_path / "cache")
    said = run("-i", str(made.path), "-vf", "blackdetect=d=0.5", "-an", "-f", "null", "-")
    spans = re.findall(r"black_start:([\d.]+) black_end:([\d.]+)", said)
    assert [(round(float(a), 2), round(float(b), 2)) for a, b in spans] == [(0, 1), (3.5, 4.47)]


@pytest.mark.parametrize("kept", [False, True])
def test_the_arguments_kept_make_the_file_again(media: Path, tmp_path: Path, kept: bool) -> None:
    cut = cut_of(media, "usual", "model", choices=CutChoices(smooth=True))
    made = make(cut, tmp_path / "ad.mp4", tmp_path / "cache" if kept else None)
    before = made.path.read_bytes()
    for part in (tmp_path / "cache").rglob("*.mp4"):
        part.unlink()
    for step in made.arguments:
        run(*step)
    assert made.path.read_bytes() == before


def test_strange_names_are_only_names(media: Path, tmp_path: Path) -> None:
    odd = tmp_path / "50%03d 'a' [b];c:d"
    odd.mkdir()
    clip, card = odd / "clip.mp4", odd / "card%02d.png"
    clip.write_bytes((media / "usual.mp4").read_bytes())
    card.write_bytes((media / "card.png").read_bytes())
    cut = cut_of(media, clips=(clip,), intro=card, outro=card)
    assert make(cut, odd / "ad.mp4", odd / "ca'che").frames == 135


@pytest.mark.parametrize("kind", Transition)
def test_every_transition_runs_alike_in_parts_and_whole(
    media: Path, tmp_path: Path, kind: Transition
) -> None:
    choices = CutChoices(transition=kind, transition_seconds=0.4)
    cut = cut_of(media, "wide", "other", choices=choices, crf=12)
    made = make(cut, tmp_path / "ad.mp4", tmp_path / "cache")
    assert made.frames == 30 + 30 + 75 + 30 - (0 if kind is Transition.CUT else 12)
    whole = make(cut, tmp_path / "whole.mp4")
    assert whole.segments == 1
    assert worst_psnr(made.path, whole.path) > 38


def test_a_fill_beside_the_clip_is_black_or_blurred(media: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    pad = cut_of(media, "tall", "wide", crf=12)
    blur = pad.model_copy(update={"choices": CutChoices(fill=Fill.BLUR)})
    padded, blurred = make(pad, tmp_path / "p.mp4", cache), make(blur, tmp_path / "b.mp4", cache)
    assert pixel(padded.path, 35, 20, 90)[0] < 20
    assert pixel(blurred.path, 35, 20, 90)[0] > 150
    assert pixel(blurred.path, 35, 160, 90)[0] > 230
    # The clip that fills the frame, and the cards, are as they were.
    assert (blurred.segments, blurred.encoded) == (5, 2)
    assert worst_psnr(blurred.path, make(blur, tmp_path / "w.mp4").path) > 38


@pytest.mark.parametrize("kept", [False, True])
def test_the_strip_comes_and_goes(media: Path, tmp_path: Path, kept: bool) -> None:
    cut = cut_of(media, "wide", "wide", "wide", strip=strip_of(media, 0.2, 1.4), crf=12)
    made = make(cut, tmp_path / "ad.mp4", tmp_path / "cache" if kept else None)
    greens = {n: pixel(made.path, n, 160, 150)[1] for n in (35, 37, 40, 45, 60, 76, 77, 79, 84)}
    assert greens[35] < 30
    assert 30 < greens[40] < 220
    assert min(greens[45], greens[60]) > 230
    assert max(greens[79], greens[84]) < 30
    assert pixel(made.path, 60, 98, 150)[1] < 60


def test_smooth_motion_has_pictures_in_between(media: Path, tmp_path: Path) -> None:
    def changes(path: Path) -> int:
        said = run("-i", str(path), "-vf", "mpdecimate=hi=200:lo=100", "-f", "null", "-")
        return int(re.findall(r"frame= *(\d+)", said)[-1])

    cut = cut_of(media, "model", "usual", crf=12)
    smooth = cut.model_copy(update={"choices": CutChoices(smooth=True)})
    cache = tmp_path / "cache"
    plain, made = make(cut, tmp_path / "p.mp4", cache), make(smooth, tmp_path / "s.mp4", cache)
    assert changes(made.path) > changes(plain.path) + 20
    assert (made.frames, made.encoded) == (plain.frames, 2)
    assert worst_psnr(made.path, make(smooth, tmp_path / "w.mp4").path) > 38


def test_interpolation_is_for_slow_clips_that_have_enough_frames() -> None:
    def smooth(fps: float, frames: int) -> bool:
        clip = ffmpeg.Media(width=320, height=180, fps=fps, frames=frames, has_video=True)
        return graphs.source_of(clip, SMALL, smooth=True).smooth

    assert [smooth(8, 25), smooth(15, 5), smooth(24, 99), smooth(8, 4)] == [
        True,
        True,
        False,
        False,
    ]


def test_a_draft_is_the_same_film_at_a_third(media: Path, tmp_path: Path) -> None:
    cut = cut_of(media, "wide", "wide", size=(960, 540), strip=strip_of(media))
    cut = cut.model_copy(
        update={"strip": Strip(**{**dict(strip_of(media)), "left": 300, "top": 420})}
    )
    made = make(film.draft_of(cut), tmp_path / "ad.mp4", tmp_path / "cache")
    assert (made.width, made.height, made.frames) == (320, 180, 105)
    assert pixel(made.path, 60, 120, 144)[1] > 200
    assert pixel(made.path, 60, 150, 144)[1] < 60
    assert film.draft_of(cut.model_copy(update={"size": (1080, 1350)})).size == (360, 450)


# ---- the sound


def test_music_is_looped_and_heard(media: Path, tmp_path: Path) -> None:
    cut = cut_of(media, "model", music=media / "music440.mp3")
    made = make(cut, tmp_path / "ad.mp4", tmp_path / "cache")
    assert loudness(made.path, "-ss", "3.2", "-t", "0.4") > -40


@pytest.mark.parametrize("loud", [False, True])
def test_no_sound_is_a_silent_track(media: Path, tmp_path: Path, loud: bool) -> None:
    choices = CutChoices(music_volume=0, clip_audio=True, loudness=loud)
    cut = cut_of(media, "usual", music=media / "music440.mp3", choices=choices)
    assert loudness(make(cut, tmp_path / "ad.mp4", tmp_path / "cache").path) < -80


def test_music_fades_and_is_as_loud_as_asked(media: Path, tmp_path: Path) -> None:
    def level(volume: float, *window: str) -> float:
        choices = CutChoices(music_volume=volume)
        cut = cut_of(media, "usual", "usual", music=media / "music440.mp3", choices=choices)
        made = make(cut, tmp_path / f"{volume}.mp4", tmp_path / "cache")
        return loudness(made.path, *window)

    middle = level(0.8, "-ss", "2", "-t", "1")
    assert middle - level(0.4, "-ss", "2", "-t", "1") == pytest.approx(6.0, abs=0.5)
    assert level(0.8, "-t", "0.2") < middle - 10
    assert level(0.8, "-ss", "6.3", "-t", "0.2") < middle - 10


@pytest.mark.parametrize("music", [False, True])
def test_a_clip_s_own_sound_is_heard_with_it(media: Path, tmp_path: Path, music: bool) -> None:
    choices = CutChoices(clip_audio=True, music_volume=0.001)
    track = media / "music440.mp3" if music else None
    cut = cut_of(media, "usual", "voice", choices=choices, music=track)
    made = make(cut, tmp_path / "ad.mp4", tmp_path / "cache")
    # The second clip is seen from 3.0 s on, alone from 3.5 s, to 5.5 s.
    assert loudness(made.path, "-ss", "2.4", "-t", "0.55") < -60
    assert loudness(made.path, "-ss", "5.55", "-t", "0.4") < -60
    inside = loudness(made.path, "-ss", "3.6", "-t", "1.8")
    assert inside > -40
    assert loudness(made.path, "-ss", "3.0", "-t", "0.25") < inside - 3
    # One channel on two loudspeakers is each time 3 dB less.
    quieter = loudness(media / "voice.mp4") - inside - 3
    assert quieter == pytest.approx(9.1 if music else 0, abs=1)


def test_loudness_is_what_networks_ask_for(media: Path, tmp_path: Path) -> None:
    choices = CutChoices(loudness=True, clip_audio=True)
    track = media / "music440.mp3"
    cut = cut_of(media, "voice", "voice", "usual", "usual", choices=choices, music=track)
    made = make(cut, tmp_path / "ad.mp4", tmp_path / "cache")
    said = run("-i", str(made.path), "-af", "ebur128=peak=true", "-vn", "-f", "null", "-")
    [measured] = re.findall(r"I: +(-?[\d.]+) LUFS", said.partition("Summary:")[2])
    assert float(measured) == pytest.approx(-14, abs=1.5)


# ---- kept parts


@pytest.fixture(scope="session")
def busy(media: Path) -> Cut:
    """A film with all there is: parts of one frame, long ones, a strip over a joint."""
    make_clip(media / "long.mp4", "testsrc2=s=320x180:r=24:d=4.3")
    return cut_of(
        media,
        *["long", "one", "model", "other"],
        **{"strip": strip_of(media, 3.2, 2.0), "music": media / "music440.mp3", "crf": 12},
        preset="medium",
    )


def test_the_seams_cannot_be_seen(busy: Cut, tmp_path: Path) -> None:
    made = make(busy, tmp_path / "ad.mp4", tmp_path / "cache")
    assert made.segments - 1 == made.encoded > 8  # the two cards are one picture
    listed = run("-i", str(made.path), "-map", "0:v", "-c", "copy", "-f", "framecrc", "-")
    rows = re.findall(r"^0, *(-?\d+), *(-?\d+), *(\d+),", listed, re.MULTILINE)
    decoded, shown = ([int(row[i]) for row in rows] for i in (0, 1))
    assert len(rows) == made.frames
    assert {b - a for a, b in pairwise(sorted(shown))} == {512}
    assert all(a < b for a, b in pairwise(decoded))
    assert min(shown) == 0
    assert run("-v", "warning", "-xerror", "-i", str(made.path), "-f", "null", "-") == ""
    picture, sound = boxes.tracks(made.path.read_bytes())
    assert picture.ticks / picture.scale == pytest.approx(made.seconds, abs=1e-6)
    assert abs(ffmpeg.check_audio(made.path) - made.seconds) < 1 / 30
    assert sound.kind == "soun"
    whole = make(busy, tmp_path / "whole.mp4")
    assert worst_psnr(made.path, whole.path) > 38


def test_parts_of_unlike_clips_fit_together(media: Path, tmp_path: Path) -> None:
    sources: list[tuple[str, ...]] = [
        ("testsrc2=s=180x320:r=8:d=1",),
        ("testsrc2=s=320x180:r=24:d=1,setsar=64/45",),
        ("testsrc2=s=320x180:r=24:d=1", "-pix_fmt", "yuvj420p"),
        ("testsrc2=s=321x181:r=24:d=1", "-pix_fmt", "yuv444p"),
        ("testsrc2=s=320x180:r=24:d=1,setparams=color_trc=smpte2084",),
        ("testsrc2=s=320x180:r=24:d=1,select='lt(n,5)+not(mod(n,3))'", "-fps_mode", "vfr"),
    ]
    clips = tuple(make_clip(tmp_path / f"{i}.mp4", *said) for i, said in enumerate(sources))
    made = make(cut_of(media, clips=clips), tmp_path / "ad.mp4", tmp_path / "cache")
    assert made.segments == 2 + 6 + 5
    assert run("-v", "warning", "-xerror", "-i", str(made.path), "-f", "null", "-") == ""


def test_only_what_changed_is_encoded(media: Path, tmp_path: Path) -> None:
    cache, out = tmp_path / "cache", tmp_path / "ad.mp4"
    cut = cut_of(media, "usual", "other", "third", "usual", music=media / "music440.mp3")

    def encoded(**change: object) -> int:
        return make(cut.model_copy(update=change), out, cache).encoded

    def clips(*names: str) -> tuple[Path, ...]:
        return tuple(media / f"{name}.mp4" for name in names)

    assert encoded() == 8  # the two cards are one picture
    assert encoded() == 0
    assert encoded(music=media / "music660.mp3") == 0
    assert encoded(choices=CutChoices(music_volume=0.3, loudness=True, clip_audio=True)) == 0
    assert encoded(outro=media / "white.png") == 1
    # One clip: its body and its two joints.
    assert encoded(clips=clips("usual", "voice", "third", "usual")) == 3
    # Another order: three joints; the bodies in the middle stay what they are.
    assert encoded(clips=clips("usual", "third", "other", "usual")) == 3
    assert encoded(choices=CutChoices(transition=Transition.WIPE)) == 3
    copied = tmp_path / "another name.mp4"
    copied.write_bytes((media / "other.mp4").read_bytes())
    assert encoded(clips=(media / "usual.mp4", copied, *clips("third", "usual"))) == 0
    assert encoded(strip=strip_of(media, 0, 2.0)) == 1
    assert encoded(crf=30) == 8


def test_the_same_cut_gives_the_same_bytes(
    busy: Cut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = make(busy, tmp_path / "a.mp4", tmp_path / "one")
    warm = make(busy, tmp_path / "b.mp4", tmp_path / "one")
    monkeypatch.setattr(segments, "cores", lambda: 5)
    again = make(busy, tmp_path / "c.mp4", tmp_path / "two")
    assert digest(cold.path) == digest(warm.path) == digest(again.path)
    assert (warm.encoded, again.encoded) == (0, cold.encoded)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:900] + bytes([data[900] ^ 1]) + data[901:],
        lambda data: data + b"more",
    ],
    ids=["empty", "cut short", "one bit", "longer"],
)
def test_a_damaged_part_is_made_again(
    media: Path, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    cut, cache = cut_of(media, "usual", "other"), tmp_path / "cache"
    good = make(cut, tmp_path / "ad.mp4", cache)
    before = digest(good.path)
    part = max(cache.rglob("*.mp4"), key=lambda path: path.stat().st_size)
    part.write_bytes(spoil(part.read_bytes()))
    made = make(cut, tmp_path / "ad.mp4", cache)
    assert (made.encoded, digest(made.path)) == (1, before)


def test_two_cuts_share_a_cache(busy: Cut, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        both = [
            pool.submit(make, busy, tmp_path / f"{name}.mp4", tmp_path / "cache") for name in "ab"
        ]
        digests = {digest(one.result().path) for one in both}
    assert len(digests) == 1
    assert not list(tmp_path.rglob("*.part"))


def test_parts_that_need_different_decoders_are_not_joined(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make(cut_of(media, "usual"), tmp_path / "whole.mp4")
    original = film._Parts.piece

    def other_level(parts: film._Parts, span: Span) -> segments.Piece:
        at = parts.encoding.index("-level:v") + 1
        parts.encoding[at] = "4.0" if span.kind == "clip" else "5.0"
        return original(parts, span)

    monkeypatch.setattr(film._Parts, "piece", other_level)
    made = make(cut_of(media, "usual"), tmp_path / "ad.mp4", tmp_path / "cache")
    assert made.segments == 1
    assert digest(made.path) == digest(whole.path)


def test_what_was_not_used_for_longest_goes_first(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"

    def parts() -> set[Path]:
        return set(cache.rglob("*.mp4"))

    make(cut_of(media, "usual"), tmp_path / "ad.mp4", cache)
    first = parts()
    (cache / "left.part").write_bytes(b"left by a killed process")
    make(cut_of(media, "other"), tmp_path / "ad.mp4", cache)
    assert first < parts()
    monkeypatch.setattr(segments, "GRACE_S", -1.0)
    make(cut_of(media, "third"), tmp_path / "ad.mp4", cache)
    assert first < parts()
    assert not list(cache.glob("*.part"))
    monkeypatch.setenv("ADGEN_CACHE_MB", "0")
    settings.cache_clear()
    make(cut_of(media, "wide"), tmp_path / "ad.mp4", cache)
    # The cards are used again, all else of the films before is gone.
    assert len(first & parts()) == 1
    assert len(parts()) == 3
    assert make(cut_of(media, "wide"), tmp_path / "ad.mp4", cache).encoded == 0


# ---- how it goes


@pytest.mark.parametrize("kept", [False, True])
def test_progress_rises_to_one(media: Path, tmp_path: Path, kept: bool) -> None:
    seen: list[float] = []
    cut = cut_of(media, "model", "usual", size=(640, 360), preset="slower")
    make(cut, tmp_path / "ad.mp4", tmp_path / "cache" if kept else None, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert any(0 < share < 0.9 for share in seen)


@pytest.mark.parametrize("kept", [False, True])
def test_cancel_leaves_nothing(media: Path, tmp_path: Path, kept: bool) -> None:
    long = make_clip(tmp_path / "long.mp4", "testsrc2=s=640x360:r=30:d=9", "-preset", "ultrafast")
    folder, cache = tmp_path / "out", tmp_path / "cache"
    folder.mkdir()
    started: list[psutil.Process] = []

    def cancelled() -> bool:
        writing = [*folder.glob("*.part"), *cache.rglob("*.part")]
        if any(path.stat().st_size for path in writing):
            started.extend(p for p in psutil.Process().children() if "ffmpeg" in p.name())
        return bool(started)

    cut = cut_of(media, clips=(long,) * 4, preset="veryslow", size=(1280, 720), max_bytes=10**9)
    with pytest.raises(Cancelled):
        make(cut, folder / "ad.mp4", cache if kept else None, cancelled=cancelled)
    assert list(folder.iterdir()) == []
    assert not list(cache.rglob("*.part"))
    assert started
    assert not any(process.is_running() for process in started)


@pytest.mark.parametrize("kept", [False, True])
def test_a_cut_that_stands_still_is_stopped(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    monkeypatch.setattr(segments, "STALL_S", -1.0)
    cut = cut_of(media, *["model"] * 6, preset="veryslow", size=(1280, 720))
    with pytest.raises(CompositionFailed, match="stood still"):
        make(cut, tmp_path / "ad.mp4", tmp_path / "cache" if kept else None)
    assert not list(tmp_path.glob("ad*"))
    assert not list(tmp_path.rglob("*.part"))


def test_a_cut_that_takes_too_long_is_stopped(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film, "COMPOSE_LIMIT_S", 0.0)
    cut = cut_of(media, "model", preset="veryslow", size=(1280, 720))
    with pytest.raises(CompositionFailed, match="too long"):
        make(cut, tmp_path / "ad.mp4", tmp_path / "cache")


def test_progress_is_told_by_the_calling_thread(media: Path, tmp_path: Path) -> None:
    threads: set[int] = set()

    def progress(_: float) -> None:
        threads.add(threading.get_ident())

    def cancelled() -> bool:
        threads.add(threading.get_ident())
        return False

    cut = cut_of(media, "usual", "other")
    make(cut, tmp_path / "ad.mp4", tmp_path / "cache", progress, cancelled)
    assert threads == {threading.get_ident()}


# ---- the bound of the size


@pytest.mark.parametrize("cap", [3_000_000, 5_000_000, 8_000_000, 20_000_000])
@pytest.mark.parametrize(("seconds", "parts"), [(4, 3), (14.2, 11), (14.3, 11), (30, 15)])
def test_the_rate_is_the_highest_that_always_fits(cap: int, seconds: float, parts: int) -> None:
    rate = film.part_bits(cap, seconds, parts)
    room = cap * 8 * 0.985 - 192_000 * 1.05 * seconds
    most = rate * (seconds + 0.9 * film.PART_BUFFER_S * parts)
    assert most <= room
    assert rate == film.RATES[0] or most * 2**0.25 > room * 0.999


def test_a_strip_does_not_change_the_rate(media: Path, tmp_path: Path) -> None:
    cut = cut_of(media, "usual", "model", max_bytes=2_000_000)
    plain = make(cut, tmp_path / "ad.mp4", tmp_path / "cache")
    cut = cut.model_copy(update={"strip": strip_of(media, 0.7, 1.0)})
    made = make(cut, tmp_path / "ad.mp4", tmp_path / "cache")
    assert values_of(made, "-maxrate") == values_of(plain, "-maxrate") != {str(film.RATES[0])}
    assert (made.segments - plain.segments, made.encoded) == (2, 3)


def test_a_slightly_longer_film_keeps_its_rate() -> None:
    rates = {film.part_bits(20_000_000, seconds / 10, 11) for seconds in range(100, 140)}
    assert len(rates) == 1
    assert len({film.part_bits(4_000_000, seconds / 10, 11) for seconds in range(100, 150)}) <= 3


@pytest.fixture(scope="session")
def noise(media: Path) -> Path:
    source = "testsrc2=s=320x180:r=30:d=3,noise=alls=100:allf=t"
    return make_clip(media / "noise.mp4", source, "-crf", "20", "-preset", "ultrafast")


@pytest.mark.parametrize("cap", [600_000, 800_000, 1_000_000, 2_000_000])
def test_one_pass_keeps_below_the_bound(media: Path, noise: Path, tmp_path: Path, cap: int) -> None:
    cut = cut_of(
        media, clips=(noise, noise), max_bytes=cap, preset="veryfast", crf=18,
        choices=CutChoices(transition_seconds=1.0),
    )  # fmt: skip
    made = make(cut, tmp_path / "ad.mp4", tmp_path / "cache")
    assert cap * 0.3 < made.size_bytes < cap
    assert values_of(made, "-crf") == {"18"}


@pytest.mark.parametrize("kept", [False, True])
def test_a_cut_too_large_is_made_smaller(
    media: Path, noise: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    monkeypatch.setattr(film, "whole_bits", lambda *_: 20_000_000)
    monkeypatch.setattr(film, "part_bits", lambda *_: 20_000_000)
    cache = tmp_path / "cache" if kept else None
    cut = cut_of(media, clips=(noise,), max_bytes=50_000_000)
    free = make(cut, tmp_path / "free.mp4", cache)
    cap = free.size_bytes * 9 // 10
    bound = make(cut.model_copy(update={"max_bytes": cap}), tmp_path / "ad.mp4", cache)
    assert bound.size_bytes < cap
    assert values_of(bound, "-crf") <= {"25", "28"}
    with pytest.raises(CompositionFailed, match="does not fit"):
        make(cut.model_copy(update={"max_bytes": 50_000}), tmp_path / "never.mp4", cache)
    assert not list(tmp_path.glob("never*"))


@pytest.mark.parametrize("kept", [False, True])
def test_what_cannot_fit_is_said_before_work_begins(
    media: Path, tmp_path: Path, kept: bool
) -> None:
    cut = cut_of(media, "model", max_bytes=100_000)
    with pytest.raises(CompositionFailed, match="fewer or shorter clips"):
        make(cut, tmp_path / "ad.mp4", tmp_path / "cache" if kept else None)


# ---- what is wrong is said


@pytest.mark.parametrize("kept", [False, True])
def test_a_bad_clip_is_named(media: Path, tmp_path: Path, kept: bool) -> None:
    cache = tmp_path / "cache" if kept else None
    bad = tmp_path / "bad.mp4"
    for content in (b"", b"no film", (media / "usual.mp4").read_bytes()[:5000]):
        bad.write_bytes(content)
        with pytest.raises(CompositionFailed, match="Clip 2 "):
            make(cut_of(media, clips=(media / "usual.mp4", bad)), tmp_path / "ad.mp4", cache)
    with pytest.raises(CompositionFailed, match="Clip 1 "):
        make(cut_of(media, clips=(tmp_path / "none.mp4",)), tmp_path / "ad.mp4", cache)
    with pytest.raises(CompositionFailed, match="no sound"):
        make(cut_of(media, "usual", music=media / "other.mp4"), tmp_path / "ad.mp4", cache)
    assert not list(tmp_path.glob("ad*"))


def test_a_clip_spoilt_midway_is_named(media: Path, tmp_path: Path) -> None:
    data = bytearray((media / "third.mp4").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(b ^ 85 for b in data[middle : middle + 400])
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(data)
    with pytest.raises(CompositionFailed, match="Clip 2 "):
        make(
            cut_of(media, clips=(media / "usual.mp4", bad)), tmp_path / "ad.mp4", tmp_path / "cache"
        )


def test_a_sealed_file_is_known_to_be_whole(media: Path, tmp_path: Path) -> None:
    path = tmp_path / "part.mp4"
    path.write_bytes((media / "one.mp4").read_bytes())
    assert not boxes.sealed(path.read_bytes())
    boxes.seal(path)
    assert boxes.sealed(path.read_bytes())
    assert not boxes.sealed(path.read_bytes()[:-1])
    [track] = boxes.tracks(path.read_bytes())
    assert (track.width, track.height, len(track.decoded)) == (320, 180, 1)
    for data in (b"", b"garbage", path.read_bytes()[:200]):
        with pytest.raises(ValueError, match="it"):
            boxes.tracks(data)
