"""What only a bucket can show: who may read, what is sent, links that end, outages, the cache."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from adgen.config import settings
from adgen.errors import StorageAway, Unavailable
from adgen.providers import remote
from adgen.providers import s3 as door
from adgen.providers.remote import Cache, RemoteStorage, remote_storage
from adgen.providers.storage import storage
from tests.conftest import until

if TYPE_CHECKING:
    from tests.s3_server import S3Server


@pytest.fixture
def name(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket that the settings name."""
    made = s3.bucket()
    for setting, value in s3.env(made).items():
        monkeypatch.setenv(setting, value)
    settings.cache_clear()
    storage.cache_clear()
    return made


@pytest.fixture
def store(name: str) -> RemoteStorage:
    return remote_storage()


def elsewhere(store: RemoteStorage, folder: Path) -> RemoteStorage:
    """The same bucket, as another machine has it."""
    return RemoteStorage(store.bucket, folder / "outbox", Cache(folder / "cache", 10**9))


# ---- what is there


def test_an_object_says_what_it_is(s3: S3Server, name: str, store: RemoteStorage) -> None:
    key = store.put(b"film", "video/mp4").key
    head = s3.client().head_object(Bucket=name, Key=key)
    assert head["ContentType"] == "video/mp4"
    assert head["CacheControl"] == "private, max-age=31536000, immutable"
    assert head["Metadata"] == {"sha256": hashlib.sha256(b"film").hexdigest()}


def test_what_is_there_is_never_written_again(
    s3: S3Server, name: str, store: RemoteStorage, tmp_path: Path
) -> None:
    key = store.put(b"film", "video/mp4").key
    s3.client().put_object(Bucket=name, Key=key, Body=b"first")
    assert elsewhere(store, tmp_path).put(b"film", "video/mp4").key == key
    assert s3.client().get_object(Bucket=name, Key=key)["Body"].read() == b"first"


def test_a_large_file_goes_up_in_parts(
    s3: S3Server, name: str, store: RemoteStorage, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(os.urandom(door.LARGE + 12345))
    key = store.put_file(film, "video/mp4").key
    head = s3.client().head_object(Bucket=name, Key=key)
    assert head["ETag"].strip('"').endswith("-3")
    assert head["Metadata"]["sha256"] == Path(key).stem
    assert elsewhere(store, tmp_path).path(key).read_bytes() == film.read_bytes()
    # Once more from a machine that does not know it: there already, and no parts are left.
    elsewhere(store, tmp_path / "third").put_file(film, "video/mp4")
    assert not s3.client().list_multipart_uploads(Bucket=name).get("Uploads")


def test_what_fails_midway_leaves_no_parts(
    s3: S3Server, name: str, store: RemoteStorage, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(os.urandom(door.LARGE + 1))

    def refuse(params: dict[str, Any], **_: object) -> None:
        if params["url_path"].endswith(".mp4") and params["query_string"].get("partNumber") == 2:
            raise ConnectionError("cut")

    store.bucket.client.meta.events.register("before-call.s3.UploadPart", refuse)
    key = store.put_file(film, "video/mp4").key
    assert [kept.key for kept in store.waiting()] == [key]
    assert not s3.client().list_multipart_uploads(Bucket=name).get("Uploads")
    store.bucket.client.meta.events.unregister("before-call.s3.UploadPart", refuse)
    assert store.send_waiting() == 1
    assert store.waiting() == []
    assert store.bucket.has(key)


def test_the_bucket_takes_left_over_parts_away(
    s3: S3Server, name: str, store: RemoteStorage
) -> None:
    theirs = {
        "ID": "theirs",
        "Status": "Enabled",
        "Filter": {"Prefix": "x"},
        "Expiration": {"Days": 9},
    }
    s3.client().put_bucket_lifecycle_configuration(
        Bucket=name, LifecycleConfiguration={"Rules": [theirs]}
    )
    assert store.bucket.expire_parts()
    assert store.bucket.expire_parts()
    rules = s3.client().get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert sorted(rule["ID"] for rule in rules) == ["adgen-parts", "theirs"]


def test_https_sends_plain_signed_bodies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Over https only: what many servers refuse is never sent there."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    bucket = door.Bucket("films", "https://account.r2.example")
    sent: list[Any] = []

    class Kept(Exception):
        pass

    def look(request: Any, **_: object) -> None:
        sent.append(request)
        raise Kept

    bucket.client.meta.events.register("before-send.s3", look)
    film = tmp_path / "film"
    film.write_bytes(b"film")
    key = f"ab/ab{'0' * 62}.mp4"
    for act in (
        lambda: bucket.upload(key, film),
        lambda: bucket.client.upload_part(
            Bucket="films", Key=key, UploadId="1", PartNumber=1, Body=b"part"
        ),
        lambda: bucket.client.get_object(Bucket="films", Key=key),
    ):
        with pytest.raises(Kept):
            act()
    assert [request.method for request in sent] == ["PUT", "PUT", "GET"]
    for request in sent:
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        assert "/auto/s3/aws4_request" in headers["authorization"]
        assert "aws-chunked" not in headers.get("content-encoding", "")
        assert not [name for name in headers if "checksum" in name or "trailer" in name]
        assert len(headers["x-amz-content-sha256"].strip("b'")) == 64
        assert urlsplit(request.url).path == f"/films/{key}"
    put = {name.lower(): value for name, value in sent[0].headers.items()}
    assert put["if-none-match"] in ("*", b"*")


# ---- who may


def test_wrong_secrets_and_strangers_are_refused(
    s3: S3Server, name: str, store: RemoteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = store.put(b"private", "image/png").key
    assert httpx.get(f"{s3.url}/{name}/{key}").status_code == 403
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    wrong = remote_storage()
    with pytest.raises(StorageAway, match="AWS_SECRET_ACCESS_KEY"):
        wrong.check()
    stored = wrong.put(b"kept all the same", "image/png")
    assert [kept.key for kept in wrong.waiting()] == [stored.key]
    monkeypatch.setenv("ADGEN_S3_BUCKET", "no-such-bucket")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.env(name)["AWS_SECRET_ACCESS_KEY"])
    settings.cache_clear()
    with pytest.raises(StorageAway, match="ADGEN_S3_BUCKET"):
        remote_storage().check()


def test_a_link_is_for_one_file_and_a_short_time(
    s3: S3Server, name: str, store: RemoteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, other = store.put(b"film", "video/mp4").key, store.put(b"other", "video/mp4").key
    link = store.link(key, "video/mp4", "my film ü.mp4")
    assert link
    answer = httpx.get(link, headers={"Range": "bytes=1-2"})
    assert (answer.status_code, answer.content) == (206, b"il")
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"].startswith(
        "attachment; filename*=utf-8''my%20film"
    )
    assert store.link(key, "video/mp4", "my film ü.mp4") == link
    assert "X-Amz-Expires=900" in link
    for tampered in (
        link.replace(key, other),
        link.replace("900", "901"),
        link[:-1],
        s3.url + "/" + name + "/" + key,
    ):
        assert httpx.get(tampered).status_code == 403
    monkeypatch.setattr(door, "LINK_S", 4)
    short = store.link(key, "video/mp4", None)
    assert short
    assert httpx.get(short).status_code == 200
    until(lambda: httpx.get(short).status_code == 403)


def test_links_name_the_host_that_browsers_reach(
    s3: S3Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADGEN_S3_PUBLIC_URL", s3.url.replace("127.0.0.1", "localhost"))
    settings.cache_clear()
    store = remote_storage()
    link = store.link(store.put(b"film", "video/mp4").key, "video/mp4")
    assert link
    assert link.startswith("http://localhost:")
    assert store.bucket.origin == s3.url.replace("127.0.0.1", "localhost")
    assert httpx.get(link).content == b"film"


# ---- outages


def test_an_outage_costs_only_time(store: RemoteStorage, tmp_path: Path, name: str) -> None:
    early = store.put(b"before", "image/png").key
    endpoint = store.bucket._endpoint
    away = RemoteStorage(
        door.Bucket(name, "http://127.0.0.1:9"), tmp_path / "outbox", Cache(tmp_path / "c", 10**9)
    )
    late = away.put(b"meanwhile", "image/png").key
    assert away.path(late).read_bytes() == b"meanwhile"
    assert away.link(late, "image/png") is None
    with pytest.raises(StorageAway, match="cannot be reached"):
        away.path(early)
    with pytest.raises(StorageAway):
        away.send_waiting()
    # Another machine is told what goes on.
    with pytest.raises(StorageAway, match=r"not in the bucket .* yet"):
        store.path(late)
    with pytest.raises(StorageAway, match="try again in a minute"):
        store.link(late, "image/png")
    back = RemoteStorage(
        door.Bucket(name, endpoint), tmp_path / "outbox", Cache(tmp_path / "c", 10**9)
    )
    assert back.send_waiting() == 1
    assert store.path(late).read_bytes() == b"meanwhile"
    assert store.link(late, "image/png")
    assert back.path(late).read_bytes() == b"meanwhile"


def test_after_a_failure_nobody_waits_for_the_next(name: str, tmp_path: Path) -> None:
    away = RemoteStorage(
        door.Bucket(name, "http://127.0.0.1:9"), tmp_path / "outbox", Cache(tmp_path / "c", 10**9)
    )
    tried: list[object] = []
    away.bucket.client.meta.events.register("before-call.s3", lambda **_: tried.append(1))
    away.put(b"1", "image/png")
    assert len(tried) == 1
    away.put(b"2", "image/png")
    assert len(tried) == 1
    assert len(away.waiting()) == 2


# ---- the cache


def test_what_came_damaged_is_not_shown(
    s3: S3Server, name: str, store: RemoteStorage, tmp_path: Path
) -> None:
    key = store.put(b"film", "video/mp4").key
    s3.client().put_object(Bucket=name, Key=key, Body=b"other")
    there = elsewhere(store, tmp_path)
    with pytest.raises(Unavailable, match="damaged"):
        there.path(key)
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_the_cache_stays_within_its_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path, 1000)
    keys = [f"aa/aa{number:062x}.png" for number in range(20)]
    (tmp_path / "aa").mkdir()
    for number, key in enumerate(keys):
        (tmp_path / key).write_bytes(b"x" * 100)
        os.utime(tmp_path / key, (1000 + number, 1000 + number))
    assert cache.find(keys[3])
    cache.make_room(100)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("aa/*")}
    # The least recently used are gone; what was just asked for is not.
    assert left == {keys[3], *keys[11:]}
    monkeypatch.setattr(remote, "IN_USE_S", 10**10)
    cache.limit = 0
    cache.make_room(100)
    assert len(list(tmp_path.glob("aa/*"))) == 10
