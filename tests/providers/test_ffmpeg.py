"""The cut, made by the real ffmpeg from small generated clips."""

from __future__ import annotations

import hashlib
import os
import re
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import imageio_ffmpeg
import psutil
import pytest
from PIL import Image

from adgen.errors import BadModelOutput, Cancelled, CompositionFailed
from adgen.providers import ffmpeg, film
from adgen.providers.film import Cut, Rendered

SMALL = (640, 360)


def run(*arguments: str) -> str:
    """What ffmpeg says; it must end well."""
    done = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-y", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def make_clip(path: Path, source: str = "testsrc2=s=640x360:r=30", *options: str) -> Path:
    run("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", *options, str(path))
    return path


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip as the model makes it (25 frames at 8 a second), usual ones, music, a card."""
    folder = tmp_path_factory.mktemp("media")
    make_clip(folder / "model.mp4", "testsrc2=s=512x288:r=8", "-frames:v", "25")
    make_clip(folder / "usual.mp4", "testsrc2=s=640x360:r=30:d=2.5")
    make_clip(folder / "short.mp4", "testsrc2=s=640x360:r=30:d=0.5")
    make_clip(folder / "faststart.mp4", "testsrc2=s=640x360:r=30:d=2", "-movflags", "+faststart")
    run("-f", "lavfi", "-i", "sine=f=440:d=3", str(folder / "music.mp3"))
    Image.new("RGB", SMALL).save(folder / "card.png")
    return folder


def cut_of(media: Path, *names: str, **options: object) -> Cut:
    card = media / "card.png"
    clips = tuple(media / f"{name}.mp4" for name in names)
    base = {"clips": clips, "intro": card, "outro": card, "size": SMALL, "preset": "ultrafast"}
    return Cut.model_validate({**base, **options})


def make(
    cut: Cut,
    out: Path,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Rendered:
    return film.compose(cut, out, progress=progress, cancelled=cancelled)


def loudness(path: Path) -> float:
    said = run("-i", str(path), "-map", "0:a:0", "-af", "volumedetect", "-f", "null", "-")
    found = re.search(r"mean_volume: (-?[\d.]+|-inf) dB", said)
    assert found
    return float(found[1])


def boxes(path: Path) -> list[str]:
    data, at, names = path.read_bytes(), 0, []
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        names.append(name.decode())
        at += size
    return names


SECONDS = {"model": 3.125, "usual": 2.5}


@pytest.mark.parametrize(
    "names",
    [
        ["model"],
        ["usual"],
        ["model", "usual"],
        ["model", "model", "model"],
        ["usual", "model", "usual", "model"],
    ],
)
def test_length_follows_the_clips(media: Path, tmp_path: Path, names: list[str]) -> None:
    made = make(cut_of(media, *names), tmp_path / "ad.mp4")
    wanted = 1 + sum(SECONDS[name] for name in names) - 0.5 * (len(names) - 1) + 1
    file = ffmpeg.probe(made.path)
    assert abs(file.seconds - wanted) <= 1 / 30
    assert file.frames == made.frames == round(made.seconds * 30)
    assert file.fps == 30


def test_rounding_never_adds_up() -> None:
    for count in range(1, 13):
        timing = film.plan([3.125] * count)
        wanted = 2 + 3.125 * count - 0.5 * (count - 1)
        assert abs(timing.total / 30 - wanted) <= 0.5 / 30 + 1e-9


@pytest.mark.parametrize("seconds", [(0.04, 3, 0.04), (0.5, 0.5, 0.5), (2, 0.1, 0.1, 2), (0.04,)])
def test_short_clips_shorten_the_crossfade(seconds: Sequence[float]) -> None:
    timing = film.plan(seconds)
    for i, frames in enumerate(timing.clips):
        assert sum(timing.fades[max(0, i - 1) : i + 1]) < frames


def test_short_clips_are_not_lost(media: Path, tmp_path: Path) -> None:
    make_clip(tmp_path / "one.mp4", "testsrc2=s=640x360:r=24", "-frames:v", "1")
    one, short = tmp_path / "one.mp4", media / "short.mp4"
    cut = cut_of(media, clips=(one, short, one, one, short))
    made = make(cut, tmp_path / "ad.mp4")
    assert made.frames == film.plan([1 / 24, 0.5, 1 / 24, 1 / 24, 0.5]).total


def test_the_file_is_what_players_expect(media: Path, tmp_path: Path) -> None:
    made = make(cut_of(media, "model", "usual", music=media / "music.mp3"), tmp_path / "ad.mp4")
    header = run("-i", str(made.path), "-map", "0:v", "-t", "0", "-f", "null", "-")
    header = header.partition("Stream mapping")[0]
    assert re.search(
        r"Video: h264 .*yuv420p\(tv, bt709, progressive\), 640x360 \[SAR 1:1 .* 30 fps", header
    )
    assert re.search(r"Audio: aac \(LC\).* 48000 Hz, stereo", header)
    names = boxes(made.path)
    assert names[:2] == ["ftyp", "moov"]
    assert names.index("moov") < names.index("mdat")
    assert run("-v", "warning", "-xerror", "-i", str(made.path), "-f", "null", "-") == ""
    assert abs(ffmpeg.check_audio(made.path) - made.seconds) <= 1 / 30
    assert [p.name for p in tmp_path.iterdir()] == ["ad.mp4"]


def test_the_first_second_is_black(media: Path, tmp_path: Path) -> None:
    made = make(cut_of(media, "usual"), tmp_path / "ad.mp4")
    said = run("-i", str(made.path), "-vf", "blackdetect=d=0.5", "-an", "-f", "null", "-")
    spans = re.findall(r"black_start:([\d.]+) black_end:([\d.]+)", said)
    assert [(round(float(a), 2), round(float(b), 2)) for a, b in spans] == [(0, 1), (3.5, 4.47)]


def test_music_is_looped_and_heard(media: Path, tmp_path: Path) -> None:
    made = make(cut_of(media, "model", "usual", music=media / "music.mp3"), tmp_path / "ad.mp4")
    assert loudness(made.path) > -40
    run("-ss", "4", "-t", "1", "-i", str(made.path), "-vn", str(tmp_path / "looped.wav"))
    assert loudness(tmp_path / "looped.wav") > -40


def test_no_music_is_a_silent_track(media: Path, tmp_path: Path) -> None:
    assert loudness(make(cut_of(media, "usual"), tmp_path / "ad.mp4").path) < -80


def test_the_same_cut_gives_the_same_bytes(media: Path, tmp_path: Path) -> None:
    cut = cut_of(media, "usual", "model", music=media / "music.mp3")
    made = [make(cut, tmp_path / name).path.read_bytes() for name in ("a.mp4", "b.mp4")]
    assert hashlib.sha256(made[0]).digest() == hashlib.sha256(made[1]).digest()


def test_the_arguments_kept_make_the_file_again(media: Path, tmp_path: Path) -> None:
    made = make(cut_of(media, "usual"), tmp_path / "ad.mp4")
    before = made.path.read_bytes()
    run(*made.arguments)
    assert made.path.read_bytes() == before


def test_progress_rises_to_one(media: Path, tmp_path: Path) -> None:
    seen: list[float] = []
    make(cut_of(media, "model", "usual", preset="medium"), tmp_path / "ad.mp4", seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("testsrc2=s=360x640:r=8:d=2", ()),
        ("testsrc2=s=640x360:r=24:d=2,setsar=64/45", ()),
        ("testsrc2=s=640x360:r=24:d=2", ("-pix_fmt", "yuvj420p")),
        ("testsrc2=s=641x361:r=24:d=2", ("-pix_fmt", "yuv444p")),
        ("testsrc2=s=640x360:r=24:d=2,setparams=color_trc=smpte2084", ()),
        ("testsrc2=s=640x360:r=24:d=2,select='lt(n,9)+not(mod(n,3))'", ("-fps_mode", "vfr")),
        ("testsrc2=s=640x360:r=1/2:d=2", ()),
    ],
    ids=["portrait", "wide pixels", "full range", "odd", "hdr", "uneven", "one frame"],
)
def test_odd_clips_become_ordinary(
    media: Path, tmp_path: Path, source: str, options: tuple[str, ...]
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", source, *options)
    made = make(cut_of(media, clips=(clip, media / "usual.mp4")), tmp_path / "ad.mp4")
    assert made.frames == 30 + 60 + 75 - 15 + 30
    header = run("-i", str(made.path), "-t", "0", "-f", "null", "-")
    assert "yuv420p(tv, bt709, progressive), 640x360 [SAR 1:1 DAR 16:9]" in header


def test_a_turned_clip_is_seen_upright(media: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.mp4"
    run("-display_rotation", "90", "-i", str(media / "usual.mp4"), "-c", "copy", str(turned))
    seen = ffmpeg.probe(turned)
    assert (seen.width, seen.height) == (360, 640)
    assert make(cut_of(media, clips=(turned,)), tmp_path / "ad.mp4").frames == 135


def test_a_cut_too_large_is_made_smaller(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film, "_video_bits", lambda *_: 20_000_000)
    noisy = make_clip(tmp_path / "noisy.mp4", "testsrc2=s=640x360:d=1,noise=alls=60:allf=t")
    free = make(cut_of(media, clips=(noisy,)), tmp_path / "free.mp4")
    bound = make(
        cut_of(media, clips=(noisy,), max_bytes=free.size_bytes * 9 // 10), tmp_path / "ad.mp4"
    )
    assert bound.size_bytes < free.size_bytes * 0.9
    assert bound.arguments[bound.arguments.index("-crf") + 1] in ("25", "28")
    with pytest.raises(CompositionFailed, match="does not fit"):
        make(cut_of(media, clips=(noisy,), max_bytes=50_000), tmp_path / "never.mp4")
    assert not list(tmp_path.glob("never*"))


def test_one_pass_keeps_below_the_bound(media: Path, tmp_path: Path) -> None:
    noisy = make_clip(tmp_path / "noisy.mp4", "testsrc2=s=640x360:d=3,noise=alls=60:allf=t")
    cut = cut_of(media, clips=(noisy,), max_bytes=1_000_000, preset="veryfast")
    made = make(cut, tmp_path / "ad.mp4")
    assert 300_000 < made.size_bytes < 1_000_000
    assert made.arguments[made.arguments.index("-crf") + 1] == "23"


def test_what_cannot_fit_is_said_before_work_begins(media: Path, tmp_path: Path) -> None:
    with pytest.raises(CompositionFailed, match="fewer or shorter clips"):
        make(cut_of(media, "model", max_bytes=100_000), tmp_path / "ad.mp4")


def test_cancel_leaves_nothing(media: Path, tmp_path: Path) -> None:
    long = make_clip(tmp_path / "long.mp4", "testsrc2=s=640x360:r=30:d=20", "-preset", "ultrafast")
    folder = tmp_path / "out"
    folder.mkdir()
    seen: list[float] = []
    with pytest.raises(Cancelled):
        make(
            cut_of(media, clips=(long,) * 4, preset="veryslow", max_bytes=10**9),
            folder / "ad.mp4",
            seen.append,
            lambda: any((folder / "ad.mp4.part").parent.glob("*.part")),
        )
    assert list(folder.iterdir()) == []


def test_a_cut_that_stands_still_is_stopped(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film, "STALL_S", -1.0)
    cut = cut_of(media, *["model"] * 6, preset="veryslow")
    with pytest.raises(CompositionFailed, match="stood still"):
        make(cut, tmp_path / "ad.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_a_killed_worker_leaves_no_ffmpeg() -> None:
    program = (
        "from adgen.providers import ffmpeg\n"
        "ffmpeg.run(['-re', '-f', 'lavfi', '-i', 'testsrc2', '-f', 'null', '-'], 60)"
    )
    found_here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", program], env=found_here) as worker:
        mine = psutil.Process(worker.pid)
        # Other short-lived children, such as a look at ffmpeg's version, come and go before it.
        while not (found := [child for child in mine.children() if runs_testsrc(child)]):
            time.sleep(0.02)
        worker.kill()
    _, alive = psutil.wait_procs(found, timeout=30)
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]


def runs_testsrc(process: psutil.Process) -> bool:
    try:
        return "testsrc2" in process.cmdline()
    except psutil.Error:
        return False


def half(data: bytes) -> bytes:
    return data[: len(data) * 43 // 100]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda _: b"<html>no such file</html>",
        lambda _: b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nusual.mp4\n#EXT-X-ENDLIST\n",
        lambda _: b"ffconcat version 1.0\nfile usual.mp4\n",
        lambda data: data[:-20000] + bytes(b ^ 85 for b in data[-20000:-19800]) + data[-19800:],
        half,
    ],
    ids=["empty", "text", "playlist", "list", "flipped bits", "cut short"],
)
def test_damaged_clips_are_refused(media: Path, spoil: Callable[[bytes], bytes]) -> None:
    bad = media / f"bad{time.monotonic_ns()}.mp4"
    bad.write_bytes(spoil((media / "faststart.mp4").read_bytes()))
    with pytest.raises(BadModelOutput, match=r"The model's clip is (empty, )?damaged"):
        ffmpeg.check_clip(bad)


def test_a_clip_cut_short_before_its_index_is_refused(media: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(half((media / "usual.mp4").read_bytes()))
    with pytest.raises(CompositionFailed, match="Clip 2 cannot be read"):
        make(cut_of(media, clips=(media / "usual.mp4", bad)), tmp_path / "ad.mp4")


def test_sound_alone_is_no_clip(media: Path, tmp_path: Path) -> None:
    sound = tmp_path / "sound.m4a"
    run("-i", str(media / "music.mp3"), str(sound))
    with pytest.raises(BadModelOutput, match="no picture"):
        ffmpeg.check_clip(sound)
    with pytest.raises(CompositionFailed, match="Clip 1 has no picture"):
        make(cut_of(media, clips=(sound,)), tmp_path / "ad.mp4")


def test_sound_clips_pass(media: Path) -> None:
    seen = ffmpeg.check_clip(media / "model.mp4")
    assert (seen.frames, seen.seconds, seen.width, seen.height) == (25, 3.125, 512, 288)
    assert not seen.has_audio


def test_strange_names_are_only_names(media: Path, tmp_path: Path) -> None:
    odd = tmp_path / "50%03d 'a' [b];c:d"
    odd.mkdir()
    clip, card = odd / "clip.mp4", odd / "card%02d.png"
    clip.write_bytes((media / "usual.mp4").read_bytes())
    card.write_bytes((media / "card.png").read_bytes())
    made = make(cut_of(media, clips=(clip,), intro=card, outro=card), odd / "ad.mp4")
    assert made.frames == 135


@pytest.mark.parametrize("at", [0, 2.0, 99])
def test_poster_is_a_still(media: Path, tmp_path: Path, at: float) -> None:
    still = ffmpeg.poster(media / "model.mp4", at, tmp_path / "still.jpg", width=320)
    with Image.open(still, formats=["PNG", "JPEG"]) as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 180))
    assert [p.name for p in tmp_path.iterdir()] == ["still.jpg"]
