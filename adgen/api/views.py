"""Ads and files as the API shows them; money as decimal strings."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from adgen.domain import (
    AdFacts,
    AdState,
    AssetInfo,
    Genre,
    Person,
    Stage,
    TokenInfo,
    Value,
)
from adgen.providers.catalogue import ModelSpec


class AssetView(Value):
    """A file; `changes` are sentences on what was changed since it was made.

    `removed` says why its file is gone, when it is.
    """

    id: str
    url: str
    status: Literal["ready", "stale", "removed"]
    changes: tuple[str, ...]
    removed: str = ""
    slot: int
    cost: Decimal
    model_used: str
    metadata: dict[str, Any]


class TakesView(Value):
    """All takes of the pictures and clips, by slot and age."""

    images: tuple[AssetView, ...]
    clips: tuple[AssetView, ...]


class AdView(AdFacts):
    """The whole state of an ad: every column, its files, its newest run as `job`."""

    session_id: str
    photos: tuple[AssetView, ...]
    images: tuple[AssetView, ...]
    clips: tuple[AssetView, ...]
    takes: TakesView
    final_video: AssetView | None
    videos: tuple[AssetView, ...]
    previews: dict[str, AssetView]


class Created(Value):
    """A new ad."""

    session_id: str
    stage: Stage


class SignedIn(Value):
    """A login: the token for scripts, and whose it is."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 -- no password, but a kind
    user: Person


class Uploaded(Value):
    """A file that was taken."""

    asset_id: str


class NewToken(TokenInfo):
    """A token just made; `token` is told this once only."""

    token: str


class NewPerson(Person):
    """Somebody just added; their first `password` is told this once only."""

    password: str


class NewPassword(Value):
    """A password just made; it is told this once only."""

    password: str


class ModelView(Value):
    """A model; `price` is US dollars a `unit`, null when unknown."""

    ref: str
    stages: tuple[str, ...]
    provider: str
    label: str
    unit: str
    price: Decimal | None
    since: date
    offered: bool


class Estimate(Value):
    """US dollars; null when a price is unknown."""

    estimated_cost: Decimal | None


class TrackView(Value):
    """A piece of the music library."""

    id: str
    url: str
    title: str
    kind: str
    genre: Genre
    seconds: float
    licence: str


class Health(Value):
    """Whether the parts answer."""

    status: str
    version: str
    database: str
    worker: str
    workers: int = 0
    storage: str = "unknown"
    redis: str = "not used"
    files_waiting: int = 0


class Alive(Value):
    """The process answers."""

    status: str = "ok"
    version: str


def show_state(state: AdState) -> AdView:
    """An ad with its files."""
    facts = {name: getattr(state, name) for name in AdFacts.model_fields}
    return AdView(
        **facts,
        session_id=state.id,
        photos=show_assets(state.photos),
        images=show_assets(state.images),
        clips=show_assets(state.clips),
        takes=TakesView(images=show_assets(state.image_takes), clips=show_assets(state.clip_takes)),
        final_video=show_asset(state.final_video) if state.final_video else None,
        videos=show_assets(state.videos),
        previews={kind: show_asset(asset) for kind, asset in state.previews.items()},
    )


def show_assets(assets: tuple[AssetInfo, ...]) -> tuple[AssetView, ...]:
    """As `show_asset`, for several."""
    return tuple(show_asset(asset) for asset in assets)


def show_asset(asset: AssetInfo) -> AssetView:
    """A file as people see it."""
    return AssetView(
        id=asset.id,
        url=asset.url,
        status="removed" if asset.removed else "stale" if asset.stale else "ready",
        changes=asset.changes,
        removed=asset.removed,
        slot=asset.slot,
        cost=asset.cost,
        model_used=asset.model_used,
        metadata=asset.details,
    )


def show_model(spec: ModelSpec) -> ModelView:
    """A row of the catalogue, without what only our side needs."""
    return ModelView(**{name: getattr(spec, name) for name in ModelView.model_fields})
