"""Pictures, clips and tones the fake delivers: drawn once, then made unique by their id."""

from __future__ import annotations

import hashlib
import io
import math
import struct
import subprocess
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import imageio_ffmpeg
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

Colour = tuple[int, int, int]

# An id is 26 characters: the place kept for one in every picture.
_PLACE = b"adgen-test-server-an-id-26"
_SIZES = {
    "1:1": (1024, 1024),
    "16:9": (1344, 768),
    "21:9": (1536, 640),
    "3:2": (1216, 832),
    "2:3": (832, 1216),
    "4:5": (896, 1088),
    "5:4": (1088, 896),
    "3:4": (896, 1152),
    "4:3": (1152, 896),
    "9:16": (768, 1344),
    "9:21": (640, 1536),
}
_CLIP_SIZES = ((1024, 576), (576, 1024), (768, 768), (640, 800))
_COLOURS: dict[str, Colour] = {
    "teal": (32, 128, 128),
    "red": (190, 54, 48),
    "blue": (44, 92, 168),
    "navy": (34, 52, 98),
    "green": (62, 126, 82),
    "yellow": (222, 176, 56),
    "gold": (196, 154, 74),
    "orange": (218, 120, 48),
    "pink": (214, 128, 150),
    "purple": (112, 82, 150),
    "brown": (122, 86, 62),
    "black": (46, 46, 52),
    "white": (226, 224, 218),
    "silver": (168, 174, 182),
    "grey": (122, 126, 132),
}
_PALETTE = ("teal", "blue", "orange", "green", "purple", "red", "navy", "gold")
_VIEW_WORDS = {
    "lifestyle": ("lifestyle", "in use", "everyday"),
    "detail": ("close-up", "closeup", "macro", "detail"),
    "top": ("top-down", "from above", "overhead", "top view"),
    "back": ("back view", "view of the back", "from behind", "rear"),
    "side": ("side", "profile"),
}
HTML = b"<!doctype html><title>Sorry</title><h1>This file could not be served</h1>"
PLAYLIST = (
    b"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXTINF:4.0,\n"
    b"file:///etc/hostname\n#EXT-X-ENDLIST\n"
)
_RATE = 16_000
_TYPES = {
    "mp3": "audio/mpeg",
    "webp": "image/webp",
    "jpg": "image/jpeg",
    "png": "image/png",
    "mp4": "video/mp4",
    "wav": "audio/wav",
}


def content_type(name: str) -> str:
    """What a delivered file says it is."""
    return _TYPES[name.rpartition(".")[2]]


def is_image(data: bytes) -> bool:
    """Whether it starts like a JPEG, PNG or WebP."""
    return data[:3] == b"\xff\xd8\xff" or data[:8] == b"\x89PNG\r\n\x1a\n" or _is_webp(data)


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def picture(inputs: Mapping[str, Any], ending: str, mark: str) -> bytes:
    """A picture for these inputs; `mark`, 26 characters, makes its bytes one of a kind."""
    prompt = str(inputs.get("prompt", "")).lower()
    base = _encoded(_view(prompt), _colour(prompt, inputs), _size(inputs), ending)
    if ending != "png":
        return base.replace(_PLACE, mark.encode())
    # PNG chunks carry a checksum, so one is added rather than changed; it goes before the end.
    return base[:-12] + _png_chunk(b"tEXt", b"Comment\0" + mark.encode()) + base[-12:]


def clip(image: bytes, frames: int, fps: int, mark: str) -> bytes:
    """A slow zoom over the image, of exactly so many frames; `mark` as for pictures."""
    try:
        shown = _thumbnail(image)
    except (OSError, SyntaxError, ValueError):
        shown = _thumbnail(picture({"aspect_ratio": "16:9"}, "jpg", mark))
    # The same pixels in another wrapping give the same film, so the key is a thumbnail's.
    key = hashlib.sha256(shown.resize((32, 32)).tobytes()).hexdigest()
    base = _films.get((key, frames, fps)) or _film(shown, key, frames, fps)
    return base + struct.pack(">I4s", 8 + len(mark), b"free") + mark.encode()


def tone(seconds: int, ending: str, mark: str) -> bytes:
    """One tone as a WAV or an MP3."""
    if ending == "mp3":
        # An ID3 tag of one comment; readers skip what they do not know.
        frame = b"\0" + mark.encode()
        tag = b"TXXX" + struct.pack(">IH", len(frame), 0) + frame
        return b"ID3\3\0\0" + bytes((0, 0, 0, len(tag))) + tag + _mp3(seconds)
    note = b"note" + struct.pack("<I", len(mark)) + mark.encode()
    return _wav(_samples(seconds), note)


def _samples(seconds: int) -> bytes:
    steps = (2 * math.pi * 220 * at / _RATE for at in range(_RATE))
    return b"".join(struct.pack("<h", int(6000 * math.sin(step))) for step in steps) * seconds


def _wav(samples: bytes, note: bytes = b"") -> bytes:
    shape = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, _RATE, 2 * _RATE, 2, 16)
    body = b"WAVE" + shape + b"data" + struct.pack("<I", len(samples)) + samples + note
    return b"RIFF" + struct.pack("<I", len(body)) + body


@lru_cache(maxsize=8)
def _mp3(seconds: int) -> bytes:
    options = ("-v", "error", "-i", "pipe:0", "-b:a", "64k", "-write_xing", "0", "-id3v2_version")
    done = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), *options, "0", "-f", "mp3", "pipe:1"],
        input=_wav(_samples(seconds)),
        capture_output=True,
        check=True,
        timeout=120,
    )
    return done.stdout


def clip_frames(model: str, inputs: Mapping[str, Any]) -> tuple[int, int]:
    """How many frames the asked-for clip has, and how many a second."""
    if "stable-video-diffusion" in model:
        long = "25" in str(inputs.get("video_length", ""))
        return 25 if long else 14, int(inputs.get("frames_per_second", 6))
    if "wan-video" in model:
        return int(inputs.get("num_frames", 81)), int(inputs.get("frames_per_second", 16))
    usual = 6 if "minimax" in model else 5
    return int(inputs.get("duration", usual)) * 24, 24


def _view(prompt: str) -> str:
    # The first words name the view; later ones may speak of the other pictures.
    places = {
        view: min(at for word in words if (at := prompt.find(word)) >= 0)
        for view, words in _VIEW_WORDS.items()
        if any(word in prompt for word in words)
    }
    return min(places, key=lambda view: places[view]) if places else "front"


def _colour(prompt: str, inputs: Mapping[str, Any]) -> str:
    found = {name: at for name in _COLOURS if (at := prompt.find(name)) >= 0}
    if found:
        return min(found, key=lambda name: found[name])
    return _PALETTE[int(inputs.get("seed", 0)) % len(_PALETTE)]


def _size(inputs: Mapping[str, Any]) -> tuple[int, int]:
    ratio = inputs.get("aspect_ratio")
    if ratio in _SIZES:
        width, height = _SIZES[ratio]
    else:
        square = 1024
        width, height = int(inputs.get("width", square)), int(inputs.get("height", square))
    return (width // 2, height // 2) if inputs.get("megapixels") == "0.25" else (width, height)


@lru_cache(maxsize=128)
def _encoded(view: str, colour: str, size: tuple[int, int], ending: str) -> bytes:
    scene, out = _scene(view, colour, size), io.BytesIO()
    if ending == "png":
        scene.save(out, "PNG", compress_level=1)
    elif ending == "jpg":
        scene.save(out, "JPEG", quality=88, comment=_PLACE)
    else:
        scene.save(out, "WEBP", quality=82, method=0, xmp=_PLACE)
    return out.getvalue()


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _scene(view: str, colour: str, size: tuple[int, int]) -> Image.Image:
    """A studio with one product-like bottle, seen from that side."""
    tint = _COLOURS[colour]
    scene = _backdrop(size, tint, table=view == "lifestyle")
    if view == "top":
        _stand(scene, _lid(min(size) * 6 // 10, tint), 0.5, lies=True)
    elif view == "detail":
        _stand(scene, _bottle(int(size[1] * 1.9), tint, "front"), 0.86)
    else:
        _stand(scene, _bottle(size[1] * 66 // 100, tint, view), 0.5)
    _sign(scene)
    return scene


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _fade(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    mask = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), mask)


def _backdrop(size: tuple[int, int], tint: Colour, *, table: bool) -> Image.Image:
    width, height = size
    warm = (236, 231, 224)
    scene = _fade(size, _mixed(warm, tint, 0.22), _mixed(warm, (255, 255, 255), 0.35))
    if table:
        _room(scene)
    glow = ImageChops.invert(Image.radial_gradient("L")).resize((width, height))
    light = Image.new("RGB", size, (255, 252, 246))
    scene.paste(light, (0, -height // 10), glow.point(lambda v: max(0, v - 60) * 7 // 10))
    return scene


def _room(scene: Image.Image) -> None:
    """A window and a wooden table, out of focus."""
    width, height = scene.size
    small = scene.resize((width // 4, height // 4))
    draw, (w, h) = ImageDraw.Draw(small), small.size
    draw.rectangle((w * 6 // 100, 0, w * 30 // 100, h * 58 // 100), fill=(250, 250, 246))
    draw.rectangle((w * 17 // 100, 0, w * 19 // 100, h * 58 // 100), fill=(205, 200, 190))
    for at, lean in ((80, -6), (84, 0), (88, 6)):
        leaf = (w * (at + lean - 3) // 100, h * 24 // 100, w * (at + lean + 3) // 100, h // 2)
        draw.ellipse(leaf, fill=(98, 128, 92))
    draw.rectangle(
        (w * 79 // 100, h * 48 // 100, w * 89 // 100, h * 70 // 100), fill=(196, 150, 118)
    )
    draw.rectangle((0, h * 68 // 100, w, h), fill=(176, 138, 104))
    scene.paste(small.filter(ImageFilter.GaussianBlur(w / 90)).resize(scene.size))


def _bottle(height: int, tint: Colour, view: str) -> Image.Image:
    """The product with a transparent surround, shaded like a cylinder."""
    width = int(height * (0.30 if view == "side" else 0.40))
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    neck, shoulder = height * 16 // 100, height * 26 // 100
    draw.rounded_rectangle((0, shoulder - height // 10, width - 1, height - 1), width // 6, 255)
    draw.rectangle((width * 34 // 100, neck, width * 66 // 100, shoulder), 255)
    shade = _cylinder((width, height))
    body = Image.composite(
        Image.new("RGB", mask.size, _mixed(tint, (255, 255, 255), 0.45)),
        Image.new("RGB", mask.size, _mixed(tint, (0, 0, 0), 0.45)),
        shade,
    )
    cap = (width * 30 // 100, height * 2 // 100, width * 70 // 100, neck + height // 100)
    draw.rounded_rectangle(cap, width // 24, 255)
    dark = _mixed(tint, (30, 30, 34), 0.75)
    lid = Image.composite(
        Image.new("RGB", mask.size, _mixed(dark, (255, 255, 255), 0.35)),
        Image.new("RGB", mask.size, _mixed(dark, (0, 0, 0), 0.4)),
        shade,
    )
    body.paste(lid.crop(cap), cap)
    if view != "back":
        _label(body, shade, tint)
    body.putalpha(mask.filter(ImageFilter.GaussianBlur(0.8)))
    return body


def _cylinder(size: tuple[int, int]) -> Image.Image:
    """Light from the left: bright a third of the way across, dark at the edges."""
    row = bytes(
        round(255 * max(0.0, min(1.0, 0.15 + 0.85 * math.exp(-(((x / 255) - 0.34) ** 2) / 0.06))))
        for x in range(256)
    )
    return Image.frombytes("L", (256, 1), row).resize(size)


def _label(body: Image.Image, shade: Image.Image, tint: Colour) -> None:
    width, height = body.size
    box = (0, height * 42 // 100, width, height * 78 // 100)
    paper = Image.composite(
        Image.new("RGB", body.size, (250, 247, 240)),
        Image.new("RGB", body.size, (176, 170, 160)),
        shade,
    )
    draw = ImageDraw.Draw(paper)
    middle, ink = width // 2, _mixed(tint, (20, 20, 24), 0.4)
    draw.line((width // 5, box[1] + height // 50, width * 4 // 5, box[1] + height // 50), ink, 2)
    circle = height * 6 // 100
    centre = height * 52 // 100
    draw.ellipse((middle - circle, centre - circle, middle + circle, centre + circle), tint)
    for at, share in ((62, 30), (67, 22), (71, 14)):
        bar = (middle - width * share // 100, height * at // 100)
        draw.rectangle((*bar, middle + width * share // 100, bar[1] + height // 90), ink)
    body.paste(paper.crop(box), box)


def _lid(across: int, tint: Colour) -> Image.Image:
    """The product from above."""
    shown, across = across, across * 3
    disc = Image.new("RGBA", (across, across))
    draw = ImageDraw.Draw(disc)
    dark = _mixed(tint, (30, 30, 34), 0.75)
    for inset, fill in (
        (0, _mixed(tint, (0, 0, 0), 0.2)),
        (3, tint),
        (14, _mixed(tint, (255, 255, 255), 0.25)),
        (29, dark),
        (31, _mixed(dark, (255, 255, 255), 0.18)),
        (42, _mixed(dark, (255, 255, 255), 0.26)),
    ):
        edge = across * inset // 100
        draw.ellipse((edge, edge, across - edge - 1, across - edge - 1), fill=fill)
    return disc.resize((shown, shown), Image.Resampling.BOX)


def _stand(scene: Image.Image, product: Image.Image, down: float, *, lies: bool = False) -> None:
    """Set the product into the scene with a soft shadow under it."""
    width, height = scene.size
    left = (width - product.width) // 2
    top = int((height - product.height) * down + height * 0.02)
    small = Image.new("L", (width // 8, height // 8))
    foot = (top + product.height) // 8
    reach, thick = product.width // 8 * 6 // 10, max(2, product.height // 90)
    if lies:
        reach, thick = product.width // 16, product.height // 16
        foot -= thick - thick // 6
    middle = width // 16
    ImageDraw.Draw(small).ellipse(
        (middle - reach + reach // 6, foot - thick, middle + reach + reach // 3, foot + thick), 130
    )
    shadow = small.filter(ImageFilter.GaussianBlur(max(2, width / 260))).resize(scene.size)
    scene.paste(Image.new("RGB", scene.size, (52, 48, 46)), (0, 0), shadow)
    scene.paste(product, (left, top), product)


def _sign(scene: Image.Image) -> None:
    size = max(12, scene.height // 42)
    font = ImageFont.load_default(size)
    at = (size, scene.height - 2 * size)
    ImageDraw.Draw(scene).text(at, "test picture", fill=(120, 114, 108), font=font)


_FILMS_KEPT = 64
_films: dict[tuple[str, int, int], bytes] = {}


def _thumbnail(image: bytes) -> Image.Image:
    """The picture at the clip size of the nearest shape."""
    with Image.open(io.BytesIO(image), formats=["JPEG", "PNG", "WEBP"]) as opened:
        opened.draft("RGB", (1024, 1024))
        ratio = opened.width / opened.height
        size = min(_CLIP_SIZES, key=lambda s: abs(math.log(s[0] / s[1] / ratio)))
        shown: Image.Image = opened.convert("RGB").resize(size)
        return shown


def _film(shown: Image.Image, key: str, frames: int, fps: int) -> bytes:
    with TemporaryDirectory(prefix="fake-replicate-") as folder:
        out = Path(folder) / "clip.mp4"
        _encode(shown, frames, fps, out)
        film = out.read_bytes()
    while len(_films) >= _FILMS_KEPT:
        _films.pop(next(iter(_films)))
    _films[key, frames, fps] = film
    return film


def _encode(shown: Image.Image, frames: int, fps: int, out: Path) -> None:
    still = io.BytesIO()
    shown.save(still, "BMP")
    width, height = shown.size
    centre = "x='(iw-iw/zoom)/2':y='(ih-ih/zoom)/2'"
    zoom = f"{width}x{height}:fps={fps}:d={frames}:z='1+0.12*on/{frames}':{centre}"
    subprocess.run(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin"),
            *("-f", "bmp_pipe", "-i", "pipe:0"),
            *("-vf", f"scale=2*iw:-1:flags=fast_bilinear,zoompan=s={zoom}"),
            *("-frames:v", str(frames), "-r", str(fps), "-c:v", "libx264"),
            *("-preset", "ultrafast", "-crf", "26", "-pix_fmt", "yuv420p", "-threads", "1"),
            *("-movflags", "+faststart", str(out)),
        ],
        input=still.getvalue(),
        capture_output=True,
        check=True,
        timeout=120,
    )
