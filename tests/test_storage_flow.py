"""An ad from words to film with its files in a bucket, which goes away midway and comes back."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adgen import storage_cli
from adgen.domain import Stage
from adgen.errors import StorageAway
from adgen.providers.remote import Cache, RemoteStorage, remote_storage
from adgen.providers.s3 import Bucket
from adgen.providers.storage import local_storage, storage, type_of
from adgen.store import files
from adgen.uploads import Uploads
from tests.conftest import SMALL, until
from tests.replicate_server import ReplicateServer
from tests.studio import Studio, studio
from tests.test_cli import adgen

if TYPE_CHECKING:
    from tests.s3_server import S3Server


@pytest.fixture(scope="module")
def bucket(s3: S3Server) -> str:
    return s3.bucket()


@pytest.fixture(scope="module")
def house(server: str, short_tmp: Path, s3: S3Server, bucket: str) -> Iterator[Studio]:
    """A house with its worker, offline, whose files are in a bucket."""
    env = {**SMALL, **s3.env(bucket), "ADGEN_PROVIDER": "offline", "ADGEN_OFFLINE_LOOK": "plain"}
    with (
        ReplicateServer() as fake,
        studio(server, short_tmp / "bucket-house", fake, **env) as made,
    ):
        made.start_worker()
        yield made


@pytest.fixture(autouse=True)
def at_home(own_settings: None, house: Studio) -> Iterator[None]:
    """Each test has the settings of the house."""
    with house.settings():
        yield


@pytest.fixture(scope="module")
def outage(house: Studio, s3: S3Server) -> dict[str, Any]:
    """One ad: pictures with a bucket, clips and film without, and what was said meanwhile."""
    with house.settings():
        ad = house.images()
        seen: dict[str, Any] = {"ad": ad.id, "pictures": ad, "early": named(house)}
        s3.kill()
        try:
            house.clips(ad.id, 2)
            seen["film"] = house.film(ad.id)
            seen["waiting"] = [kept.key for kept in storage().waiting()]
            seen["doctor"] = said(storage_cli.check_storage)
            seen["elsewhere"] = said(lambda: elsewhere(house).path(seen["waiting"][0]))
        finally:
            s3.start()
        until(lambda: not storage().waiting(), 60, "the upload of what waited")
        return seen


def said(act: Any) -> str:
    with pytest.raises(StorageAway) as caught:
        act()
    return caught.value.user_message


def named(house: Studio) -> set[str]:
    with house.database.begin() as db:
        return files.named_keys(db)


def elsewhere(house: Studio) -> RemoteStorage:
    """The bucket as a machine sees it that has never been here."""
    other = house.home.parent / f"other-{time.monotonic_ns()}"
    bucket = Bucket(house.env["ADGEN_S3_BUCKET"], house.env["ADGEN_S3_ENDPOINT_URL"])
    return RemoteStorage(bucket, other / "outbox", Cache(other / "cache", 10**9))


def test_the_film_is_made_while_the_bucket_is_away(outage: dict[str, Any]) -> None:
    assert outage["film"].stage == Stage.COMPLETE
    assert outage["film"].final_video
    # Two clips, a film and its receipt.
    assert len(outage["waiting"]) == 4


def test_everyone_is_told(outage: dict[str, Any]) -> None:
    assert "cannot be reached" in outage["doctor"] or "did not answer" in outage["doctor"]
    assert "4 files" in outage["doctor"]
    assert "wait to be uploaded" in outage["doctor"]
    assert "cannot be reached" in outage["elsewhere"]


def test_afterwards_all_of_it_is_in_the_bucket(
    outage: dict[str, Any], house: Studio, s3: S3Server, bucket: str
) -> None:
    keys = named(house)
    assert outage["early"] < keys
    assert set(outage["waiting"]) <= keys
    for key in keys:
        body = s3.client().get_object(Bucket=bucket, Key=key)["Body"].read()
        assert hashlib.sha256(body).hexdigest() == Path(key).stem
    there = elsewhere(house)
    for key in outage["waiting"]:
        assert there.path(key).read_bytes() == storage().path(key).read_bytes()


def check(house: Studio, *more: str) -> subprocess.CompletedProcess[str]:
    env = {**house.env, "DATABASE_URL": house.database.url}
    return adgen(house.home, "storage", "check", *more, **env)


def test_the_check_finds_what_is_wrong(
    outage: dict[str, Any], house: Studio, s3: S3Server, bucket: str
) -> None:
    well = check(house)
    assert (well.returncode, "named by nothing" in well.stdout) == (0, False), well.stdout
    orphan = storage().put(b"nobody's", "image/png").key
    [missing, damaged, *_] = sorted(outage["waiting"])
    kept = {key: storage().path(key).read_bytes() for key in (missing, damaged)}
    for key in kept:
        (house.home / "cache" / "files" / key).unlink()
    s3.client().delete_object(Bucket=bucket, Key=missing)
    s3.client().put_object(Bucket=bucket, Key=damaged, Body=b"other")
    part = house.home / "cache" / "files" / "aa" / "x.part"
    part.parent.mkdir(exist_ok=True)
    part.touch()
    os.utime(part, (0, 0))
    ill = check(house, "--remove-orphans")
    assert ill.returncode == 1, ill.stdout
    assert "2 missing or damaged" in ill.stdout
    assert f"{missing}: it is missing" in ill.stdout
    assert f"{damaged}: its content is not what it was" in ill.stdout
    assert f"1 named by nothing:\n  {orphan}" in ill.stdout
    # It is young: its row may be about to come.
    assert "0 orphans and 1 parts removed" in ill.stdout
    s3.client().delete_object(Bucket=bucket, Key=damaged)
    for key, data in kept.items():
        assert storage().put(data, "video/mp4" if key.endswith(".mp4") else "application/json")
    storage().remove(orphan)
    assert check(house).returncode == 0


def test_files_move_to_the_disk_and_back(outage: dict[str, Any], house: Studio) -> None:
    keys, kept = named(house), {file.key for file in remote_storage().list_kept()}
    assert keys <= kept
    down = adgen(house.home, "storage", "move", "--to", "local", **house.env)
    assert down.returncode == 0, down.stderr
    assert f"{len(kept)} files copied" in down.stdout
    for key in keys:
        assert local_storage().digest(key) == Path(key).stem
    damaged, gone, *_ = sorted(keys)
    whole = local_storage().path(damaged).read_bytes()
    local_storage().path(damaged).write_bytes(b"other")
    for key in (damaged, gone):
        remote_storage().bucket.delete(key)
    up = adgen(house.home, "storage", "move", "--to", "s3", "--remove-originals", **house.env)
    assert up.returncode == 1
    assert f"1 files copied to bucket {house.env['ADGEN_S3_BUCKET']}" in up.stdout
    assert f"{damaged}: it is damaged here" in up.stdout
    assert [file.key for file in local_storage().list_kept()] == [damaged]
    assert remote_storage().bucket.has(gone)
    local_storage().remove(damaged)
    storage().put(whole, type_of(damaged))


def test_a_full_disk_is_waited_for(house: Studio, tmp_path: Path) -> None:
    """The pictures' folder has no room; once it has, the run goes on, and nothing is lost."""
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], check=False
        ).returncode
    ):
        pytest.skip("only root may mount a small disk")
    outbox = house.home / "outbox"
    outbox.mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", str(tmp_path), str(outbox)], check=True)
    try:
        ad = house.begin("small disk")
        until(lambda: "Waiting. " in message(house, ad), 60, "the words")
        assert "No space left on device). Free some space" in message(house, ad)
        # No half file.
        assert all(
            hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
            for path in outbox.glob("??/*")
        )
    finally:
        subprocess.run(["umount", str(outbox)], check=True)
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert len(house.ended(ad, 200).images) == 6
    # The tests may run in any order, and another counts what waits.
    until(lambda: not storage().waiting(), 60, "the upload")


def message(house: Studio, ad: str) -> str:
    job = house.state(ad).job
    return job.message if job else ""


def test_uploads_go_on_in_any_process(house: Studio, tmp_path: Path) -> None:
    store = storage()
    assert isinstance(store, RemoteStorage)
    left = store.outbox.put(b"left by a crash", "image/png").key
    uploads = Uploads()
    uploads.start()
    until(lambda: not store.waiting(), 30, "the upload")
    uploads.stop()
    assert store.bucket.has(left)
    store.remove(left)
