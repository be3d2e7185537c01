"""Every clip a model or a person may hand over: an exact result, or a refusal that names it.

The files are made by the real ffmpeg, tiny, and each goes through the check and through the cut.
"""

from __future__ import annotations

import random
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from adgen.errors import BadModelOutput, CompositionFailed
from adgen.providers import ffmpeg, film
from adgen.providers.film import Cut, Rendered
from adgen.providers.timeline import plan
from tests.film import run

WIDE, HIGH = 320, 180
PATTERN = "testsrc2=s=320x180:r=24:d=1"
WEBM = ("-f", "webm", "-deadline", "realtime", "-cpu-used", "8")
SINE = ("-f", "lavfi", "-i", "sine=f=440:d=1")
QUADRANTS = (
    "color=black:s=320x180:r=24:d=1,format=rgb24,drawbox=0:0:160:90:red:fill,"
    "drawbox=160:0:160:90:lime:fill,drawbox=0:90:160:90:blue:fill,drawbox=160:90:160:90:white:fill"
)
EARLY = ("-output_ts_offset", "-0.5", "-avoid_negative_ts", "disabled")
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
BT709 = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setparams=range=tv"
BT709 += ":colorspace=bt709:color_primaries=bt709:color_trc=bt709"


def lavfi(source: str, out: Path, *options: str | Path, beside: Sequence[str | Path] = ()) -> Path:
    """A file made of a generated picture, and of the inputs `beside` it."""
    run("-f", "lavfi", "-i", source, *beside, *options, out)
    return out


def h264(source: str, out: Path, *options: str | Path, beside: Sequence[str | Path] = ()) -> Path:
    return lavfi(source, out, "-c:v", "libx264", "-pix_fmt", "yuv420p", *options, beside=beside)


def x265(source: str, out: Path) -> Path:
    return lavfi(source, out, "-c:v", "libx265", "-x265-params", "log-level=none")


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A usual clip, one with sound, a card."""
    folder = tmp_path_factory.mktemp("ingest")
    h264(PATTERN, folder / "usual.mp4", "-movflags", "+faststart")
    h264(PATTERN, folder / "sound.mp4", "-movflags", "+faststart", beside=SINE)
    run(*SINE, folder / "sine.m4a")
    Image.new("RGB", (WIDE, HIGH)).save(folder / "card.png")
    Image.new("RGB", (64, 64), "teal").save(folder / "cover.png")
    return folder


def compose(media: Path, out: Path, *clips: Path) -> Rendered:
    card = media / "card.png"
    cut = Cut(clips=clips, intro=card, outro=card, size=(WIDE, HIGH), preset="ultrafast")
    return film.compose(
        cut,
        out,
        cache=out.parent / "cache",
        progress=lambda _: None,
        cancelled=lambda: False,
    )


def picture(video: Path, at: float) -> NDArray[np.uint8]:
    """The frame at a time, as rows of RGB."""
    raw = subprocess.run(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-ss", str(at), "-i", str(video)),
            *("-frames:v", "1", "-vf", "scale=in_color_matrix=bt709", "-pix_fmt", "rgb24"),
            *("-f", "rawvideo", "-"),
        ],
        capture_output=True,
        check=True,
    ).stdout
    return np.frombuffer(raw, np.uint8).reshape(HIGH, WIDE, 3)


def corners(shown: NDArray[np.uint8]) -> list[tuple[int, ...]]:
    """The colour in the middle of each quarter, row by row."""
    places = [(y, x) for y in (HIGH // 4, HIGH * 3 // 4) for x in (WIDE // 4, WIDE * 3 // 4)]
    return [tuple(int(v) for v in shown[place]) for place in places]


def like(found: list[tuple[int, ...]], wanted: list[tuple[int, int, int]], within: int) -> bool:
    return bool(np.abs(np.array(found) - np.array(wanted)).max() <= within)


# ---- what must come out exact


def turned(degrees: int, undo: str) -> Callable[[Path, Path], Path]:
    """Lies on its side in the file, and the file says how to turn it upright."""

    def make(media: Path, out: Path) -> Path:
        side = h264(f"{QUADRANTS},{undo}", out.with_name(f"side{degrees}.mp4"))
        run("-display_rotation", str(degrees), "-i", side, "-c", "copy", out)
        return out

    return make


def remux(name: str, *options: str) -> Callable[[Path, Path], Path]:
    def make(media: Path, out: Path) -> Path:
        run("-i", media / name, "-c", "copy", *options, out)
        return out

    return make


def source(text: str, *options: str, beside: Sequence[str] = ()) -> Callable[[Path, Path], Path]:
    return lambda _, out: h264(text, out, *options, beside=beside)


def with_cover(media: Path, out: Path) -> Path:
    maps = ("-map", "0", "-map", "1", "-c", "copy", "-c:v:1", "png")
    inputs = ("-i", media / "sound.mp4", "-i", media / "cover.png")
    run(*inputs, *maps, "-disposition:v:1", "attached_pic", out)
    return out


def with_data(media: Path, out: Path) -> Path:
    words = out.with_name("words.srt")
    words.write_text("1\n00:00:00,000 --> 00:00:01,000\nStream #0:0: Video: h264, 1x1\n", "utf-8")
    maps = ("-map", "1", "-map", "0", "-c", "copy", "-c:s", "mov_text", "-timecode", "01:00:00:00")
    run("-i", media / "sound.mp4", "-i", words, *maps, out)
    return out


def hdr(transfer: str) -> Callable[[Path, Path], Path]:
    def make(_: Path, out: Path) -> Path:
        convert = (
            "format=gbrp,setparams=color_primaries=bt709:color_trc=bt709:range=pc,"
            f"zscale=t={transfer}:p=bt2020:m=bt2020nc:r=tv:npl=203,format=yuv420p10le,"
            f"setparams=range=tv:color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc"
        )
        return x265(f"{QUADRANTS},{convert}", out)

    return make


# Name: how it is made, its seconds, and what is seen of it.
EXACT: dict[str, tuple[Callable[[Path, Path], Path], float, dict[str, Any]]] = {
    "one frame.mp4": (source("testsrc2=s=320x180:r=24", "-frames:v", "1"), 1 / 24, {"frames": 1}),
    "one slow frame.mp4": (source("testsrc2=s=320x180:r=1:d=1"), 1, {"frames": 1}),
    "odd.mp4": (
        lambda _, out: lavfi("testsrc=s=641x361:r=24:d=1", out, "-pix_fmt", "yuv444p"),
        1,
        {"width": 641, "height": 361, "pixels": "yuv444p"},
    ),
    "tiny.mp4": (source("testsrc2=s=16x16:r=24:d=1"), 1, {"width": 16}),
    "long shape.mp4": (source("testsrc2=s=1024x64:r=24:d=1"), 1, {"width": 1024, "height": 64}),
    "ten bits.mp4": (
        lambda _, out: x265(f"{PATTERN},format=yuv420p10le", out),
        1,
        {"pixels": "yuv420p10le", "bits": 10, "hdr": False},
    ),
    "pq.mp4": (hdr("smpte2084"), 1, {"hdr": True, "bits": 10}),
    "hlg.mp4": (hdr("arib-std-b67"), 1, {"hdr": True, "bits": 10}),
    "full.mp4": (
        lambda _, out: lavfi(f"{PATTERN},scale=out_range=pc", out, "-pix_fmt", "yuvj420p"),
        1,
        {"full_range": True},
    ),
    "turned90.mp4": (turned(90, "transpose=clock"), 1, {"rotation": 270, "width": 320}),
    "turned180.mp4": (turned(180, "hflip,vflip"), 1, {"rotation": 180, "width": 320}),
    "turned270.mp4": (turned(270, "transpose=cclock"), 1, {"rotation": 90, "width": 320}),
    "uneven.mp4": (
        source(f"{PATTERN},select='lt(n,9)+not(mod(n,3))'", "-fps_mode", "vfr"),
        1,
        {"variable_rate": True},
    ),
    "wide pixels.mp4": (
        source("color=black:s=160x180:r=24:d=1,drawbox=60:50:40:80:white:fill,setsar=2"),
        1,
        {"width": 160, "height": 180, "pixel_aspect": 2.0},
    ),
    "cover.mp4": (with_cover, 1, {"width": 320, "codec": "h264", "has_audio": True}),
    "two pictures.mp4": (
        source(PATTERN, "-map", "0", "-map", "1", beside=("-f", "lavfi", "-i", "testsrc=d=2")),
        1,
        {"width": 320, "frames": 24},
    ),
    "data.mp4": (with_data, 1, {"width": 320, "frames": 24, "has_audio": True}),
    "long sound.mp4": (
        source(PATTERN, beside=("-f", "lavfi", "-i", "sine=d=3")),
        1,
        {"frames": 24, "has_audio": True},
    ),
    # What lies before time 0 is cut off by the file itself, or it is not.
    "early, cut.mp4": (remux("sound.mp4", *EARLY), 0.5, {"frames": 12}),
    "early.mp4": (remux("sound.mp4", *EARLY, "-use_editlist", "0"), 1, {"frames": 24}),
    "late.mp4": (
        lambda media, out: h264(
            f"{PATTERN},setpts=PTS+2/TB", out, beside=("-i", media / "sine.m4a")
        ),
        1,
        {"frames": 24},
    ),
    "fragments.mp4": (
        source(PATTERN, "-g", "12", "-movflags", "+frag_keyframe+empty_moov", beside=SINE),
        1,
        {"frames": 24},
    ),
    "annex.mkv.mp4": (remux("sound.mp4", "-f", "matroska"), 1, {"frames": 24}),
    "alpha.webm.mp4": (
        lambda _, out: lavfi(
            f"{PATTERN},format=yuva420p,colorchannelmixer=aa=0.5",
            out,
            *("-pix_fmt", "yuva420p", "-c:v", "libvpx-vp9", *WEBM),
        ),
        1,
        {"codec": "vp9"},
    ),
    "hidden frames.webm.mp4": (
        lambda _, out: lavfi(
            PATTERN,
            out,
            *("-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "9", "-f", "webm"),
        ),
        1,
        {"codec": "vp8"},
    ),
    "editor.mov.mp4": (
        lambda _, out: lavfi(PATTERN, out, "-c:v", "prores_ks", "-f", "mov"),
        1,
        {"codec": "prores", "pixels": "yuv422p10le", "bits": 10},
    ),
    "fast.mp4": (source("testsrc2=s=320x180:r=120:d=1"), 1, {"fps": 120.0, "frames": 120}),
}


@pytest.fixture(scope="session", params=EXACT)
def exact(request: pytest.FixtureRequest, media: Path) -> tuple[Path, float, dict[str, Any]]:
    make, seconds, facts = EXACT[request.param]
    out = media / request.param
    # As ffmpeg tells the kind of a new file by its ending, which here may lie.
    return make(media, out), seconds, facts


def test_unusual_clips_become_ordinary(
    media: Path, exact: tuple[Path, float, dict[str, Any]], tmp_path: Path
) -> None:
    clip, seconds, facts = exact
    seen = ffmpeg.check_clip(clip)
    assert {name: getattr(seen, name) for name in facts} == facts
    assert abs(seen.seconds - seconds) < 0.5 / ffmpeg.FPS
    made = compose(media, tmp_path / "ad.mp4", media / "usual.mp4", clip)
    assert made.frames == plan([1, seconds]).total
    assert ffmpeg.probe(made.path).frames == made.frames
    header = run("-i", made.path, "-t", "0", "-f", "null", "-")
    assert "yuv420p(tv, bt709, progressive), 320x180 [SAR 1:1 DAR 16:9]" in header
    assert run("-v", "warning", "-xerror", "-i", made.path, "-f", "null", "-") == ""


def alone(media: Path, folder: Path, name: str) -> NDArray[np.uint8]:
    """The film's picture amid the clip when the clip is all there is."""
    clip = media / name
    if not clip.is_file():
        EXACT[name][0](media, clip)
    return picture(compose(media, folder / "ad.mp4", clip).path, 1.5)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_clip_is_upright(media: Path, tmp_path: Path, degrees: int) -> None:
    shown = alone(media, tmp_path, f"turned{degrees}.mp4")
    assert like(corners(shown), [RED, GREEN, BLUE, WHITE], within=60)


@pytest.mark.parametrize("name", ["pq.mp4", "hlg.mp4"])
def test_hdr_keeps_its_colours(media: Path, tmp_path: Path, name: str) -> None:
    red, green, blue, white = corners(alone(media, tmp_path, name))
    assert red[0] > 2 * max(red[1:])
    assert green[1] > 1.5 * max(green[0], green[2])
    assert blue[2] > 1.5 * max(blue[:2])
    assert max(white) - min(white) < 12
    assert min(white) > 110


def test_full_range_is_as_bright_as_its_twin(media: Path, tmp_path: Path) -> None:
    full = alone(media, tmp_path, "full.mp4").mean()
    usual = picture(compose(media, tmp_path / "twin.mp4", media / "usual.mp4").path, 1.5).mean()
    assert abs(full - usual) < 2


def test_a_square_stays_square(media: Path, tmp_path: Path) -> None:
    rows, columns = np.nonzero(alone(media, tmp_path, "wide pixels.mp4")[..., 1] > 128)
    assert abs(np.ptp(rows) - 79) <= 2
    assert abs(np.ptp(columns) - 79) <= 2


def test_a_tagged_clip_keeps_its_colours(media: Path, tmp_path: Path) -> None:
    clip = lavfi(f"{QUADRANTS},{BT709}", tmp_path / "clip.mp4")
    shown = picture(compose(media, tmp_path / "ad.mp4", clip).path, 1.5)
    assert like(corners(shown), [RED, GREEN, BLUE, WHITE], within=12)


# ---- what must be refused


def first(percent: int, name: str) -> Callable[[Path], bytes]:
    def make(media: Path) -> bytes:
        data = (media / name).read_bytes()
        return data[: len(data) * percent // 100]

    return make


def text(words: str) -> Callable[[Path], bytes]:
    return lambda _: words.encode()


def made(*options: str, name: str = "made.mp4") -> Callable[[Path], bytes]:
    def make(media: Path) -> bytes:
        out = media / f"{abs(hash(options))}-{name}"
        run(*options, out)
        return out.read_bytes()

    return make


def still(kind: str) -> Callable[[Path], bytes]:
    def make(media: Path) -> bytes:
        out = media / f"still.{kind.lower()}"
        Image.new("RGB", (64, 64), "teal").save(out, kind)
        return out.read_bytes()

    return make


def index_missing(media: Path) -> bytes:
    out = h264(PATTERN, media / "late index.mp4")
    data = out.read_bytes()
    return data[: data.index(b"moov") - 4]


def timeless(media: Path) -> bytes:
    """All its pictures at once: each lasts no time."""
    data = (media / "usual.mp4").read_bytes()
    at = data.index(b"stts") + 4
    return data[: at + 12] + bytes(4) + data[at + 16 :]


def cover_only(media: Path) -> bytes:
    out = media / "cover only.m4a"
    inputs = ("-i", media / "sine.m4a", "-i", media / "cover.png", "-map", "0", "-map", "1")
    run(*inputs, "-c:v", "png", "-disposition:v", "attached_pic", out)
    return out.read_bytes()


def growing(media: Path) -> bytes:
    """Its picture becomes smaller midway."""
    raw = media / "two.h264"
    sizes = ("320x180", "160x120")
    parts = [h264(f"testsrc2=s={s}:r=24:d=0.5", media / f"{s}.h264") for s in sizes]
    raw.write_bytes(b"".join(part.read_bytes() for part in parts))
    out = media / "two.mp4"
    run("-r", "24", "-f", "h264", "-i", raw, "-c", "copy", out)
    return out.read_bytes()


UNREADABLE = "cannot be read"
INCOMPLETE = "damaged or incomplete"
LAVFI = ("-f", "lavfi", "-i")
SMALLEST = ("-preset", "ultrafast", "-pix_fmt", "yuv420p")
REFUSED: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "empty": (lambda _: b"", UNREADABLE),
    "cut short": (first(43, "sound.mp4"), INCOMPLETE),
    "last bytes missing": (first(99, "sound.mp4"), INCOMPLETE),
    "index cut": (first(1, "sound.mp4"), INCOMPLETE),
    "index missing": (index_missing, UNREADABLE),
    "sound only": (lambda media: (media / "sine.m4a").read_bytes(), "has no picture"),
    "cover only": (cover_only, "has no picture"),
    "noise": (lambda _: random.Random(7).randbytes(50_000), UNREADABLE),  # noqa: S311
    "page": (text("<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"), UNREADABLE),
    "answer": (text('{"error": "no such file"}'), UNREADABLE),
    "gif": (made(*LAVFI, "testsrc2=s=64x64:r=8:d=0.5", name="made.gif"), UNREADABLE),
    "png": (still("PNG"), UNREADABLE),
    "jpeg": (still("JPEG"), UNREADABLE),
    "webp": (still("WEBP"), UNREADABLE),
    "svg": (text('<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>'), UNREADABLE),
    "huge": (made(*LAVFI, "color=s=8192x4320:r=5:d=0.2", *SMALLEST), "larger than 4096x4096"),
    "too wide": (made(*LAVFI, "color=s=4224x64:r=5:d=0.2", *SMALLEST), "larger than 4096x4096"),
    "line": (made(*LAVFI, "color=s=2048x2:r=5:d=0.2", *SMALLEST), "too narrow"),
    "long": (made(*LAVFI, "color=s=32x32:r=1:d=61", *SMALLEST), "longer than 60 seconds"),
    "two frames a day apart": (
        made(*LAVFI, "color=s=32x32:r=1/80000:d=160000", *SMALLEST),
        "longer than 60 seconds",
    ),
}


@pytest.fixture(scope="session", params=REFUSED)
def refused(request: pytest.FixtureRequest, media: Path) -> tuple[Path, str]:
    make, why = REFUSED[request.param]
    path = media / f"bad {request.param}.mp4"
    path.write_bytes(make(media))
    return path, why


def test_unusable_clips_are_refused_by_name(
    media: Path, refused: tuple[Path, str], tmp_path: Path
) -> None:
    bad, why = refused
    with pytest.raises(BadModelOutput, match=f"The model's clip .*{why}"):
        ffmpeg.check_clip(bad)
    with pytest.raises(CompositionFailed, match=f"Clip 2 .*{why}"):
        compose(media, tmp_path / "ad.mp4", media / "usual.mp4", bad)
    assert not list(tmp_path.glob("ad*"))


@pytest.mark.parametrize("what", ["missing.mp4", "."])
def test_what_is_no_file_is_refused(media: Path, tmp_path: Path, what: str) -> None:
    with pytest.raises(CompositionFailed, match="Clip 1 cannot be read"):
        compose(media, tmp_path / "ad.mp4", tmp_path / what)


def spoilt(media: Path, seed: int) -> bytes:
    data, dice = bytearray((media / "usual.mp4").read_bytes()), random.Random(seed)  # noqa: S311
    start = data.index(b"mdat") + 200
    for _ in range(40):
        data[dice.randrange(start, len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


@pytest.mark.parametrize("seed", range(8))
def test_spoilt_pictures_are_refused(media: Path, tmp_path: Path, seed: int) -> None:
    """The file's index is whole, so only decoding it tells."""
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(spoilt(media, seed))
    with pytest.raises(BadModelOutput, match="damaged or incomplete"):
        ffmpeg.check_clip(bad)
    with pytest.raises(CompositionFailed, match=r"Clip 2 .*damaged"):
        compose(media, tmp_path / "ad.mp4", media / "usual.mp4", bad)
    assert not list(tmp_path.glob("ad*"))


@pytest.mark.parametrize(
    ("make", "why"),
    [(timeless, "is damaged"), (growing, "changes the size of its picture")],
    ids=["all at once", "growing"],
)
def test_pictures_that_do_not_go_together_are_refused(
    media: Path, tmp_path: Path, make: Callable[[Path], bytes], why: str
) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(make(media))
    with pytest.raises(BadModelOutput, match=why):
        ffmpeg.check_clip(bad)
    try:
        seconds = ffmpeg.probe(bad).seconds
        made = compose(media, tmp_path / "ad.mp4", media / "usual.mp4", bad)
    except CompositionFailed as refused:
        assert re.match("Clip 2 ", refused.user_message)  # noqa: PT017 - nothing else is right
    else:
        assert made.frames == plan([1, seconds]).total


# ---- what only looks like a clip


class Listener:
    """Counts who connects to a port of this machine."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.calls = 0
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                caller, _ = self.socket.accept()
            except OSError:
                return
            self.calls += 1
            caller.close()


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()
    try:
        yield listener
    finally:
        listener.socket.close()


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n"
DISGUISES = {
    "hls": HLS,
    "hls key": HLS.replace("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF'),
    "ffconcat": "ffconcat version 1.0\nfile '{target}'\nduration 1\n",
    "concat": "file '{target}'\n",
    "dash": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4">'
        '<Representation id="1" bandwidth="9"><BaseURL>{target}</BaseURL><SegmentList>'
        '<SegmentURL media="{target}"/></SegmentList></Representation></AdaptationSet>'
        "</Period></MPD>"
    ),
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "smil": '<smil><body><video src="{target}"/></body></smil>',
    "ram": "{target}\n",
}


@pytest.mark.parametrize("kind", DISGUISES)
@pytest.mark.parametrize("aim", ["file:///etc/passwd", "{secret}", "http://127.0.0.1:{port}/a.mp4"])
def test_a_list_in_disguise_opens_nothing(
    media: Path, tmp_path: Path, kind: str, aim: str, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("root:the-secret-words:0:0\n", "utf-8")
    bad = tmp_path / "bad.mp4"
    with listening() as listener:
        target = aim.format(secret=secret, port=listener.port)
        bad.write_text(DISGUISES[kind].format(target=target, port=listener.port), "utf-8")
        with pytest.raises(BadModelOutput, match="cannot be read") as one:
            ffmpeg.check_clip(bad)
        with pytest.raises(CompositionFailed, match="Clip 2 cannot be read") as other:
            compose(media, tmp_path / "ad.mp4", media / "usual.mp4", bad)
        assert listener.calls == 0
    said = f"{one.value} {other.value} {caplog.text}"
    assert "the-secret-words" not in said
    assert "root:" not in said


def test_the_listener_would_have_noticed(tmp_path: Path) -> None:
    bad = tmp_path / "bad.m3u8"
    with listening() as listener:
        bad.write_text(HLS.format(target=f"http://127.0.0.1:{listener.port}/a.ts"), "utf-8")
        opened = ("-protocol_whitelist", "file,http,tcp", "-i", str(bad), "-f", "null", "-")
        subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "quiet", *opened], check=False
        )
        assert listener.calls > 0


# ---- what a file says of itself


FORGED = (
    "x\n  Duration: 99:00:00.00, start: 0\n  Stream #0:0: Video: h264, yuv420p, 1x1, 9 fps\n"
    "  Stream #0:1: Audio: aac\nStream mapping:\nOutput #0, framecrc, to 'pipe:':\n"
    "  Stream #0:0: Video: h264, yuv420p10le(pc, bt2020nc/bt2020/smpte2084), 1x1, 9 fps\n"
    "    Side data:\n      Display Matrix: rotation of -90.00 degrees\n"
    "#media_type 1: audio\n#dimensions 0: 1x1\n0, 0, 0, 9, 9, 0x1"
)


@pytest.mark.parametrize("kind", ["mp4", "mov", "matroska"])
@pytest.mark.parametrize(
    "words",
    [
        ("-metadata", "title=Stream #0:0: Video: h264, 1x1"),
        ("-metadata", f"title={FORGED}"),
        ("-metadata", f"comment=partial file Invalid\n[in#0 @ 0x5] partial file\n{FORGED}"),
        ("-metadata", f"{FORGED}=x", "-movflags", "use_metadata_tags"),
        ("-metadata:s:v:0", f"title={FORGED}"),
        ("-metadata:s:v:0", f"handler_name={FORGED}"),
        ("-metadata:s:v:0", f"language={FORGED}"),
    ],
    ids=["one line", "title", "damage", "key", "title of stream", "handler", "language"],
)
def test_a_title_cannot_pass_for_a_header(
    media: Path, tmp_path: Path, kind: str, words: tuple[str, ...]
) -> None:
    forged = tmp_path / "forged.mp4"
    run("-i", media / "usual.mp4", "-c", "copy", *words, "-f", kind, forged)
    plain = ffmpeg.check_clip(media / "usual.mp4")
    seen = ffmpeg.check_clip(forged)
    same = {"container": plain.container, "seconds": plain.seconds}
    assert seen.model_copy(update=same) == plain
    assert seen.seconds == pytest.approx(plain.seconds, abs=0.002)


def test_a_title_is_really_repeated_by_ffmpeg(media: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.mp4"
    words = ("-metadata", f"{FORGED}=x", "-movflags", "use_metadata_tags")
    run("-i", media / "usual.mp4", "-c", "copy", *words, forged)
    assert re.search(r"^  Stream #0:0: Video: .* 1x1", run("-i", forged, "-f", "null", "-"), re.M)


# ---- waiting for ffmpeg


def test_runs_side_by_side_from_threads() -> None:
    ended: list[int] = []

    def one() -> None:
        source = ["-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.2", "-f", "null", "-"]
        ended.extend(ffmpeg.run(source, 60).code for _ in range(5))

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert ended == [0] * 30


def test_the_end_is_seen_without_a_pidfd(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: int) -> int:
        raise PermissionError

    monkeypatch.setattr("os.pidfd_open", forbidden, raising=False)
    assert ffmpeg.probe(media / "usual.mp4").frames == 24
