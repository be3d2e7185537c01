"""Files that somebody hostile would upload: small to send, large to open, or two things at once."""

from __future__ import annotations

import io
import itertools
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

from PIL import Image, PngImagePlugin

from adgen.providers.photos import sample_photos

# About 40 megapixels, in a shape that is let in.
WIDE, HIGH = 11_900, 3_340
MIB = 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"
SCRIPT = b"<script>window.__xss=1</script>"


def chunk(kind: bytes, body: bytes) -> bytes:
    return (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    )  # fmt: skip


def png(
    width: int, height: int, depth: int, colour: int, *extra: bytes, pixels: bool = True
) -> bytes:
    """A PNG of zeros, made row by row; `extra` are chunks before its pixels."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + (width * depth * channels + 7) // 8)
    packer = zlib.compressobj(1)
    packed = [packer.compress(row * n) for n in _rows(height if pixels else 0)]
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = b"".join([*packed, packer.flush()])
    return b"".join(
        [_PNG, chunk(b"IHDR", head), *extra, chunk(b"IDAT", data), chunk(b"IEND", b"")]
    )  # fmt: skip


def _rows(height: int) -> Iterator[int]:
    while height > 0:
        yield min(height, 64)
        height -= 64


def picture(
    kind: str, size: tuple[int, int] = (400, 400), mode: str = "RGB", **how: object
) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind, **how)
    return out.getvalue()


def photo() -> bytes:
    return sample_photos()[0][1]


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("evil.html", SCRIPT * 100)
        archive.writestr("bomb", bytes(9 * MIB))
    return out.getvalue()


PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n"


def jpeg_with_comment(text: bytes) -> bytes:
    whole = photo()
    return whole[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + whole[2:]


def jpeg_of_size(width: int, height: int) -> bytes:
    """A JPEG whose header claims a size."""
    data = bytearray(picture("JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def jpeg_of_many_scans(times: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = picture("JPEG", (WIDE, HIGH), progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * times + data[-2:]


def webp_of_size(width: int, height: int) -> bytes:
    """A WebP whose header claims a canvas."""
    still = picture("WEBP", lossless=True)[12:]
    sizes = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + bytes(4) + sizes + still
    return b"RIFF" + struct.pack("<I", len(body)) + body


def animation(kind: str, frames: int) -> bytes:
    """Many frames, each unlike the one before."""
    out = io.BytesIO()
    made = [Image.new("RGB", (300, 300), (n % 256, n // 256, 0)) for n in range(frames)]
    made[0].save(out, kind, save_all=True, append_images=made[1:], duration=20)
    return out.getvalue()


def apng_that_claims(frames: int) -> bytes:
    return png(300, 300, 8, 2, chunk(b"acTL", struct.pack(">II", frames, 0)))


def exif_bomb() -> bytes:
    """A JPEG whose EXIF points in circles and claims four thousand million entries."""
    tiff = (
        b"MM\x00\x2a\x00\x00\x00\x08"
        + b"\xff\xff"
        + b"\x87\x69\x00\x04\x00\x00\x00\x01\x00\x00\x00\x08" * 2000
    )
    text = b"Exif\x00\x00" + tiff
    whole = photo()
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(text) + 2) + text + whole[2:]


def svg(body: str = "") -> bytes:
    lol = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "lol">' for n in range(10)
    )
    return (
        f'<?xml version="1.0"?><!DOCTYPE svg [{lol}]><svg xmlns="http://www.w3.org/2000/svg" '
        f'width="600" height="600" onload="window.__xss=1"><text>&l9;</text>{body}</svg>'
    ).encode()


def wav(data: bytes, *, claims: int | None = None, channels: int = 1, rate: int = 8000) -> bytes:
    size = len(data) if claims is None else claims
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels, channels & 0xFFFF, 8)
    head = (
        b"RIFF" + struct.pack("<I", (size + 36) & 0xFFFFFFFF) + b"WAVEfmt " + struct.pack("<I", 16)
    )
    return head + form + b"data" + struct.pack("<I", size) + data


def flac_of_silence(hours: float) -> bytes:
    """Digital silence at eight kHz: hours of it in some kilobytes."""
    rate, block = 8000, 4608
    info = struct.pack(">HH", block, block) + bytes(6)
    total = int(hours * 3600 * rate)
    info += ((rate << 44) | (7 << 36) | total).to_bytes(8, "big") + bytes(16)
    head = b"fLaC\x80" + len(info).to_bytes(3, "big") + info
    return head + b"".join(_silence(n) for n in range(total // block))


def _silence(number: int) -> bytes:
    # Blocks of 4608 samples at 8 kHz, one channel of 8 bits, all zero: RFC 9639, section 9.
    head = b"\xff\xf8\x54\x02" + _coded(number)
    frame = head + bytes([_crc(head, 8, 0x07)]) + b"\x00\x00"
    return frame + _crc(frame, 16, 0x8005).to_bytes(2, "big")


def _coded(number: int) -> bytes:
    """A number as FLAC counts its blocks: as UTF-8 would write it."""
    return chr(number).encode("utf-8", "surrogatepass")


def _crc(data: bytes, bits: int, poly: int) -> int:
    value, top = 0, 1 << (bits - 1)
    for byte in data:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = ((value << 1) ^ poly if value & top else value << 1) & ((1 << bits) - 1)
    return value


def mp3_with_tag(claims: int) -> bytes:
    """An ID3 tag that claims a size, and no sound."""
    size = bytes((claims >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + size + b"APIC" + struct.pack(">I", claims) + bytes(2000)


PLAYLIST = b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXTINF:10,\nhttp://127.0.0.1:9/secret\n"
CONCAT = b"ffconcat version 1.0\nfile /etc/passwd\nfile '/proc/self/environ'\n"
DASH = b'<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>'

# Name -> what makes it, and whether it may be let in: rewritten as a plain picture then.
PHOTOS: dict[str, tuple[Callable[[], bytes], bool]] = {
    "png claims 3.6 gigapixels": (lambda: png(60_000, 60_000, 8, 2, pixels=False), False),
    "png of 900 megapixels": (lambda: png(30_000, 30_000, 1, 0), False),
    "png of 40 megapixels, see-through": (lambda: png(WIDE, HIGH, 8, 6), True),
    "png of 40 megapixels, 16 bits a colour": (lambda: png(WIDE, HIGH, 16, 2), True),
    "png of 40 megapixels, 16 bits see-through": (lambda: png(WIDE, HIGH, 16, 6), True),
    "png of 40 megapixels, 16 bits grey": (lambda: png(WIDE, HIGH, 16, 0), True),
    "png of 40 megapixels, palette": (
        lambda: png(
            WIDE, HIGH, 8, 3, chunk(b"PLTE", bytes(range(256)) * 3), chunk(b"tRNS", bytes(9))
        ),
        True,
    ),
    "png with 100 MB of text": (
        lambda: png(400, 400, 8, 2, chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(100 * MIB)))),
        False,
    ),
    "png with 100 MB of profile": (
        lambda: png(400, 400, 8, 2, chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(100 * MIB)))),
        False,
    ),
    "png with much text, a little each": (
        lambda: png(
            *(400, 400, 8, 2),
            *[chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(MIB - 1)))] * 80,
        ),
        False,
    ),
    "apng of 40 frames": (lambda: animation("PNG", 40), False),
    "apng claims 4 thousand million frames": (lambda: apng_that_claims(2**31 - 1), False),
    "png cut short": (lambda: picture("PNG", (3000, 3000))[:-60], False),
    "png and zip": (lambda: picture("PNG") + zipped(), True),
    "png and html": (lambda: picture("PNG") + b"<html>" + SCRIPT, True),
    "png with html in its text": (
        lambda: picture("PNG", pnginfo=_said(SCRIPT.decode())),
        True,
    ),
    "jpeg and script": (lambda: jpeg_with_comment(b"*/=1;window.__xss=1;/*"), True),
    "jpeg and pdf": (lambda: jpeg_with_comment(PDF) + PDF, True),
    "jpeg and html": (lambda: jpeg_with_comment(SCRIPT) + SCRIPT, True),
    "jpeg claims 4 gigapixels": (lambda: jpeg_of_size(65_500, 65_500), False),
    "jpeg of 40 megapixels, progressive": (
        lambda: picture("JPEG", (WIDE, HIGH), progressive=True, subsampling=0),
        True,
    ),
    "jpeg of 24 megapixels, square, progressive, four inks": (
        lambda: picture("JPEG", (4890, 4890), "CMYK", progressive=True, subsampling=0),
        True,
    ),
    "jpeg of 40 megapixels, four inks": (lambda: picture("JPEG", (WIDE, HIGH), "CMYK"), False),
    "jpeg of 40 megapixels, square, progressive": (
        lambda: picture("JPEG", (6300, 6300), progressive=True, subsampling=0),
        True,
    ),
    "jpeg of 2,000 scans": (lambda: jpeg_of_many_scans(2000), False),
    "jpeg cut short": (lambda: photo()[: len(photo()) // 2], False),
    "jpeg whose exif goes in circles": (exif_bomb, True),
    "gif claims 4 gigapixels": (
        lambda: b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + picture("GIF")[10:],
        False,
    ),
    "gif of many frames": (lambda: animation("GIF", 40), False),
    "gif and script": (lambda: b"GIF89a=1;window.__xss=1;/*" + picture("GIF")[6:], False),
    "svg with a million entities": (svg, False),
    "svg that asks for files": (
        lambda: svg('<image href="file:///etc/passwd" width="1" height="1"/>'),
        False,
    ),
    "html": (lambda: b"<!doctype html><html>" + SCRIPT, False),
    "pdf with script": (lambda: PDF, False),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n{} loop\n", False),
    "tiff claims 4 gigapixels": (
        lambda: picture("TIFF").replace(struct.pack("<I", 400), struct.pack("<I", 65_535)),
        False,
    ),
    "bmp claims 4 gigapixels": (
        lambda: picture("BMP")[:18] + struct.pack("<ii", 65_535, 65_535) + picture("BMP")[26:],
        False,
    ),
    "webp claims 268 megapixels": (lambda: webp_of_size(16_383, 16_383), False),
    "webp of 40 megapixels": (lambda: picture("WEBP", (WIDE, HIGH), lossless=True), False),
    "webp of 16 megapixels": (
        lambda: picture("WEBP", (4000, 4000), "RGBA", lossless=True),
        True,
    ),
    "webp of 40 frames": (lambda: animation("WEBP", 40), False),
    "webp cut short": (lambda: picture("WEBP", (900, 900), lossless=True)[:-20], False),
    "nothing": (lambda: b"", False),
    "26 MB of nothing": (lambda: bytes(26 * MIB), False),
    "33 MB of nothing": (lambda: bytes(33 * MIB), False),
}
MUSIC: dict[str, tuple[Callable[[], bytes], bool]] = {
    "wav claims 4 GB": (lambda: wav(b"", claims=2**32 - 1), False),
    "wav of 65,535 channels": (lambda: wav(bytes(70_000), channels=65_535), False),
    "wav of an hour": (lambda: wav(b"\x80" * (3600 * 8000)), False),
    "flac of an hour of silence": (lambda: flac_of_silence(1), False),
    "mp3 whose tag claims 256 MB": (lambda: mp3_with_tag(2**28 - 1), False),
    "playlist as mp3": (lambda: PLAYLIST, False),
    "list of files as wav": (lambda: CONCAT, False),
    "dash as m4a": (lambda: DASH, False),
    "html as mp3": (lambda: SCRIPT * 50, False),
    "zip as flac": (zipped, False),
    "picture as mp3": (photo, False),
    "wav and html": (lambda: wav(b"\x80" * 16_000) + SCRIPT, True),
}


def _said(text: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", text)
    return info


def every() -> Iterator[tuple[str, str, Callable[[], bytes], bool]]:
    """What it goes in as, its name, what makes it, whether it may be let in."""
    photos = (("photos", name, make, may) for name, (make, may) in PHOTOS.items())
    music = (("music", name, make, may) for name, (make, may) in MUSIC.items())
    return itertools.chain(photos, music)
