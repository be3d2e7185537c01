"""The door that needs no network: own photos, rendered mock-ups, real camera moves, at $0."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from adgen.domain import Aspect, Value, View
from adgen.errors import BadModelOutput
from adgen.providers.camera import FRAME, Cancel, Size, make_clip, open_picture, stop_if, write_clip
from adgen.providers.catalogue import ModelSpec
from adgen.providers.models import Result, Watch
from adgen.providers.photos import JPEG_QUALITY, crop_window, find_focus
from adgen.providers.placeholder import paint_placeholder
from adgen.providers.studio import orders as studio
from adgen.providers.studio import shots
from adgen.providers.templates import plan_from_prompt, scenes_from_views

VIEWS = tuple(View)
# What the catalogue calls the makers here.
PHOTOS, STUDIO, FRAMES = "offline/photos", "offline/studio", "offline/frames"
CAMERA, STUDIO_CAMERA = "offline/camera", "offline/studio-camera"
# How close a crop of a photo goes in for each view; all different, so no two crops are the same.
ZOOM = {
    View.FRONT: 1.15,
    View.SIDE: 1.4,
    View.BACK: 1.7,
    View.TOP: 2.0,
    View.DETAIL: 2.6,
    View.LIFESTYLE: 1.25,
}
# How far from the subject the crop's middle lies, in crops: thirds, not six bull's eyes.
LEAN = {
    View.SIDE: (0.14, 0.0),
    View.BACK: (-0.14, 0.0),
    View.TOP: (0.15, -0.16),
    View.LIFESTYLE: (-0.1, -0.05),
}
CROP_WIDTH_MIN = 480


class PhotoInfo(Value):
    """What must be known of a photo to share it out: its size and where its subject is."""

    width: int
    height: int
    focus: tuple[float, float]


class Crop(Value):
    """A part of the photo with this index: how close, and around which point (0..1)."""

    photo: int
    zoom: float
    focus: tuple[float, float]


class SlotPhoto(Value):
    """What fills a slot: the whole photo, or a crop of it."""

    slot: int
    view: View
    photo: int
    crop: Crop | None = None


def share_photos(photos: Sequence[PhotoInfo], aspect: Aspect = Aspect.WIDE) -> list[SlotPhoto]:
    """How 1 to 6 photos (the first six of more) fill the six views, no two alike; none gives []."""
    used = list(photos)[: len(VIEWS)]
    if not used:
        return []
    whole = [view for view in VIEWS if view is not View.DETAIL or len(used) == len(VIEWS)]
    owner = dict(zip(whole, range(len(used)), strict=False))
    shared: list[SlotPhoto] = []
    crops = 0
    for slot, view in enumerate(VIEWS):
        if view in owner:
            shared.append(SlotPhoto(slot=slot, view=view, photo=owner[view]))
            continue
        index = crops % len(used)
        crop = _crop_for(view, index, used[index], aspect)
        shared.append(SlotPhoto(slot=slot, view=view, photo=index, crop=crop))
        crops += 1
    return shared


def _crop_for(view: View, index: int, photo: PhotoInfo, aspect: Aspect) -> Crop:
    ratio = _ratio(aspect)
    widest = min(photo.width, photo.height * ratio)
    # A small photo is not blown up until it blurs; the steps just get smaller.
    closest = max(1.5, min(ZOOM[View.DETAIL], widest / CROP_WIDTH_MIN))
    zoom = 1 + (ZOOM[view] - 1) * (closest - 1) / (ZOOM[View.DETAIL] - 1)
    lean = LEAN.get(view, (0.0, 0.0))
    wide, tall = widest / zoom, widest / zoom / ratio
    x = photo.focus[0] + lean[0] * wide / photo.width
    y = photo.focus[1] + lean[1] * tall / photo.height
    focus = (round(min(max(x, 0.0), 1.0), 4), round(min(max(y, 0.0), 1.0), 4))
    return Crop(photo=index, zoom=round(zoom, 3), focus=focus)


class OfflineModels:
    """Stands in for every hosted model; the same order always gives the same result."""

    grace_s = 0.0

    def prepare(
        self,
        spec: ModelSpec,  # noqa: ARG002
        inputs: Mapping[str, Any],  # noqa: ARG002
        files: Mapping[str, Path],  # noqa: ARG002
    ) -> dict[str, Any]:
        """Nothing is sent anywhere."""
        return {}

    def order(self, spec: ModelSpec, wire: Mapping[str, Any], key: str) -> str:  # noqa: ARG002
        """The id follows from the key alone."""
        return f"offline-{hashlib.sha256(key.encode()).hexdigest()[:24]}"

    def find(self, spec: ModelSpec, wire: Mapping[str, Any], since: datetime) -> list[str]:  # noqa: ARG002
        """No order was ever sent."""
        return []

    def collect(
        self,
        spec: ModelSpec,
        order_id: str,  # noqa: ARG002
        inputs: Mapping[str, Any],
        files: Mapping[str, Path],
        work: Path,
        watch: Watch,
    ) -> Result:
        """Do the work now, on this machine."""
        started = time.monotonic()
        cancelled = watch.cancelled
        watch.phase("running")
        if spec.stage in ("image", "clip"):
            _wait_as_told(cancelled)
        _fail_as_told(spec.stage, int(inputs.get("slot", 0)))
        result = _make(spec.stage, inputs, files, work, watch)
        seconds = Decimal(str(round(time.monotonic() - started, 3)))
        return result.model_copy(update={"seconds": seconds})


def _make(
    stage: str,
    inputs: Mapping[str, Any],
    files: Mapping[str, Path],
    work: Path,
    watch: Watch,
) -> Result:
    if stage == "brief":
        plan = plan_from_prompt(inputs["product_prompt"], int(inputs.get("photo_count", 0)))
        return Result(text=json.dumps(plan, ensure_ascii=False))
    if stage == "storyboard":
        views = [View(view) for view in inputs["views"]]
        scenes = scenes_from_views(views, inputs.get("video_prompt", ""))
        return Result(text=json.dumps(scenes, ensure_ascii=False))
    if stage == "image":
        photo = files.get("photo")
        if photo is None and inputs.get("model") == STUDIO:
            return _mock_up(inputs, work, watch)
        return _make_image(inputs, photo, work / "image.jpg")
    if stage == "clip":
        if inputs.get("model") == STUDIO_CAMERA:
            return _film_mock_up(inputs, work, watch)
        clip = work / "clip.mp4"
        return make_clip(inputs, files["image"], clip, watch.cancelled, shrink=_shrink())
    raise BadModelOutput("There is no offline model for this step.")


# Drills, read at call time so that a running worker's environment decides.


def _shrink() -> int:
    return int(os.environ.get("ADGEN_OFFLINE_SHRINK") or 1)


def _wait_as_told(cancelled: Cancel) -> None:
    until = time.monotonic() + float(os.environ.get("ADGEN_OFFLINE_DELAY_S") or 0)
    while (left := until - time.monotonic()) > 0:
        stop_if(cancelled)
        time.sleep(min(left, 0.1))
    stop_if(cancelled)


def _fail_as_told(stage: str, slot: int) -> None:
    told = re.split(r"[,;\s]+", os.environ.get("ADGEN_OFFLINE_FAIL", ""))
    if f"{stage}:{slot}" in told:
        raise BadModelOutput(f"The offline model for {stage} {slot + 1} failed, as told to.")


# Mock-ups


def maker_of_image(model: str, *, photo: bool) -> str:
    """Who makes a picture that was ordered from an offline `model`: what it says of itself."""
    if model != PHOTOS or photo:
        return model
    return STUDIO if studio.in_use() else FRAMES


def without_photos() -> str:
    """What people are told offline pictures are where there is no photo."""
    if studio.in_use():
        return "rendered mock-ups"
    more = "" if studio.installed() else "pip install -r requirements-studio.txt renders mock-ups"
    return f"placeholders ({more})" if more else "placeholders"


def maker_of_clip(model: str, image: Mapping[str, Any]) -> str:
    """Who makes a clip of a picture with these details: of a mock-up its scene is filmed."""
    filmed = model == CAMERA and image.get("scene") and studio.in_use()
    return STUDIO_CAMERA if filmed else model


def _mock_up(inputs: Mapping[str, Any], work: Path, watch: Watch) -> Result:
    size = _studio_size(inputs)
    out = studio.render_picture(inputs, size, work, watch)
    return Result(
        file=out,
        content_type="image/jpeg",
        metadata={
            "width": size[0],
            "height": size[1],
            "focus": [round(at, 3) for at in find_focus(open_picture(out))],
            "view": inputs["view"],
            "placeholder": False,
            "mockup": True,
            "source": "mock-up",
            "scene": studio.look_inputs(inputs),
        },
    )


def _film_mock_up(inputs: Mapping[str, Any], work: Path, watch: Watch) -> Result:
    size, text = _studio_size(inputs), str(inputs.get("description", ""))
    slot, attempt = int(inputs.get("slot", 0)), int(inputs.get("attempt", 1))
    flip = bool((int(inputs.get("seed", 0)) + slot + attempt) % 2)
    name = shots.move_in(text, slot)
    intensity = float(inputs.get("motion_intensity", 0.5))
    move = {"name": name, "intensity": intensity, "way": shots.way_in(text, flip=flip)}
    file = studio.render_frames(inputs["scene"], move, size, work, watch)
    frames = np.load(file, mmap_mode="r")
    out = work / "clip.mp4"
    write_clip(lambda n: np.asarray(frames[n]), len(frames), shots.FPS, out, watch.cancelled)
    file.unlink()
    return Result(
        file=out,
        content_type="video/mp4",
        metadata={
            "width": size[0],
            "height": size[1],
            "fps": shots.FPS,
            "duration_seconds": len(frames) / shots.FPS,
            "move": name,
            "mockup": True,
        },
    )


def _studio_size(inputs: Mapping[str, Any]) -> Size:
    wide, high = studio.SIZES[Aspect(inputs.get("aspect", Aspect.WIDE))]
    return wide // _shrink() // 2 * 2, high // _shrink() // 2 * 2


# Pictures


def _make_image(inputs: Mapping[str, Any], photo: Path | None, out: Path) -> Result:
    view = View(inputs["view"])
    aspect = Aspect(inputs.get("aspect", Aspect.WIDE))
    if photo is None:
        image = paint_placeholder(inputs, view, aspect)
        _save(image, out)
        focus, source = (0.5, 0.5), "placeholder"
    else:
        picture = open_picture(photo)
        crop = inputs.get("crop")
        image = _cut_out(picture, Crop.model_validate(crop), aspect) if crop else picture
        if crop or photo.suffix.lower() not in (".jpg", ".jpeg"):
            _save(image, out)
        else:
            shutil.copyfile(photo, out)
        focus, source = find_focus(image), "crop" if crop else "photo"
    return Result(
        file=out,
        content_type="image/jpeg",
        metadata={
            "width": image.width,
            "height": image.height,
            "focus": [round(at, 3) for at in focus],
            "view": view.value,
            "placeholder": photo is None,
            "source": source,
        },
    )


def _cut_out(picture: Image.Image, crop: Crop, aspect: Aspect) -> Image.Image:
    ratio = _ratio(aspect)
    box = crop_window(picture.size, ratio, crop.focus, crop.zoom)
    least = FRAME[aspect]
    enlarged = least[0] / (box[2] - box[0])
    if enlarged <= 1:
        size = (round(box[2] - box[0]), round((box[2] - box[0]) / ratio))
        return picture.resize(size, Image.Resampling.LANCZOS, box=box)
    image = picture.resize(least, Image.Resampling.LANCZOS, box=box)
    sharp: Image.Image = image.filter(
        ImageFilter.UnsharpMask(radius=enlarged, percent=60, threshold=2)
    )
    return sharp


def _save(image: Image.Image, out: Path) -> None:
    image.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)


def _ratio(aspect: Aspect) -> float:
    wide, tall = aspect.size
    return wide / tall
