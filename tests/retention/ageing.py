"""An ad of real, small files, and hands to make it old: for the tests of what is thrown away."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import select, update

from adgen import retention
from adgen.commands import Commands
from adgen.domain import AdState, AssetInfo, AssetType, AudioChoice, Person, TextOverlay
from adgen.jobs import Runs
from adgen.providers.storage import local_storage, storage
from adgen.store.assets import NewAsset, add_asset
from adgen.store.database import Database
from adgen.store.tables import (
    AdSession,
    Asset,
    now,
)
from tests.ui.ads import chosen_clips, made

LONG_AGO = timedelta(days=100)


class House:
    """An ad, and what the rules make of it."""

    def __init__(self, commands: Commands, database: Database, person: Person) -> None:
        self.commands, self.database, self.person = commands, database, person
        self.runs = Runs(database.url)
        self.ad = self.finished()

    def finished(self) -> AdState:
        """An ad with two clips and a film."""
        ad = self.commands.create_ad(self.person)
        chosen_clips(self.commands, self.database, self.person, ad)
        self.commands.start_video(self.person, ad.id, TextOverlay(cta="Now"), AudioChoice())
        made(self.database, ad, AssetType.VIDEO, of=1, slots=1)
        with self.database.begin() as db:
            for row in db.scalars(select(Asset).where(Asset.session_id == ad.id)):
                row.storage_key = self.put(row.id)
        return self.state(ad)

    def put(self, words: str, *, fresh: bool = False) -> str:
        key = storage().put(words.encode(), "image/jpeg").key
        if not fresh:
            old = time.time() - LONG_AGO.total_seconds()
            os.utime(storage().path(key), (old, old))
        return key

    def take(self, of: AssetInfo, words: str = "") -> str:
        """An earlier take, which is not in use."""
        key = self.put(words or str(uuid4()))
        with self.database.begin() as db:
            return add_asset(
                db,
                of.session_id,
                NewAsset(
                    asset_type=of.asset_type, storage_key=key, content_type=of.content_type,
                    size_bytes=1000, slot=of.slot, details=of.details,
                ),
            )  # fmt: skip

    def age(self) -> None:
        """As if nobody had touched anything for long."""
        with self.database.begin() as db:
            then = now() - LONG_AGO
            db.execute(update(AdSession).values(updated_at=then))
            db.execute(
                update(AdSession).where(AdSession.archived_at.is_not(None)).values(archived_at=then)
            )
            db.execute(update(Asset).values(created_at=Asset.created_at - LONG_AGO))

    def prune(self, *, dry: bool = False) -> dict[str, tuple[int, int]]:
        found = retention.prune(self.database, self.runs, dry=dry)
        return {freed.what: (freed.count, freed.bytes) for freed in found}

    def state(self, ad: AdState | None = None) -> AdState:
        return self.commands.load_ad(self.person, (ad or self.ad).id)

    def key(self, asset_id: str) -> str:
        with self.database.begin() as db:
            return db.get_one(Asset, asset_id).storage_key

    def stored(self) -> set[str]:
        return {
            p.relative_to(local_storage().root).as_posix() for p in local_storage().root.glob("*/*")
        }
