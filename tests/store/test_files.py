"""Every place where a row names a file is known."""

from __future__ import annotations

from adgen.commands import Commands
from adgen.domain import AssetType, Brand, Person
from adgen.store import assets, brands, files
from adgen.store.assets import NewAsset
from adgen.store.database import Database
from adgen.store.tables import Prediction


def test_all_places_that_name_a_file(
    database: Database, commands: Commands, person: Person
) -> None:
    ad = commands.create_ad(person)
    kind = {"content_type": "video/mp4", "size_bytes": 1}
    with database.begin() as db:
        details = {"receipt": "re/receipt.json", "brand": {"logo_key": "ol/old.png"}}
        film = NewAsset(
            asset_type=AssetType.VIDEO, storage_key="fi/film.mp4", details=details, **kind
        )
        plain = NewAsset(asset_type=AssetType.CLIP, storage_key="cl/clip.mp4", **kind)
        film_id = assets.add_asset(db, ad.id, film)
        assets.add_asset(db, ad.id, plain)
        brands.save_brand(db, person.team_id, Brand(logo_key="lo/logo.png"))
        db.add(
            Prediction(
                key="k/image/0/1",
                session_id=ad.id,
                job_id="",
                agent="image",
                model="m",
                files={"photo": "ph/photo.jpg", "image": "cl/clip.mp4"},
            )
        )
    with database.begin() as db:
        assert files.named_keys(db) == {
            *("re/receipt.json", "ol/old.png", "fi/film.mp4", "cl/clip.mp4"),
            *("lo/logo.png", "ph/photo.jpg"),
        }
        named = files.named_files(db)
        assert named["re/receipt.json"] == [f"receipt of video {film_id}"]
        assert named["lo/logo.png"] == [f"logo of team {person.team_id}"]
        assert "input of k/image/0/1" in named["cl/clip.mp4"]
        assert files.is_named(db, "ph/photo.jpg")
        assert not files.is_named(db, "ph/other.jpg")


def test_a_brand_without_a_logo_names_no_file(database: Database, person: Person) -> None:
    with database.begin() as db:
        brands.save_brand(db, person.team_id, Brand())
        assert files.named_keys(db) == set()
