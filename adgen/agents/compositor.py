"""compositor: cards, approved clips and music become the finished ad."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from adgen.domain import Aspect, TextOverlay
from adgen.providers import film
from adgen.providers.cards import draw_card
from adgen.providers.film import Cut, Rendered


def compose_video(
    clips: Sequence[Path],
    overlay: TextOverlay,
    music: Path | None,
    aspect: Aspect,
    out: Path,
    *,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> Rendered:
    """Name card, clips in this order, call-to-action card; written to `out` when all is well."""
    with TemporaryDirectory(prefix="cards-", dir=out.parent) as folder:
        cut = Cut(
            clips=tuple(clips),
            intro=draw_card(overlay.product_name, aspect.size, Path(folder) / "intro.png"),
            outro=draw_card(overlay.cta, aspect.size, Path(folder) / "outro.png"),
            music=music,
            size=aspect.size,
        )
        return film.compose(cut, out, progress=progress, cancelled=cancelled)
