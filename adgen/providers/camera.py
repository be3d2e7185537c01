"""Camera moves over a picture: clips made of frames, at $0."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from adgen.domain import Aspect
from adgen.errors import BadModelOutput, Cancelled
from adgen.providers.models import Result
from adgen.providers.photos import FORMATS, crop_window
from adgen.providers.templates import moves_in

FPS = 30
FRAME = {
    Aspect.WIDE: (1280, 720),
    Aspect.TALL: (720, 1280),
    Aspect.SQUARE: (720, 720),
    Aspect.PORTRAIT: (960, 1200),
}
# How many pixels of the picture make one of the narrowest frame.
OVERSAMPLE = 1.3
MOVES = ("push", "pan", "pull", "drift", "tilt")

Floats = NDArray[np.floating[Any]]
Box = tuple[float, float, float, float]
Size = tuple[int, int]
Cancel = Callable[[], bool]


def make_clip(
    inputs: Mapping[str, Any],
    image: Path,
    out: Path,
    cancelled: Cancel,
    *,
    size: Size | None = None,
    shrink: int = 1,
) -> Result:
    """A camera move over the picture, `size` pixels or what suits the film's shape.

    `shrink` divides either: quick clips to rehearse with.
    """
    wide, high = size or FRAME[Aspect(inputs.get("aspect", Aspect.WIDE))]
    size = (wide // shrink // 2 * 2, high // shrink // 2 * 2) if shrink > 1 else (wide, high)
    frames = max(1, round(FPS * float(inputs["duration_seconds"])))
    picture = open_picture(image)
    move, start, end = plan_move(picture.size, size, inputs)
    picture, start, end = _fitted(picture, start, end, size)
    _film(picture, start, end, size, frames, out, cancelled)
    return Result(
        file=out,
        content_type="video/mp4",
        metadata={
            "width": size[0],
            "height": size[1],
            "fps": FPS,
            "duration_seconds": frames / FPS,
            "move": move,
        },
    )


def plan_move(picture: Size, frame: Size, inputs: Mapping[str, Any]) -> tuple[str, Box, Box]:
    """The move's name, and the window it starts and ends with.

    Both windows lie inside the picture, so every window on the way between them does too.
    """
    ratio, shape = frame[0] / frame[1], picture[0] / picture[1]
    text = str(inputs.get("description", ""))
    slot, attempt = int(inputs.get("slot", 0)), int(inputs.get("attempt", 1))
    flip = bool((int(inputs.get("seed", 0)) + slot + attempt) % 2)
    focus = _pair(inputs.get("focus") or (0.5, 0.5))
    intensity = min(max(float(inputs.get("motion_intensity", 0.5)), 0.0), 1.0)
    reach = 0.05 + 0.26 * intensity
    # A picture much taller or wider than the frame is shown along its length.
    if shape < ratio * 0.8:
        return "tilt", *_along(picture, ratio, focus, 0.2 + 0.8 * intensity, axis=1)
    if shape > ratio * 1.25:
        return "pan", *_along(picture, ratio, focus, 0.15 + 0.5 * intensity, axis=0)
    move = next(iter(moves_in(text)), MOVES[slot % len(MOVES)])
    if move in ("push", "pull"):
        near = crop_window(picture, ratio, focus, 1 + reach)
        wide = crop_window(picture, ratio, focus, 1.0)
        return (move, wide, near) if move == "push" else (move, near, wide)
    named = re.search(r"\b(?:to the )?(left|right|up|down)\b", text, re.IGNORECASE)
    back = named[1].lower() in ("left", "up") if named else flip
    if move == "drift":
        start, end = _across(picture, ratio, focus, reach * 0.6, axis=0)
        end = crop_window(picture, ratio, _middle(end, picture), 1 + reach)
        return (move, end, start) if back else (move, start, end)
    start, end = _across(picture, ratio, focus, reach * 0.75, axis=0 if move == "pan" else 1)
    return (move, end, start) if back else (move, start, end)


def _across(
    picture: Size, ratio: float, focus: tuple[float, float], reach: float, axis: int
) -> tuple[Box, Box]:
    """Two windows `reach` of a window apart, with the focus between them."""
    whole = crop_window(picture, ratio, focus, 1.0)
    wide = whole[axis + 2] - whole[axis]
    zoom = max(1.04, wide * (1 + reach) / picture[axis])
    return _apart(picture, ratio, focus, zoom, reach * wide / zoom, axis, at_end=0.5)


def _along(
    picture: Size, ratio: float, focus: tuple[float, float], reach: float, axis: int
) -> tuple[Box, Box]:
    """A way over a long picture that ends on the focus, from the side with more to see."""
    whole = crop_window(picture, ratio, focus, 1.02)
    wide = whole[axis + 2] - whole[axis]
    travel = min(picture[axis] - wide, reach * wide)
    start, end = _apart(picture, ratio, focus, 1.02, travel, axis, at_end=1.0)
    back, forth = _apart(picture, ratio, focus, 1.02, travel, axis, at_end=0.0)
    return (start, end) if focus[axis] >= 0.5 else (forth, back)


def _apart(
    picture: Size,
    ratio: float,
    focus: tuple[float, float],
    zoom: float,
    travel: float,
    axis: int,
    at_end: float,
) -> tuple[Box, Box]:
    window = crop_window(picture, ratio, focus, zoom)
    half = (window[axis + 2] - window[axis]) / 2
    first = focus[axis] * picture[axis] - travel * at_end
    first = max(half, min(first, picture[axis] - half - travel))
    points = []
    for place in (first, first + travel):
        point = list(focus)
        point[axis] = place / picture[axis]
        points.append(crop_window(picture, ratio, (point[0], point[1]), zoom))
    return points[0], points[1]


def _middle(box: Box, picture: Size) -> tuple[float, float]:
    return (box[0] + box[2]) / 2 / picture[0], (box[1] + box[3]) / 2 / picture[1]


def _pair(values: Sequence[Any]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _fitted(picture: Image.Image, start: Box, end: Box, size: Size) -> tuple[Image.Image, Box, Box]:
    # Sampling between the pixels of a small picture goes sharp and soft in turns, which the eye
    # sees as trembling. Enlarged once, well, every frame is a reduction and stays even. A large
    # picture is reduced once, which saves time on every frame.
    narrowest = min(start[2] - start[0], end[2] - end[0])
    factor = OVERSAMPLE * size[0] / narrowest
    if 0.8 < factor < 1.02:
        return picture, start, end
    wide, tall = round(picture.width * factor), round(picture.height * factor)
    grown = picture.resize((wide, tall), Image.Resampling.LANCZOS)
    across, down = wide / picture.width, tall / picture.height

    def scaled(box: Box) -> Box:
        right, bottom = min(box[2] * across, wide), min(box[3] * down, tall)
        return box[0] * across, box[1] * down, right, bottom

    return grown, scaled(start), scaled(end)


def _between(start: Box, end: Box, done: float) -> Box:
    left, top, right, bottom = (a + (b - a) * done for a, b in zip(start, end, strict=True))
    return left, top, right, bottom


def _film(
    picture: Image.Image,
    start: Box,
    end: Box,
    size: Size,
    frames: int,
    out: Path,
    cancelled: Cancel,
) -> None:
    def frame(number: int) -> NDArray[np.uint8]:
        done = float(smooth(number / max(frames - 1, 1)))
        box = _between(start, end, done)
        return np.asarray(picture.resize(size, Image.Resampling.BICUBIC, box=box))

    write_clip(frame, frames, FPS, out, cancelled)


def write_clip(
    frame: Callable[[int], NDArray[np.uint8]], frames: int, fps: int, out: Path, cancelled: Cancel
) -> None:
    """The frames as a clip every player shows. Raises Cancelled, or BadModelOutput."""
    # Here and not on top: MoviePy loads `.env` and looks for ffmpeg when imported.
    from moviepy.video.VideoClip import VideoClip

    def frame_at(seconds: float) -> NDArray[np.uint8]:
        number = round(seconds * fps)
        if number % 5 == 0:
            stop_if(cancelled)
        return frame(number)

    try:
        # Half a frame over, because MoviePy rounds the number of frames down.
        clip = VideoClip(frame_at, duration=(frames + 0.5) / fps)
        clip.write_videofile(
            str(out),
            fps=fps,
            codec="libx264",
            audio=False,
            preset="veryfast",
            threads=1,
            logger=None,
            ffmpeg_params=_X264,
        )
    except Cancelled:
        out.unlink(missing_ok=True)
        raise
    except OSError as error:
        raise BadModelOutput("The clip could not be written. Is the disk full?") from error
    # MoviePy does not look at ffmpeg's exit code.
    if not out.is_file() or not out.stat().st_size:
        raise BadModelOutput("The clip came out empty.")


_X264 = [
    "-crf", "15",
    # More bits for smooth walls, which otherwise crawl while the camera moves.
    "-x264-params", "aq-mode=3",
    # The tags alone are not enough: ffmpeg would convert with the matrix of old television.
    "-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setsar=1,"
    "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709",
    "-movflags", "+faststart",
]  # fmt: skip


def open_picture(path: Path) -> Image.Image:
    try:
        with Image.open(path, formats=FORMATS) as image:
            picture: Image.Image = image.convert("RGB")
    except (OSError, SyntaxError, ValueError):
        raise BadModelOutput("The picture for this step cannot be read.") from None
    return picture


def stop_if(cancelled: Cancel) -> None:
    if cancelled():
        raise Cancelled("Stopped.")


def smooth(t: Any) -> Floats:
    held = np.clip(t, 0.0, 1.0)
    eased: Floats = np.asarray(held * held * (3 - 2 * held), dtype=np.float32)
    return eased
