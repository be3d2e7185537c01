"""Everything made for an ad in one ZIP: films, clips, pictures, receipts and what they cost."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import IO, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from adgen.domain import AdState, AssetInfo, CostEntry, CostSummary
from adgen.providers.catalogue import label_of
from adgen.sheets import harmless

COLUMNS = ("time", "step", "model", "units", "unit", "cost_usd", "seconds", "outcome", "error")
_OUTCOMES = {None: "running", True: "made", False: "failed"}
# What a spreadsheet would take for a formula.


class _Entry(NamedTuple):
    """A file of the bundle: its name there and its storage key."""

    name: str
    key: str


def wanted(ad: AdState) -> tuple[str, ...]:
    """The ids of the files that go into the bundle."""
    return tuple(asset.id for asset in (*_films(ad), *ad.ordered_clips, *ad.approved_images))


def write_bundle(
    out: IO[bytes],
    ad: AdState,
    costs: CostSummary,
    keys: dict[str, str],
    path: Callable[[str], Path],
) -> None:
    """Write the ZIP to `out`; `keys` has the storage key of each `wanted` file, `path` its place.

    A file at a time, a piece at a time: how large they are makes no difference to the memory.
    """
    entries = list(_entries(ad, keys))
    with ZipFile(out, "w") as bundle:
        bundle.writestr("README.txt", _readme(ad, costs, entries), ZIP_DEFLATED)
        bundle.writestr("costs.csv", _table(costs.entries), ZIP_DEFLATED)
        for entry in entries:
            # Media is compressed already.
            bundle.write(path(entry.key), entry.name, ZIP_STORED)


def _films(ad: AdState) -> tuple[AssetInfo, ...]:
    return ad.videos or ((ad.final_video,) if ad.final_video else ())


def _entries(ad: AdState, keys: dict[str, str]) -> Iterator[_Entry]:
    for film in _films(ad):
        name = f"film {film.details.get('aspect', ad.aspect.value).replace(':', 'x')}"
        yield _Entry(f"{name}.mp4", keys[film.id])
        if receipt := film.details.get("receipt"):
            yield _Entry(f"{name} receipt.json", receipt)
    views = {image.id: _view(image) for image in ad.image_takes}
    for number, clip in enumerate(ad.ordered_clips, 1):
        view = views.get(clip.details.get("image_id", ""), "clip")
        yield _Entry(f"clips/{number:02} {view}.mp4", keys[clip.id])
    for number, image in enumerate(ad.approved_images, 1):
        name = f"pictures/{number:02} {_view(image)}{Path(keys[image.id]).suffix}"
        yield _Entry(name, keys[image.id])


def _view(image: AssetInfo) -> str:
    return str(image.details.get("view", "picture"))


def _makers(made: Sequence[AssetInfo]) -> str:
    return ", ".join(dict.fromkeys(label_of(asset.model_used) for asset in made))


def _readme(ad: AdState, costs: CostSummary, entries: Sequence[_Entry]) -> str:
    """What is here and what it is, for whoever opens the folder next year."""
    unknown = f" The price of {costs.unpriced} of them is unknown." if costs.unpriced else ""
    facts = {
        "Product": ad.product_prompt,
        "Movement": ad.video_prompt,
        "Pictures": _makers(ad.images),
        "Clips": _makers(ad.clips),
        "Seed": str(ad.consistency_seed or ""),
        "Cost": f"${costs.total_cost:.3f} for {len(costs.entries)} calls to models.{unknown}",
    }
    lines = [
        ad.title,
        "",
        f"Made with adgen, {ad.created_at:%Y-%m-%d}.",
        *(f"{name}: {fact}" for name, fact in facts.items() if fact),
        "",
        "What is here:",
        *(f"  {entry.name}" for entry in entries),
        "  costs.csv  each call to a model with its price; an empty price is unknown",
    ]
    if any(entry.name.endswith(".json") for entry in entries):
        lines += ["", "A receipt says what its film was made from: prompts, seeds, models, music."]
    return "\r\n".join([*lines, ""])


def _table(entries: Sequence[CostEntry]) -> str:
    """The ledger as CSV; money in US dollars as decimals, empty where unknown."""
    out = io.StringIO()
    # Spreadsheets take UTF-8 for it only with this mark.
    out.write("\ufeff")
    table = csv.writer(out)
    table.writerow(COLUMNS)
    table.writerows(map(_row, entries))
    return out.getvalue()


def _row(entry: CostEntry) -> list[str]:
    cells = (
        entry.created_at.isoformat(timespec="seconds"),
        entry.agent_name,
        entry.model_used,
        _decimal(entry.quantity),
        entry.unit,
        _decimal(entry.cost_usd),
        _decimal(entry.duration_seconds),
        _OUTCOMES[entry.success],
        entry.error_message or "",
    )
    return [harmless(cell) for cell in cells]


def _decimal(number: Decimal | None) -> str:
    return "" if number is None else f"{number:f}"
