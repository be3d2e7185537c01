"""image: what to ask an image model for one view of the product."""

from __future__ import annotations

import hashlib
from typing import Any

from adgen.domain import AdState, Aspect, AssetInfo, JobKind
from adgen.providers.offline import PhotoInfo, share_photos

# For models that want pixels and not a shape: about a megapixel, in multiples of 32.
SIZES = {
    Aspect.WIDE: (1344, 768),
    Aspect.TALL: (768, 1344),
    Aspect.SQUARE: (1024, 1024),
    Aspect.PORTRAIT: (896, 1120),
}


def seed_for(session_id: str, lowest: int, highest: int) -> int:
    """The ad's consistency seed, lowest..highest: fixed by the ad, used for every picture."""
    digest = hashlib.sha256(session_id.encode()).digest()
    return lowest + int.from_bytes(digest[:8]) % (highest - lowest + 1)


def image_inputs(ad: AdState, slot: int) -> tuple[dict[str, Any], AssetInfo | None]:
    """Inputs of the picture in `slot` (0..5), and the photo it is made from, if any."""
    prompt = ad.prompts[slot]
    inputs: dict[str, Any] = {
        "prompt": prompt.prompt,
        "view": prompt.view.value,
        "seed": ad.seed_of(JobKind.IMAGES, slot),
        "slot": slot,
        "aspect": ad.aspect.value,
        "width": SIZES[ad.aspect][0],
        "height": SIZES[ad.aspect][1],
        "product": ad.product,
        "product_prompt": ad.product_prompt,
        "style_keywords": list(ad.style_keywords),
    }
    if not ad.photos:
        return inputs, None
    shares = share_photos([PhotoInfo.model_validate(p.details) for p in ad.photos], ad.aspect)
    share = shares[slot]
    if share.crop:
        inputs["crop"] = share.crop.model_dump(mode="json")
    return inputs, ad.photos[share.photo]
