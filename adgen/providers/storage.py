"""Where files live: local disk, written once under the hash of their content."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

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


_PART, _ASIDE = ".part", ".retired"
# A file is named by a row a moment after it was put; half-made ones are left alone for longer.
FRESH_S, LEFT_S = 3600.0, 86400.0


class Stored(Value):
    """A file in storage. The key is made from its content, so it never changes."""

    key: str
    size_bytes: int
    content_type: str


class LocalStorage:
    """Files under one folder. Raises Unavailable when the disk refuses."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, data: bytes, content_type: str) -> Stored:
        """Keep the bytes; putting the same bytes twice keeps one file."""
        digest = hashlib.sha256(data).hexdigest()
        key = f"{digest[:2]}/{digest}{SUFFIXES.get(content_type, '.bin')}"
        target = self.root / key
        if not _touched(target):
            self._write(target, data)
        return Stored(key=key, size_bytes=len(data), content_type=content_type)

    def _write(self, target: Path, data: bytes) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write_nameless(target, data)
            except (AttributeError, OSError):
                # Not Linux, or a file system that has no nameless files, such as NFS.
                _write_beside(target, data)
        except OSError as error:
            raise Unavailable(
                f"The file could not be kept ({error.strerror}). Free some space or check the "
                f"folder {self.root}, then try again."
            ) from error

    def put_file(self, path: Path, content_type: str) -> Stored:
        """Keep a finished file; see `put`."""
        return self.put(path.read_bytes(), content_type)

    def path(self, key: str) -> Path:
        """Where the file is on this disk; NotFound when it is gone."""
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root.resolve()) or not path.is_file():
            raise NotFound("That file is no longer in storage.")
        return path

    def remove(self, key: str) -> None:
        """Delete a file that nothing names any more; one that is gone already is no error."""
        with contextlib.suppress(NotFound):
            self.path(key).unlink(missing_ok=True)

    def retire(self, key: str, named: Callable[[], bool]) -> bool:
        """As `remove`, unless the file was put lately or is `named` after all; whether it is gone.

        Others may be putting the very same bytes at this moment, and name them only then.
        """
        target = self.root / key
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
        """Undo what a crash left half retired; only while nobody retires."""
        for aside in self.root.glob(f"*/*{_ASIDE}"):
            with suppress(FileExistsError):
                os.link(aside, aside.with_name(aside.name.removesuffix(_ASIDE)))
            aside.unlink()

    def leftovers(self) -> Iterator[Path]:
        """What crashes have left half written, and nobody will come back for."""
        for path in self.root.glob(f"*/*{_PART}"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > LEFT_S:
                    yield path

    def check(self) -> None:
        """Raise Unavailable when nothing can be written."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise Unavailable(
                f"The storage folder {self.root} cannot be written ({error.strerror})."
            ) from error


def _touched(path: Path) -> bool:
    """Whether the file is there; it is fresh then."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    except OSError:
        # Not ours to touch, such as on a disk that is read only; it is there all the same.
        return path.exists()
    return True


def _write_nameless(target: Path, data: bytes) -> None:
    """The file gets its name once it is whole: a crash before that leaves nothing at all."""
    made = os.open(target.parent, os.O_TMPFILE | os.O_WRONLY, 0o600)
    with os.fdopen(made, "wb") as file:
        _fill(file, data)
        # Somebody else may have kept the same bytes meanwhile.
        with suppress(FileExistsError):
            os.link(f"/proc/self/fd/{made}", target, follow_symlinks=True)


def _write_beside(target: Path, data: bytes) -> None:
    """A crash before the last line leaves a .part that nothing names; never half a file."""
    with NamedTemporaryFile(dir=target.parent, suffix=_PART, delete=False) as part:
        try:
            _fill(part, data)
            Path(part.name).replace(target)
        except OSError:
            Path(part.name).unlink(missing_ok=True)
            raise


def _fill(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


@lru_cache(maxsize=1)
def storage() -> LocalStorage:
    """The storage of this process."""
    return LocalStorage(settings().files)
