"""The cut: against MoviePy, against encoding alone, and what a change costs beside it."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from imageio_ffmpeg import get_ffmpeg_exe

from adgen.domain import CutChoices, Genre
from adgen.providers import camera, cards, film, music
from adgen.providers.film import Cut, Rendered, Strip
from bench import moviepy_cut
from bench.figure import Figure

PHOTOS = sorted((Path(camera.__file__).parent / "data" / "sample").glob("*.jpg"))
SIZE = (1920, 1080)
ROUNDS = 3
RECUTS = 5
# How long the lower third is seen.
LOWER_S = 6.0
# The raw frames of the film, 1.3 GB, are read from memory so that the disk is no part of it.
RAW_BYTES = 2_000_000_000
MEMORY = Path("/dev/shm")  # noqa: S108


class Shot(NamedTuple):
    """A clip as a model would deliver it."""

    photo: int
    move: str
    seconds: float
    filters: str
    sound: bool = False


# As image-to-video models deliver them: small and choppy, or larger and smooth; never with grain,
# which is what they are trained to take away. Grain costs the encoder more, ours and theirs alike.
SHOTS = (
    Shot(0, "push in", 3.2, "fps=8,trim=end_frame=25,scale=1024:576"),
    Shot(1, "pan to the right", 3.5, "fps=24", sound=True),
    Shot(2, "drift to the left", 3.2, "fps=8,trim=end_frame=25,scale=1024:576"),
    Shot(3, "pull out", 3.8, "fps=30"),
)


def figures() -> Iterator[Figure]:
    """Ratios of wall times, taken side by side in one run."""
    with tempfile.TemporaryDirectory(prefix="adgen-b-", dir="/tmp") as home:
        folder = Path(home)
        cut = usual_film(folder)
        warm = folder / "warm"
        made = _compose(cut, folder / "warm.mp4", warm)
        cold, bare, draft, peer = _side_by_side(cut, made, folder)
        whole = statistics.median(cold)
        yield Figure("cut_over_moviepy", whole / peer, 0.20)
        yield Figure("cut_over_bare_x264", whole / statistics.median(bare), 1.15)
        yield Figure("draft_over_cut", statistics.median(draft) / whole, 0.12)
        for name, change, limit in (
            ("music", _other_music, 0.06),
            ("card", _other_card, 0.10),
            ("one_clip", _other_clip, 0.5),
        ):
            cost = [_recut(cut, change, i, folder, warm) for i in range(RECUTS)]
            yield Figure(f"recut_{name}_over_cut", statistics.median(cost) / whole, limit)


def _side_by_side(
    cut: Cut, made: Rendered, folder: Path
) -> tuple[list[float], list[float], list[float], float]:
    """Seconds of the cut without a cache, of bare encoding and of a draft, in turns; of MoviePy."""
    cold, bare, draft, peer = [], [], [], 0.0
    small = film.draft_of(cut)
    with _raw_frames(made) as raw:
        for i in range(ROUNDS):
            cold.append(_timed(lambda: _from_nothing(cut, folder / "cold.mp4")))
            bare.append(_timed(lambda: _encode(raw, made, folder / "bare.mp4")))
            draft.append(_timed(lambda: _from_nothing(small, folder / "draft.mp4")))
            # It takes minutes: once, and amid the others, so that it meets the same machine.
            if i == ROUNDS // 2:
                peer = _timed(lambda: _with_moviepy(cut, folder / "moviepy.mp4"))
    return cold, bare, draft, peer


def _from_nothing(cut: Cut, out: Path) -> None:
    with tempfile.TemporaryDirectory(dir=out.parent) as cache:
        _compose(cut, out, Path(cache))


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _compose(cut: Cut, out: Path, cache: Path) -> Rendered:
    cache.mkdir(exist_ok=True)
    return film.compose(cut, out, cache=cache, progress=lambda _: None, cancelled=lambda: False)


# ---- the film


def usual_film(folder: Path) -> Cut:
    """Four clips, cards, lower third and both sounds: 14 seconds at 1920x1080."""
    band = cards.draw_lower_third("Hand-made in Oaxaca", SIZE, folder / "strip.png")
    assert band  # noqa: S101
    return Cut(
        clips=tuple(_clip(shot, 0, folder / f"clip{i}.mp4") for i, shot in enumerate(SHOTS)),
        intro=cards.draw_card("Oak & Clay", SIZE, folder / "intro.png"),
        outro=cards.draw_card("Shop the set", SIZE, folder / "outro.png"),
        strip=Strip(path=band.path, left=band.left, top=band.top, start=0.5, seconds=LOWER_S),
        music=music.pick_track(Genre.CALM, 0).path,
        size=SIZE,
        choices=CutChoices(clip_audio=True),
    )


def _clip(shot: Shot, seed: int, out: Path) -> Path:
    moved = out.with_suffix(".move.mp4")
    inputs = {"description": shot.move, "duration_seconds": shot.seconds, "seed": seed}
    camera.make_clip(inputs, PHOTOS[shot.photo % len(PHOTOS)], moved, lambda: False)
    track = str(music.pick_track(Genre.HAPPY, seed).path)
    sound = ("-i", track, "-map", "0:v", "-map", "1:a", "-shortest", "-c:a", "aac")
    picture = ("-c:v", "libx264", "-crf", "20", "-preset", "veryfast", "-pix_fmt", "yuv420p")
    filters = ("-vf", f"{shot.filters},setsar=1")
    _ffmpeg("-i", str(moved), *(sound if shot.sound else ()), *filters, *picture, str(out))
    moved.unlink()
    return out


def _with_moviepy(cut: Cut, out: Path) -> None:
    moviepy_cut.cut(cut, out)


# ---- the limit: x264 with nothing around it


@contextmanager
def _raw_frames(made: Rendered) -> Iterator[Path]:
    """The frames our encoder was given: those of the film have lost their grain, and cost less."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2 * RAW_BYTES
    with tempfile.TemporaryDirectory(prefix="adgen-b-", dir=MEMORY if roomy else None) as name:
        raw = Path(name) / "film.yuv"
        with raw.open("wb") as out:
            for step in made.arguments:
                if "libx264" in step:
                    shown, plain = step[: step.index("-map")], ("-pix_fmt", "yuv420p")
                    _ffmpeg(*shown, "-map", "[vout]", *plain, "-f", "rawvideo", "-", to=out)
        frame = made.width * made.height * 3 // 2
        assert raw.stat().st_size == made.frames * frame  # noqa: S101
        yield raw


def _encode(raw: Path, made: Rendered, out: Path) -> None:
    words = [word for step in made.arguments for word in step]
    rate, buffer = (words[words.index(name) + 1] for name in ("-maxrate", "-bufsize"))
    size = f"{made.width}x{made.height}"
    source = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r", "30", "-i", str(raw))
    bound = ("-maxrate", rate, "-bufsize", buffer)
    _ffmpeg(*source, "-c:v", "libx264", "-preset", "medium", "-crf", "23", *bound, str(out))


def _ffmpeg(*arguments: str, to: IO[bytes] | None = None) -> None:
    subprocess.run(
        [get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=to,
    )


# ---- what people change


def _recut(
    cut: Cut, change: Callable[[Cut, int, Path], Cut], i: int, folder: Path, cache: Path
) -> float:
    """Seconds to make the film again when one thing is new that was never seen before."""
    other = change(cut, i, folder)
    return _timed(lambda: _compose(other, folder / "again.mp4", cache))


def _other_music(cut: Cut, i: int, _: Path) -> Cut:
    genres: Sequence[Genre] = (Genre.HAPPY, Genre.TENDER, Genre.ENERGETIC, Genre.NOSTALGIC)
    track = music.pick_track(genres[i % len(genres)], i // len(genres))
    return cut.model_copy(update={"music": track.path})


def _other_card(cut: Cut, i: int, folder: Path) -> Cut:
    card = cards.draw_card(f"Oak & Clay, edition {i + 2}", cut.size, folder / f"intro{i}.png")
    return cut.model_copy(update={"intro": card})


def _other_clip(cut: Cut, i: int, folder: Path) -> Cut:
    """The second of four: it touches two crossfades, as most do."""
    shot = SHOTS[1]._replace(photo=SHOTS[1].photo + 1 + i)
    clip = _clip(shot, i + 1, folder / f"other{i}.mp4")
    return cut.model_copy(update={"clips": (cut.clips[0], clip, *cut.clips[2:])})
