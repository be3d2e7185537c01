"""Files in a bucket, with this disk before it: an outbox for what goes up, a cache for what came.

A file is in the outbox before anything else happens, and leaves it once the bucket has it: an
outage costs nothing but time. All reading is from the cache, which shows what waits as well.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from adgen.config import settings
from adgen.errors import NotFound, StorageAway, Unavailable
from adgen.providers.s3 import Bucket
from adgen.providers.storage import (
    Kept,
    LocalStorage,
    Stored,
    digest_of,
    is_key,
    key_of,
    old_parts,
    place,
)

log = logging.getLogger(__name__)

# After a failure nobody is made to wait for the next one: for so long only the courier tries.
PAUSE_S = 15.0
# Whoever asked for a file may still be reading it, so what was asked for lately is never pruned.
IN_USE_S = 3600.0


class Cache:
    """Files that the bucket has too, as many as fit; the least recently asked for go first."""

    def __init__(self, root: Path, limit: int) -> None:
        """`limit` in bytes."""
        self.root, self.limit = root, limit
        self._lock = threading.Lock()
        self._unseen = limit

    def find(self, key: str) -> Path | None:
        """The file, which counts as used now."""
        path = place(self.root, key)
        with suppress(FileNotFoundError):
            os.utime(path)
            return path
        return None

    def make_room(self, size: int) -> None:
        """Count `size` more bytes; every now and then remove what has not been used for longest."""
        with self._lock:
            self._unseen += size
            if self._unseen * 20 < self.limit:
                return
            self._unseen = 0
        self._prune()

    def _prune(self) -> None:
        files = []
        for path in self.root.glob("??/*"):
            with suppress(FileNotFoundError):
                found = path.stat()
                files.append((found.st_mtime, found.st_size, path))
        spare = sum(size for _, size, _ in files) - self.limit
        for used, size, path in sorted(files):
            if spare <= 0 or used > time.time() - IN_USE_S:
                return
            path.unlink(missing_ok=True)
            spare -= size


class RemoteStorage:
    """See `Storage`. Safe with several processes on the same folders, and several machines."""

    def __init__(
        self, bucket: Bucket, outbox: Path, cache: Cache, before: LocalStorage | None = None
    ) -> None:
        """`before` are the files of this disk from the time before there was a bucket."""
        self.bucket, self.cache = bucket, cache
        self.outbox, self._before = LocalStorage(outbox), before
        # Keys that the bucket is known to have.
        self._up: set[str] = set()
        self._paused_until = self._fine_until = 0.0

    def __str__(self) -> str:
        return str(self.bucket)

    # ---- writing

    def put(self, data: bytes, content_type: str) -> Stored:
        """See `Storage`. Once it returns the file is safe, and in the bucket if that answers."""
        known = self.cache.find(key_of(hashlib.sha256(data).hexdigest(), content_type))
        stored = self.outbox.put(data, content_type)
        self._send_now(stored.key, known=known is not None)
        return stored

    def put_file(self, path: Path, content_type: str) -> Stored:
        """See `put`."""
        known = self.cache.find(key_of(digest_of(path), content_type))
        stored = self.outbox.put_file(path, content_type)
        self._send_now(stored.key, known=known is not None)
        return stored

    def _send_now(self, key: str, *, known: bool) -> None:
        self._share(key)
        if time.monotonic() < self._paused_until:
            return
        try:
            self._send(key, known=known)
        except StorageAway as error:
            log.warning("%s It is kept here and uploaded later: %s", error.user_message, key)

    def _send(self, key: str, *, known: bool = False) -> None:
        """Have the bucket take a file of the outbox; what is `known` from before is asked after."""
        kept = place(self.outbox.root, key)
        try:
            if not (known and self.bucket.renew(key)):
                self.bucket.upload(key, kept)
        except FileNotFoundError:
            # Another process was a moment earlier.
            return
        except StorageAway:
            self._paused_until = time.monotonic() + PAUSE_S
            raise
        self._paused_until = 0.0
        self._up.add(key)
        self._share(key)
        kept.unlink(missing_ok=True)

    def _share(self, key: str) -> Path | None:
        """Show a file of the outbox in the cache too, where readers find it however it goes on."""
        target = place(self.cache.root, key)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.link(place(self.outbox.root, key), target)
                self.cache.make_room(target.stat().st_size)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _no_room(self.cache.root, error) from error
        return target

    def waiting(self) -> list[Kept]:
        """See `Storage`; the oldest first."""
        return sorted(self.outbox.list_kept(), key=lambda kept: kept.at)

    def send_waiting(self) -> int:
        """Upload what waits, by one process of this machine at a time; gives how many went up.

        Raises StorageAway at the first that does not.
        """
        sent = 0
        if waiting := self.waiting():
            with _alone(self.outbox.root) as mine:
                for kept in waiting if mine else ():
                    self._send(kept.key)
                    sent += 1
        return sent

    # ---- reading

    def path(self, key: str) -> Path:
        """See `Storage`: out of the cache, the outbox, or the bucket."""
        return self.cache.find(key) or self._share(key) or self._old(key) or self._fetch(key)

    def _old(self, key: str) -> Path | None:
        with suppress(NotFound):
            return self._before.path(key) if self._before else None
        return None

    def _fetch(self, key: str) -> Path:
        """Bring a file down; others see it once it is whole and what it should be."""
        target, part = place(self.cache.root, key), ""
        try:
            with NamedTemporaryFile(dir=target.parent, suffix=".part", delete=False) as file:
                part = file.name
                self.bucket.download(key, file)
            size = Path(part).stat().st_size
            Path(part).replace(target)
        except NotFound as error:
            raise self._not_up(key) from error
        except OSError as error:
            raise _no_room(self.cache.root, error) from error
        finally:
            if part:
                Path(part).unlink(missing_ok=True)
        self._up.add(key)
        self.cache.make_room(size)
        return target

    def _not_up(self, key: str) -> StorageAway:
        return StorageAway(
            f"This file is not in the {self.bucket} yet. It is uploaded by the machine that made "
            f"it as soon as that can reach the bucket; try again in a minute. ({key[:11]}…)"
        )

    def link(self, key: str, content_type: str, name: str | None = None) -> str | None:
        """See `Storage`: none for what is not up yet, and while the bucket is away."""
        if not settings().s3_links or place(self.outbox.root, key).exists():
            return None
        if self._old(key):
            return None
        if time.monotonic() < self._paused_until and self.cache.find(key):
            return None
        if key not in self._up:
            try:
                there = self.bucket.has(key)
            except StorageAway:
                self._paused_until = time.monotonic() + PAUSE_S
                if self.cache.find(key):
                    return None
                raise
            if not there:
                raise self._not_up(key)
            self._up.add(key)
        return self.bucket.link(key, content_type, name)

    # ---- the rest

    @property
    def origin(self) -> str | None:
        """See `Storage`."""
        return self.bucket.origin if settings().s3_links else None

    def digest(self, key: str) -> str:
        """See `Storage`: of what waits here, else of what the bucket has."""
        with suppress(NotFound, FileNotFoundError):
            return self.outbox.digest(key)
        return self.bucket.digest(key)

    def remove(self, key: str) -> None:
        """See `Storage`."""
        if not is_key(key):
            return
        self._up.discard(key)
        self.outbox.remove(key)
        place(self.cache.root, key).unlink(missing_ok=True)
        if self._before:
            self._before.remove(key)
        self.bucket.delete(key)

    def retire(self, key: str, named: Callable[[], bool]) -> bool:
        """See `Storage`. Who puts the same bytes makes the object young before naming it."""
        if not is_key(key):
            return True
        if place(self.outbox.root, key).exists() or self.bucket.is_young(key) or named():
            return False
        self.remove(key)
        return True

    def put_back(self) -> None:
        """See `Storage`: a bucket takes an object away in one step."""

    def leftovers(self) -> list[Path]:
        """See `Storage`."""
        return old_parts(self.outbox.root) + old_parts(self.cache.root)

    def list_kept(self) -> Iterator[Kept]:
        """See `Storage`: what the bucket has and what waits here."""
        yield from self.bucket.list_kept()
        yield from self.waiting()

    def check(self) -> None:
        """See `Storage`. The bucket is asked every few seconds at most, whoever asks here."""
        self.outbox.check()
        if time.monotonic() < self._fine_until:
            return
        if time.monotonic() < self._paused_until:
            raise StorageAway(f"The {self.bucket} did not answer a moment ago.")
        try:
            self.bucket.check()
        except StorageAway:
            self._paused_until = time.monotonic() + PAUSE_S
            raise
        if not self._fine_until:
            self.bucket.expire_parts()
        self._fine_until = time.monotonic() + PAUSE_S / 3


def _no_room(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"The file could not be fetched ({error.strerror}). Free some space or check the folder "
        f"{folder}, then try again."
    )


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether this is the only process in here; the lock ends with it."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def remote_storage() -> RemoteStorage:
    """As the settings say."""
    config = settings()
    assert config.s3_bucket  # noqa: S101 -- asked before
    bucket = Bucket(config.s3_bucket, config.s3_endpoint_url, config.s3_public_url)
    cache = Cache(config.cache / "files", config.s3_cache_mb * 10**6)
    return RemoteStorage(bucket, config.outbox, cache, LocalStorage(config.files))
