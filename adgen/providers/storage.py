"""Where files live: local disk or a bucket, written once under the hash of their content."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Protocol

from adgen.config import settings
from adgen.domain import Value
from adgen.errors import NotFound, Unavailable

SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "video/mp4": ".mp4",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
    "audio/mp4": ".m4a",
    "audio/aac": ".aac",
    "audio/webm": ".webm",
    "application/json": ".json",
}
_TYPES = {suffix: kind for kind, suffix in SUFFIXES.items()}
_KEY = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})\.[a-z0-9]{1,5}")
_PIECE = 2**20
_PART, _ASIDE = ".part", ".retired"
# A file is named by a row a moment after it was put; half-made ones are left alone for longer.
FRESH_S, LEFT_S = 3600.0, 86400.0


class Stored(Value):
    """A file in storage. The key is made from its content, so it never changes."""

    key: str
    size_bytes: int
    content_type: str


class Kept(Value):
    """A file that is there, whoever names it; `at` is when it was last put."""

    key: str
    size_bytes: int
    at: datetime


class Storage(Protocol):
    """Files by key. What cannot be written or reached raises Unavailable."""

    def put(self, data: bytes, content_type: str) -> Stored:
        """Keep the bytes; putting the same bytes twice keeps one file."""
        ...

    def put_file(self, path: Path, content_type: str) -> Stored:
        """Keep a finished file; see `put`."""
        ...

    def path(self, key: str) -> Path:
        """The file on this disk, fetched if need be. Raises NotFound, Unavailable."""
        ...

    def link(self, key: str, content_type: str, name: str | None = None) -> str | None:
        """Where a browser may fetch it itself for a few minutes; None to have it from `path`.

        `name` is what it is to be called when it is saved.
        """
        ...

    @property
    def origin(self) -> str | None:
        """Where links lead, as a browser's policy names it; None when there are none."""
        ...

    def digest(self, key: str) -> str:
        """The sha256 of what is there, which the key should name. Raises as `path`."""
        ...

    def remove(self, key: str) -> None:
        """Delete a file that nothing names any more; one that is gone already is no error."""
        ...

    def retire(self, key: str, named: Callable[[], bool]) -> bool:
        """As `remove`, unless the file was put lately or is `named` after all; whether it is gone.

        Others may be putting the very same bytes at this moment, and name them only then.
        """
        ...

    def put_back(self) -> None:
        """Undo what a crash left half retired; only while nobody retires."""
        ...

    def leftovers(self) -> list[Path]:
        """What crashes have left half written on this disk, and nobody will come back for."""
        ...

    def list_kept(self) -> Iterator[Kept]:
        """Every file that is there, in no order."""
        ...

    def waiting(self) -> list[Kept]:
        """The files that are on this machine only, until they can be uploaded."""
        ...

    def send_waiting(self) -> int:
        """Upload those; gives how many. Raises StorageAway at the first that does not go."""
        ...

    def check(self) -> None:
        """Raise Unavailable when nothing can be written or read."""
        ...

    def __str__(self) -> str:
        """Where that is, in words."""
        ...


def key_of(digest: str, content_type: str) -> str:
    """The key of the content with this sha256."""
    return f"{digest[:2]}/{digest}{SUFFIXES.get(content_type, '.bin')}"


def type_of(key: str) -> str:
    """The content type that a key tells."""
    return _TYPES.get(Path(key).suffix, "application/octet-stream")


def is_key(text: str) -> bool:
    """Whether this may be a key at all; nothing else ever becomes a path or an address."""
    return _KEY.fullmatch(text) is not None


def place(root: Path, key: str) -> Path:
    """Where a key is below a folder. Raises NotFound for what is none, so nothing leads outside."""
    if not is_key(key):
        raise NotFound("That file is no longer in storage.")
    return root / key


def digest_of(path: Path) -> str:
    """The sha256 of a file, read a piece at a time."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class LocalStorage:
    """Files under one folder. Raises Unavailable when the disk refuses."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def put(self, data: bytes, content_type: str) -> Stored:
        """See `Storage`."""
        key = key_of(hashlib.sha256(data).hexdigest(), content_type)
        self._write(key, lambda file: file.write(data))
        return Stored(key=key, size_bytes=len(data), content_type=content_type)

    def put_file(self, path: Path, content_type: str) -> Stored:
        """See `Storage`; however large it is, a piece of it is in memory at a time."""
        key = key_of(digest_of(path), content_type)

        def copy(out: IO[bytes]) -> None:
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    out.write(piece)

        self._write(key, copy)
        return Stored(key=key, size_bytes=path.stat().st_size, content_type=content_type)

    def _write(self, key: str, fill: Callable[[IO[bytes]], object]) -> None:
        target = place(self.root, key)
        if _touched(target):
            return
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write_nameless(target, fill)
            except (AttributeError, OSError):
                # Not Linux, or a file system that has no nameless files, such as NFS.
                _write_beside(target, fill)
        except OSError as error:
            raise Unavailable(
                f"The file could not be kept ({error.strerror}). Free some space or check the "
                f"folder {self.root}, then try again."
            ) from error

    def path(self, key: str) -> Path:
        """See `Storage`."""
        path = place(self.root, key)
        if not path.is_file():
            raise NotFound("That file is no longer in storage.")
        return path

    def link(self, key: str, content_type: str, name: str | None = None) -> str | None:
        """None: files of this disk are served by the app."""

    @property
    def origin(self) -> str | None:
        """See `Storage`."""
        return None

    def digest(self, key: str) -> str:
        """See `Storage`."""
        return digest_of(self.path(key))

    def remove(self, key: str) -> None:
        """See `Storage`."""
        with contextlib.suppress(NotFound):
            self.path(key).unlink(missing_ok=True)

    def retire(self, key: str, named: Callable[[], bool]) -> bool:
        """See `Storage`."""
        target = place(self.root, key)
        aside = target.with_name(f"{target.name}{_ASIDE}")
        try:
            target.rename(aside)
        except FileNotFoundError:
            return True
        # Whoever puts it from now on writes it anew; whoever found it there has touched it.
        if time.time() - aside.stat().st_mtime < FRESH_S or named():
            with suppress(FileExistsError):
                os.link(aside, target)
            aside.unlink()
            return False
        aside.unlink()
        return True

    def put_back(self) -> None:
        """See `Storage`."""
        for aside in self.root.glob(f"*/*{_ASIDE}"):
            with suppress(FileExistsError):
                os.link(aside, aside.with_name(aside.name.removesuffix(_ASIDE)))
            aside.unlink()

    def leftovers(self) -> list[Path]:
        """See `Storage`."""
        return old_parts(self.root)

    def list_kept(self) -> Iterator[Kept]:
        """See `Storage`."""
        for path in self.root.glob("??/*"):
            key = path.relative_to(self.root).as_posix()
            if is_key(key):
                # Another process may take it away meanwhile.
                with suppress(FileNotFoundError):
                    found = path.stat()
                    at = datetime.fromtimestamp(found.st_mtime, UTC)
                    yield Kept(key=key, size_bytes=found.st_size, at=at)

    def waiting(self) -> list[Kept]:
        """None ever: see `Storage`."""
        return []

    def send_waiting(self) -> int:
        """Nothing ever: see `Storage`."""
        return 0

    def check(self) -> None:
        """See `Storage`."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise Unavailable(
                f"The storage folder {self.root} cannot be written ({error.strerror})."
            ) from error


def old_parts(root: Path) -> list[Path]:
    """Half-written files below a folder that a crash left, a day ago or longer."""
    born = time.time() - LEFT_S
    return [part for part in root.rglob(f"*{_PART}") if part.stat().st_mtime < born]


def _touched(path: Path) -> bool:
    """Whether the file is there; put again it is young again, and no clean-up takes it."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    except OSError:
        # Not ours to touch, such as on a disk that is read only; it is there all the same.
        return path.exists()
    return True


def _write_nameless(target: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """The file gets its name once it is whole: a crash before that leaves nothing at all."""
    made = os.open(target.parent, os.O_TMPFILE | os.O_WRONLY, 0o600)
    with os.fdopen(made, "wb") as file:
        _fill(file, fill)
        # Somebody else may have kept the same bytes meanwhile.
        with suppress(FileExistsError):
            os.link(f"/proc/self/fd/{made}", target, follow_symlinks=True)


def _write_beside(target: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """A crash before the last line leaves a .part that nothing names; never half a file."""
    with NamedTemporaryFile(dir=target.parent, suffix=_PART, delete=False) as part:
        try:
            _fill(part, fill)
            Path(part.name).replace(target)
        except OSError:
            Path(part.name).unlink(missing_ok=True)
            raise


def _fill(file: IO[bytes], fill: Callable[[IO[bytes]], object]) -> None:
    fill(file)
    file.flush()
    os.fsync(file.fileno())


def local_storage() -> LocalStorage:
    """The storage on this disk, in use or not."""
    return LocalStorage(settings().files)


@lru_cache(maxsize=1)
def storage() -> Storage:
    """The storage of this process: a bucket when ADGEN_S3_BUCKET names one, else this disk."""
    if settings().s3_bucket:
        # Only who uses a bucket pays for its client.
        from adgen.providers.remote import remote_storage

        return remote_storage()
    return local_storage()
