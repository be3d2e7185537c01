"""What made a film, kept beside it: enough to tell where everything came from, and to redo it."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from adgen import __version__
from adgen.providers import ffmpeg
from adgen.providers.film import Rendered
from adgen.store import assets
from adgen.store.tables import Asset, Prediction

# What decides the bytes of a film besides its inputs.
LIBRARIES = ("imageio-ffmpeg", "pillow", "fonttools", "manimgx-fonts", "immich-memories-music")


def write_receipt(
    db: Session, row: Prediction, rendered: Rendered, music: dict[str, Any], work: Path
) -> bytes:
    """The receipt of a film just cut for `row`, as JSON; paths below `work` are shortened."""
    clips = assets.load_assets(db, row.session_id, row.inputs["clip_ids"])
    receipt = {
        "receipt": 1,
        "ad": row.session_id,
        "asked_at": row.created_at.isoformat(timespec="seconds"),
        "film": {
            "width": rendered.width,
            "height": rendered.height,
            "frames": rendered.frames,
            "seconds": rendered.seconds,
            "size_bytes": rendered.size_bytes,
            "sha256": hashlib.sha256(rendered.path.read_bytes()).hexdigest(),
        },
        "clips": [_clip(db, row.session_id, clip) for clip in clips],
        **{name: row.inputs[name] for name in ("text_overlay", "brand", "audio", "aspect", "cut")},
        "music": music,
        "ffmpeg": {
            "version": ffmpeg.version().partition(",")[0],
            "steps": [_short(step, work) for step in rendered.arguments],
        },
        "versions": {
            "adgen": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in LIBRARIES},
        },
    }
    return json.dumps(receipt, indent=2, ensure_ascii=False).encode()


def _clip(db: Session, session_id: str, clip: Asset) -> dict[str, Any]:
    image_id = clip.details.get("image_id")
    images = assets.load_assets(db, session_id, [image_id]) if image_id else []
    return {**_made(db, clip), "from": [_made(db, image) for image in images]}


def _made(db: Session, asset: Asset) -> dict[str, Any]:
    """Where one file came from; its content is its storage key."""
    asked = db.get(Prediction, asset.prediction_key) if asset.prediction_key else None
    said = asset.details
    return {
        "id": asset.id,
        "sha256": Path(asset.storage_key).stem,
        "model": asset.model_used,
        "order": asked.provider_id if asked else None,
        "prompt": said.get("prompt") or said.get("description"),
        "seed": said.get("seed"),
        "motion_intensity": said.get("motion_intensity"),
    }


def _short(step: Sequence[str], work: Path) -> list[str]:
    """Without the folders of this machine, which are nobody's business."""
    home = str(work.parent.parent)
    return [word.replace(str(work), "work").replace(home, "home") for word in step]
