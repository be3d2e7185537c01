"""What the door for people's pictures lets in, turns away, and sees."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from adgen.errors import InputRejected
from adgen.providers import photos
from adgen.providers.photos import crop_window, find_focus, read_photo, sample_photos


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def decode(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=["JPEG"])


def noise(width: int, height: int) -> Image.Image:
    shape = (height, width, 3)
    return Image.fromarray(np.random.default_rng(7).integers(0, 255, shape, dtype=np.uint8))


def red_dot(size: tuple[int, int], at: tuple[float, float], radius: int = 40) -> Image.Image:
    image = Image.new("RGB", size, "#dddddd")
    x, y = at[0] * size[0], at[1] * size[1]
    ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius), fill="red")
    return image


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


NOT_PICTURES = {
    "text": b"Meeting notes: buy milk.\n" * 40,
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="600" height="600"></svg>',
    "html": b"<!doctype html><html><body>Not found</body></html>",
    "gif": encode(noise(300, 300), "GIF"),
    "bmp": encode(noise(300, 300), "BMP"),
    "tiff": encode(noise(300, 300), "TIFF"),
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
}


@pytest.mark.parametrize("kind", NOT_PICTURES)
def test_what_is_no_picture_is_refused_by_name(kind: str) -> None:
    with pytest.raises(InputRejected) as refusal:
        read_photo(NOT_PICTURES[kind], "notes.png")
    assert refusal.value.user_message == (
        "notes.png is not a picture we can read. Use a PNG, JPEG or WebP file."
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_picture_is_refused(kind: str) -> None:
    whole = encode(noise(400, 300), kind)
    with pytest.raises(InputRejected, match=r"^half.jpg is "):
        read_photo(whole[: len(whole) // 2], "half.jpg")


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(InputRejected, match="is empty"):
        read_photo(b"", "nothing.png")


def test_a_heavy_file_is_refused_unread() -> None:
    with pytest.raises(InputRejected, match="larger than 25 MB"):
        read_photo(b"\x00" * (photos.BYTES_MAX + 1), "big.jpg")


@pytest.mark.parametrize("size", [(30_000, 300), (300, 12_001), (8000, 6000), (60_000, 60_000)])
def test_too_many_pixels_are_refused_from_the_header(size: tuple[int, int]) -> None:
    with pytest.raises(InputRejected, match=r"wide.png has too many pixels.*12,000 pixels a side"):
        read_photo(png_header(*size), "wide.png")


@pytest.mark.parametrize("size", [(255, 900), (900, 255), (16, 16)])
def test_a_small_picture_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputRejected, match="at least 256 pixels on each side"):
        read_photo(encode(Image.new("RGB", size)), "icon.png")


def test_a_strip_that_would_end_too_thin_is_refused() -> None:
    with pytest.raises(InputRejected, match="too narrow"):
        read_photo(encode(Image.new("RGB", (5120, 300))), "pano.png")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd is"),
        ("C:\\photos\\shoe.png", "shoe.png is"),
        ("<b>[x](http://evil)`$.png", "evil).png is"),
        ("a" * 200 + ".png", "a" * 60 + " is"),
        ("\u202e\x00\n", "This file is"),
    ],
)
def test_file_names_are_made_safe_for_messages(name: str, shown: str) -> None:
    with pytest.raises(InputRejected) as refusal:
        read_photo(b"text", name)
    assert refusal.value.user_message.startswith(shown)


def test_a_photo_taken_sideways_is_turned_and_loses_its_exif() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Secret camera"
    lying = red_dot((600, 400), (0.1, 0.5))
    photo = read_photo(encode(lying, "JPEG", exif=exif), "turned.jpg")
    assert (photo.width, photo.height) == (400, 600)
    upright = decode(photo.data)
    assert upright.size == (400, 600)
    assert dict(upright.getexif()) == {}
    assert b"Secret" not in photo.data
    # Orientation 6: the left edge of the stored picture is the top of the seen one.
    assert photo.focus[1] < 0.25
    assert photo.focus[0] == pytest.approx(0.5, abs=0.05)


def test_see_through_parts_become_white() -> None:
    image = Image.new("RGBA", (300, 300), (255, 0, 0, 0))
    for data in (encode(image), encode(image, "WEBP"), encode(image.convert("LA"))):
        seen = decode(read_photo(data, "logo.png").data)
        assert seen.getpixel((150, 150)) == (255, 255, 255)


def test_palette_transparency_becomes_white() -> None:
    image = Image.new("P", (300, 300), 0)
    image.putpalette([200, 0, 0, 0, 0, 200])
    seen = decode(read_photo(encode(image, transparency=0), "flat.png").data)
    assert seen.getpixel((150, 150)) == (255, 255, 255)


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    grey = Image.fromarray(np.full((300, 300), 32_896, dtype=np.uint16))
    seen = decode(read_photo(encode(grey), "scan.png").data)
    assert seen.getpixel((150, 150)) == pytest.approx((128, 128, 128), abs=2)


def test_cmyk_becomes_rgb() -> None:
    image = Image.new("CMYK", (300, 300), (0, 255, 255, 0))
    photo = read_photo(encode(image, "JPEG"), "print.jpg")
    seen = decode(photo.data)
    assert seen.mode == "RGB"
    assert seen.getpixel((150, 150)) == pytest.approx((255, 0, 0), abs=4)


def test_a_colour_profile_is_applied_and_dropped() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (lab, b"not a profile"):
        photo = read_photo(encode(noise(300, 300), icc_profile=profile), "tagged.png")
        assert "icc_profile" not in decode(photo.data).info


def test_large_pictures_are_brought_to_2560_pixels() -> None:
    photo = read_photo(encode(Image.new("RGB", (4000, 3000), "teal"), "JPEG"), "large.jpg")
    assert (photo.width, photo.height) == (2560, 1920)
    assert decode(photo.data).size == (2560, 1920)


def test_reading_twice_gives_the_same_bytes() -> None:
    [(name, data), *_] = sample_photos()
    assert read_photo(data, name) == read_photo(data, name)


@pytest.mark.parametrize("at", [(0.25, 0.3), (0.5, 0.5), (0.72, 0.66)])
def test_focus_finds_the_subject(at: tuple[float, float]) -> None:
    assert find_focus(red_dot((900, 600), at)) == pytest.approx(at, abs=0.06)


def test_focus_settles_on_one_of_two_subjects() -> None:
    image = red_dot((900, 600), (0.25, 0.6), 60)
    image.paste(red_dot((900, 600), (0.75, 0.6), 55).crop((450, 0, 900, 600)), (450, 0))
    assert find_focus(image)[0] == pytest.approx(0.25, abs=0.06)


def test_focus_of_an_empty_picture_is_its_middle() -> None:
    assert find_focus(Image.new("RGB", (600, 400), "white")) == pytest.approx((0.5, 0.5), abs=0.1)


@pytest.mark.parametrize("size", [(1600, 1067), (1067, 1600), (300, 300), (2560, 257)])
@pytest.mark.parametrize("aspect", [16 / 9, 9 / 16, 1.0, 0.8])
@pytest.mark.parametrize("zoom", [1.0, 1.8, 3.0])
@pytest.mark.parametrize("focus", [(0.0, 1.0), (0.5, 0.5), (1.0, 0.2)])
def test_a_window_has_its_shape_and_stays_inside(
    size: tuple[int, int], aspect: float, zoom: float, focus: tuple[float, float]
) -> None:
    left, top, right, bottom = crop_window(size, aspect, focus, zoom)
    assert left >= 0
    assert top >= 0
    assert right <= size[0] + 1e-6
    assert bottom <= size[1] + 1e-6
    assert (right - left) / (bottom - top) == pytest.approx(aspect)
    largest = min(size[0], size[1] * aspect)
    assert right - left == pytest.approx(largest / zoom)


def test_a_window_is_centred_on_the_focus_when_there_is_room() -> None:
    assert crop_window((1000, 1000), 1.0, (0.4, 0.6), 2) == pytest.approx((150, 350, 650, 850))


def test_the_sample_product_has_four_readable_photos() -> None:
    names = [name for name, _ in sample_photos()]
    assert names == [
        "chair-and-bowl.jpg",
        "mugs-on-table.jpg",
        "oak-chair.jpg",
        "stoneware-jug.jpg",
    ]
    for name, data in sample_photos():
        photo = read_photo(data, name)
        assert max(photo.width, photo.height) == 1600
