"""An ad without photos, through the whole product: what is rendered is called a mock-up."""

from __future__ import annotations

import io
from pathlib import Path
from zipfile import ZipFile

import pytest

from adgen.bundles import write_bundle
from adgen.providers import offline
from adgen.providers.catalogue import label_of
from tests.replicate_server import ReplicateServer
from tests.studio import studio

RENDERED = {
    "ADGEN_PROVIDER": "offline",
    "ADGEN_OFFLINE_LOOK": "studio",
    "ADGEN_OFFLINE_SHRINK": "8",
}


@pytest.mark.timeout(1200)
def test_what_is_rendered_is_called_a_mock_up_on_assets_in_costs_and_in_the_export(
    server: str, short_tmp: Path
) -> None:
    with (
        ReplicateServer() as fake,
        studio(server, short_tmp / "mockups", fake, **RENDERED) as house,
    ):
        house.start_worker()
        ad_id = house.begin("red mug")
        ad = house.ended(ad_id, 500)
        assert [image.model_used for image in ad.images] == [offline.STUDIO] * 6
        assert all(image.details["mockup"] for image in ad.images)
        house.start_clips(ad_id, 2)
        ad = house.ended(ad_id, 500)
        assert [clip.model_used for clip in ad.clips] == [offline.STUDIO_CAMERA] * 2
        assert all(clip.details["mockup"] for clip in ad.clips)
        costs = house.commands.load_costs(house.person, ad_id)
        assert {offline.STUDIO, offline.STUDIO_CAMERA} < {e.model_used for e in costs.entries}
        out = io.BytesIO()
        write_bundle(
            out, ad.model_copy(update={"approved_image_ids": (), "clip_order": ()}), costs, {}, Path
        )
        with ZipFile(out) as bundle:
            readme = bundle.read("README.txt").decode()
        assert label_of(offline.STUDIO) in readme
        assert label_of(offline.STUDIO_CAMERA) in readme
