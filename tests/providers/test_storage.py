"""Files on disk and in a bucket behave alike: the same tests, on both."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adgen.config import settings
from adgen.errors import AdgenError, NotFound, Unavailable
from adgen.providers.storage import SUFFIXES, LocalStorage, Storage, storage, type_of

if TYPE_CHECKING:
    from tests.s3_server import S3Server


@pytest.fixture(params=["disk", "bucket"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """The storage as the settings choose it."""
    if request.param == "bucket":
        s3: S3Server = request.getfixturevalue("s3")
        for name, value in s3.env(s3.bucket()).items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        storage.cache_clear()
    yield storage()
    storage.cache_clear()


def test_what_was_put_is_there(store: Storage, tmp_path: Path) -> None:
    data = b"picture" * 1000
    stored = store.put(data, "image/jpeg")
    digest = hashlib.sha256(data).hexdigest()
    assert stored.key == f"{digest[:2]}/{digest}.jpg"
    assert stored.size_bytes == len(data)
    assert store.path(stored.key).read_bytes() == data
    (tmp_path / "film").write_bytes(data)
    assert store.put_file(tmp_path / "film", "image/jpeg") == stored
    assert [kept.key for kept in store.list_kept()] == [stored.key]
    assert store.waiting() == []


def test_a_key_tells_its_type(store: Storage) -> None:
    for content_type in SUFFIXES:
        assert type_of(store.put(b"x", content_type).key) == content_type


def test_many_put_the_same_at_once(store: Storage) -> None:
    keys, failed = [], []

    def put() -> None:
        try:
            keys.append(store.put(b"the same", "video/mp4").key)
        except AdgenError as error:
            failed.append(error)

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(set(keys)) == 1
    assert store.path(keys[0]).read_bytes() == b"the same"
    assert [kept.key for kept in store.list_kept()] == [keys[0]]


def test_removed_is_gone_and_may_come_back(store: Storage) -> None:
    stored = store.put(b"once", "image/png")
    store.remove(stored.key)
    store.remove(stored.key)
    with pytest.raises((NotFound, Unavailable)):
        store.path(stored.key)
    assert list(store.list_kept()) == []
    assert store.put(b"once", "image/png") == stored
    assert store.path(stored.key).read_bytes() == b"once"


def test_what_is_no_key_is_no_file(store: Storage, tmp_path: Path) -> None:
    # Only ever files of this test's own folder: what fails here deletes what it names.
    secret = tmp_path / "home" / "secret"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("secret")
    for key in ("../secret", "../../secret", str(secret), "", "aa/../../secret", "aa/" + "a" * 64):
        with pytest.raises(NotFound):
            store.path(key)
        store.remove(key)
    assert secret.exists()


def test_nothing_half_written_is_left(store: Storage, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.put_file(tmp_path / "not there", "video/mp4")
    store.check()
    assert list(store.list_kept()) == []
    assert list((tmp_path / "home").rglob("*.part")) == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("a file where a folder should be")
    store = LocalStorage(tmp_path / "files")
    with pytest.raises(Unavailable, match="cannot be written"):
        store.check()
    with pytest.raises(Unavailable, match="Free some space"):
        store.put(b"x", "image/png")


def test_put_again_a_file_is_young_again(tmp_path: Path) -> None:
    store = LocalStorage(tmp_path)
    key = store.put(b"old", "image/png").key
    os.utime(tmp_path / key, (0, 0))
    store.put(b"old", "image/png")
    [kept] = store.list_kept()
    assert kept.at.year > 2000
