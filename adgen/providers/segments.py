"""Parts of a film kept by what they are made of: looked up, or encoded side by side.

A part's name is a hash of the content of its inputs and of ffmpeg's arguments, so it is found
again under another path, in another film and after any change that does not touch it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol
from uuid import uuid4

from pydantic import ValidationError

from adgen import logs
from adgen.config import settings
from adgen.errors import BadModelOutput, Cancelled, CompositionFailed
from adgen.providers import boxes, ffmpeg
from adgen.providers.boxes import Track
from adgen.providers.ffmpeg import FPS, Media, is_damaged, last_number, local

STALL_S = 60.0
POLL_S = 0.25
# Another process may be about to join parts it has just found.
GRACE_S = 3600.0
# Counted up when parts made before must not be used any more.
EDITION = 1

# What a Follower reads, and errors only; what was half made before is written over.
LOUD = ("-loglevel", "error", "-progress", "pipe:1", "-stats_period", "0.25", "-y")

log = logging.getLogger(__name__)


class Probe(Protocol):
    """A look at a file, as `ffmpeg.probe`."""

    __name__: str

    def __call__(self, path: Path, /, *, role: str) -> Media: ...


class Input(NamedTuple):
    """A file ffmpeg reads: what to say before it, and the hash it is known by."""

    path: Path
    formats: str
    content: str
    options: tuple[str, ...] = ()

    @property
    def arguments(self) -> list[str]:
        """As ffmpeg wants it; nothing but this file can be opened."""
        return [*self.options, *local(self.path, self.formats)]


class Suspect(NamedTuple):
    """One of several clips that a part is made of, and how a person knows it."""

    role: str
    path: Path


class Piece(NamedTuple):
    """A part to be had: `arguments` are ffmpeg's up to the name of the output.

    `role` is what to blame when it fails, or whichever of `suspects` is found broken. `frames` is
    how many it must have, 0 for sound or where it does not matter; `work` is what it costs beside
    other pieces; `needs` must be there before it is made.
    """

    key: str
    arguments: tuple[str, ...]
    role: str
    frames: int
    work: int
    needs: tuple[Piece, ...] = ()
    suspects: tuple[Suspect, ...] = ()


class Made(NamedTuple):
    """A part that is there. `new` says it was made just now."""

    path: Path
    track: Track
    new: bool


def piece_of(
    inputs: Sequence[Input],
    graph: str,
    encoding: Sequence[str],
    *,
    role: str,
    frames: int,
    work: int,
    needs: tuple[Piece, ...] = (),
    suspects: tuple[Suspect, ...] = (),
) -> Piece:
    """Name a part after all that decides its bytes, and nothing else."""
    made_of = [(i.content, i.formats, i.options) for i in inputs]
    key = _hash(json.dumps([EDITION, _version(), made_of, graph, list(encoding)]).encode())
    sources = [word for i in inputs for word in i.arguments]
    arguments = (*sources, "-filter_complex", graph, *encoding)
    return Piece(key, arguments, role, frames, work, needs, suspects)


class Store:
    """A folder of parts and of what is known about inputs; several processes may share it."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def path(self, key: str, suffix: str = ".mp4") -> Path:
        """Where a part is, or would be."""
        return self.root / key[:2] / f"{key}{suffix}"

    def find(self, piece: Piece) -> Made | None:
        """The part if it is there and whole; a damaged one is removed."""
        path = self.path(piece.key)
        try:
            data = path.read_bytes()
            os.utime(path)
        except FileNotFoundError:
            return None
        if boxes.sealed(data) and (track := _track(data, piece.frames)):
            return Made(path, track, new=False)
        log.warning("%s in the cache is damaged and will be made again", path.name)
        path.unlink(missing_ok=True)
        return None

    @contextmanager
    def writing(self, path: Path) -> Iterator[Path]:
        """A name to write to; it becomes `path` when all went well and is gone when not."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own: another process may be making the same part.
        part = path.with_name(f"{path.stem[:16]}-{uuid4().hex}.part")
        try:
            yield part
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def look(self, path: Path, role: str, probe: Probe) -> tuple[str, Media]:
        """The hash of a file and what `probe` says of it; CompositionFailed names its `role`."""
        content = content_of(path, role)
        facts = [content, _version(), probe.__name__, sorted(Media.model_fields)]
        known = self.path(_hash(json.dumps(facts).encode()), ".json")
        try:
            return content, Media.model_validate_json(known.read_bytes())
        except (FileNotFoundError, ValidationError):
            media = probe(path, role=role)
        with self.writing(known) as part:
            part.write_text(media.model_dump_json(), "utf-8")
        return content, media

    def list_of(self, parts: Sequence[Path], frames: Sequence[int]) -> Path:
        """A list of parts in the order they follow each other, for ffmpeg's concat demuxer."""
        lines, at = ["ffconcat version 1.0"], 0
        for path, count in zip(parts, frames, strict=True):
            # Differences of rounded points: rounded lengths would add up to another tick.
            lasts = round((at + count) * 1_000_000 / FPS) - round(at * 1_000_000 / FPS)
            # Relative and of plain letters: nothing to escape, and allowed by ffmpeg's `safe`.
            lines += [f"file {path.relative_to(self.root).as_posix()}", f"duration {lasts}us"]
            at += count
        text = "\n".join(lines) + "\n"
        # At the root, as its names are relative to where it is.
        path = self.root / f"{_hash(text.encode())}.txt"
        with self.writing(path) as part:
            part.write_text(text, "utf-8")
        return path

    def prune(self, keep: Sequence[Path] = (), *, dry: bool = False) -> tuple[int, int]:
        """Remove what was not used for longest, until the folder is within its limit.

        Gives how many files went, or with `dry` would go, and their bytes.
        """
        kept, now, size = set(keep), time.time(), 0
        old: list[tuple[float, int, Path]] = []
        for path in self.root.rglob("*.*"):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            size += stat.st_size
            if path not in kept and now - stat.st_mtime > GRACE_S:
                old.append((stat.st_mtime, stat.st_size, path))
        count, freed, most = 0, 0, settings().cache_mb * 1_000_000
        for _, bytes_, path in sorted(old):
            if size <= most and path.suffix != ".part":
                continue
            if not dry:
                path.unlink(missing_ok=True)
            size, freed, count = size - bytes_, freed + bytes_, count + 1
        return count, freed


def content_of(path: Path, role: str) -> str:
    """The hash of a file; CompositionFailed, naming its `role`, when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as why:
        raise CompositionFailed(f"{role} cannot be read.") from why


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make(
    store: Store,
    pieces: Sequence[Piece],
    *,
    limit_s: float,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> dict[str, Made]:
    """Find each piece or make it, as many at once as there are cores; gives them by key.

    Cancelled when `cancelled` says so, CompositionFailed when ffmpeg fails, hangs or takes too
    long; no ffmpeg runs on after that and nothing half made is left.
    """
    found = {piece.key: store.find(piece) for piece in pieces}
    made = {key: part for key, part in found.items() if part}
    todo = _missing(store, pieces, made)
    work = _Work(todo, time.monotonic() + limit_s)
    pending: set[Future[tuple[str, Made]]] = set()
    with ThreadPoolExecutor(cores(), initializer=logs.carried()) as pool:
        try:
            while todo or pending:
                for piece in [p for p in todo if all(n.key in made for n in p.needs)]:
                    todo.remove(piece)
                    pending.add(pool.submit(_make_one, store, piece, work))
                done, pending = wait(pending, POLL_S, FIRST_COMPLETED)
                made |= dict(future.result() for future in done)
                if cancelled():
                    raise Cancelled("The cut was stopped.")
                progress(work.share())
        finally:
            work.stop.set()
            for future in pending:
                future.cancel()
    return made


def _missing(store: Store, pieces: Sequence[Piece], made: dict[str, Made]) -> list[Piece]:
    """What must be made, each once; what others wait for first, then the longest first."""
    missing = {piece.key: piece for piece in pieces if piece.key not in made}
    for need in [need for piece in missing.values() for need in piece.needs]:
        if need.key in made or need.key in missing:
            continue
        if part := store.find(need):
            made[need.key] = part
        else:
            missing[need.key] = need
    needed = {need.key for piece in missing.values() for need in piece.needs}
    return sorted(missing.values(), key=lambda p: (p.key not in needed, -p.work))


class _Work:
    """What all encoders of one cut share: how far they are, and when to stop."""

    def __init__(self, todo: Sequence[Piece], deadline: float) -> None:
        self.stop = threading.Event()
        self.deadline = deadline
        self.total = sum(piece.work for piece in todo)
        self.done: dict[str, float] = {}

    def share(self) -> float:
        """0..1 of all there was to do."""
        return min(1.0, sum(self.done.values()) / self.total) if self.total else 1.0


class Follower:
    """Reads one ffmpeg's progress; raises to stop it when it hangs or nobody wants it.

    `moved` is told the frames done each time there are more.
    """

    def __init__(self, moved: Callable[[int], None], cancelled: Callable[[], bool]) -> None:
        self.moved, self.cancelled = moved, cancelled
        self.seen: tuple[int, ...] = ()
        self.since = time.monotonic()

    def __call__(self, text: str) -> None:
        if self.cancelled():
            raise Cancelled("The cut was stopped.")
        seen = tuple(last_number(key, text) for key in ("frame", "out_time_us", "total_size"))
        if seen != self.seen:
            if seen[:1] != self.seen[:1]:
                self.moved(seen[0])
            self.seen, self.since = seen, time.monotonic()
        elif time.monotonic() - self.since > STALL_S:
            raise CompositionFailed("The cut stood still and was stopped. Try again.")


def _make_one(store: Store, piece: Piece, work: _Work) -> tuple[str, Made]:
    path = store.path(piece.key)

    def moved(frames: int) -> None:
        work.done[piece.key] = piece.work * min(1.0, frames / piece.frames) if piece.frames else 0

    follow = Follower(moved, work.stop.is_set)
    with store.writing(path) as part:
        left = work.deadline - time.monotonic()
        ended = ffmpeg.run([*LOUD, *piece.arguments, f"file:{part}"], left, follow)
        track = None if ended.code else _track(part.read_bytes(), piece.frames)
        if track is None or is_damaged(ended.errors):
            log.error("part of %s (%d): %s", piece.role, ended.code, ended.errors[-4000:])
            raise _blame(piece)
        boxes.seal(part)
    work.done[piece.key] = piece.work
    return piece.key, Made(path, track, new=True)


def _blame(piece: Piece) -> CompositionFailed:
    """Name the one clip that is broken, where a part is made of several."""
    for suspect in piece.suspects:
        try:
            ffmpeg.check_clip(suspect.path, role=suspect.role)
        except BadModelOutput as why:
            return CompositionFailed(why.user_message)
    return CompositionFailed(f"{piece.role} could not be used: it seems to be damaged.")


def _track(data: bytes, frames: int) -> Track | None:
    """The one track of a part, None when it is not what was wanted."""
    try:
        [track] = boxes.tracks(data)
    except ValueError:
        return None
    wanted = frames == 0 or len(track.decoded) == frames
    return track if wanted and track.decoded else None


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@cache
def _version() -> str:
    return ffmpeg.version().partition(",")[0]
