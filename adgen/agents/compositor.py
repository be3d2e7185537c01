"""compositor: cards, clips, a lower third and music become the finished ad, or a draft of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from adgen.config import settings
from adgen.domain import Aspect, Brand, CutChoices, TextOverlay, Value
from adgen.errors import CompositionFailed
from adgen.providers import film
from adgen.providers.cards import Look, draw_card, draw_lower_third, readable
from adgen.providers.film import Cut, Rendered, Strip


class Order(Value):
    """What a film is made of. `draft` makes it small and fast."""

    clips: tuple[Path, ...]
    overlay: TextOverlay
    aspect: Aspect
    music: Path | None = None
    choices: CutChoices = CutChoices()
    brand: Brand = Brand()
    logo: Path | None = None
    draft: bool = False


def compose_video(
    order: Order,
    out: Path,
    *,
    cache: Path | None,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> Rendered:
    """Name card, clips in this order, call-to-action card; written to `out` when all is well.

    `cache` is the folder of parts that films share, None to make all of it anew. Raises
    CompositionFailed, Cancelled.
    """
    try:
        return _compose(order, out, cache, progress, cancelled)
    except OSError as why:
        raise CompositionFailed("The film could not be written. Is the disk full?") from why


def _compose(
    order: Order,
    out: Path,
    cache: Path | None,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> Rendered:
    brand = order.brand
    look = Look(background=brand.background, ink=brand.ink, font=brand.font, logo=order.logo)
    look, _ = readable(look)
    size = order.aspect.size
    with TemporaryDirectory(prefix="cards-", dir=out.parent) as folder:
        cut = Cut(
            clips=order.clips,
            intro=draw_card(order.overlay.product_name, size, Path(folder) / "intro.png", look),
            outro=draw_card(order.overlay.cta, size, Path(folder) / "outro.png", look),
            strip=_strip(order.overlay, size, Path(folder) / "strip.png", look),
            music=order.music,
            size=size,
            choices=order.choices,
            preset=settings().film_preset,
        )
        if order.draft:
            cut = film.draft_of(cut)
        return film.compose(cut, out, cache=cache, progress=progress, cancelled=cancelled)


def _strip(overlay: TextOverlay, size: tuple[int, int], out: Path, look: Look) -> Strip | None:
    band = draw_lower_third(overlay.lower_third, size, out, look)
    if band is None:
        return None
    return Strip(
        path=band.path,
        left=band.left,
        top=band.top,
        start=overlay.lower_start,
        seconds=overlay.lower_seconds,
    )
