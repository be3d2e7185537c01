"""Takes away what the rules keep no more: media, half-made things, dead rows, the engine's past.

Each part can be stopped and repeated at any point. What is of this machine alone, its cache and
scratch, every process prunes for itself; what all share one at a time does, whichever comes first.
"""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

from adgen.config import settings
from adgen.domain import Value
from adgen.jobs import FORGET_AT_ONCE, Runs
from adgen.providers.segments import Store
from adgen.providers.storage import storage
from adgen.store import retention
from adgen.store.database import Database
from adgen.store.retention import Rule
from adgen.store.tables import now

# Work that still goes on touches its folder more often.
_SCRATCH_S = 86400.0


class Freed(Value):
    """What went, or would: how many, and their bytes on disk as far as they are counted."""

    what: str
    count: int
    bytes: int = 0

    def __str__(self) -> str:
        size = f", {self.bytes / 1e6:,.1f} MB" if self.bytes else ""
        return f"{self.count:,} {self.what}{size}"


def prune(database: Database, runs: Runs, *, dry: bool = False) -> Iterator[Freed]:
    """Remove what is due, or with `dry` only count it; gives what there was of each kind.

    While another process is at it only this machine's own things are pruned.
    """
    yield from _some(_of_this_machine(dry=dry))
    with retention.alone(database) as mine:
        if mine or dry:
            yield from _some(_of_all(database, runs, dry=dry))


def _some(found: Iterable[Freed]) -> Iterator[Freed]:
    return (freed for freed in found if freed.count)


def _of_this_machine(*, dry: bool) -> Iterator[Freed]:
    count, size = Store(settings().cache / "films").prune(dry=dry)
    yield Freed(what="parts of films in the cache", count=count, bytes=size)
    yield _removed("half-made files", [*storage().leftovers()], dry=dry)
    yield _removed("old scratch folders", [*_old_scratch()], dry=dry)


def _old_scratch() -> Iterator[Path]:
    if settings().scratch.is_dir():
        for path in settings().scratch.iterdir():
            inside = [*path.rglob("*")] if path.is_dir() else []
            if max(map(_touched, [path, *inside])) < time.time() - _SCRATCH_S:
                yield path


def _touched(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0


def _removed(what: str, paths: list[Path], *, dry: bool) -> Freed:
    size = 0
    for path in paths:
        files = [path, *path.rglob("*")] if path.is_dir() else [path]
        size += sum(map(_size, files))
        if dry:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return Freed(what=what, count=len(paths), bytes=size)


def _of_all(database: Database, runs: Runs, *, dry: bool) -> Iterator[Freed]:
    if not dry:
        storage().put_back()
    taken: defaultdict[str, list[str]] = defaultdict(list)
    for rule in retention.rules():
        yield _media(database, rule, taken, dry=dry)
    if not dry:
        _free(database)
    for what, count in retention.clear_rows(database, dry=dry):
        yield Freed(what=what, count=count)
    yield _history(database, runs, dry=dry)


def _media(
    database: Database, rule: Rule, taken: defaultdict[str, list[str]], *, dry: bool
) -> Freed:
    """What a rule takes; `taken` has the assets by storage key that it and those before took.

    The bytes of a file are those of the rule that took its last name.
    """
    if dry:
        with database.begin() as db:
            rows = retention.due(db, rule)
    else:
        rows = [row for of_ad in retention.take(database, rule) for row in of_ad]
    known = {asset_id for ids in taken.values() for asset_id in ids}
    rows = [row for row in rows if row.id not in known]
    for row in rows:
        taken[row.storage_key].append(row.id)
    sizes = {row.storage_key: row.size_bytes for row in rows}
    with database.begin() as db:
        size = sum(
            bytes_
            for key, bytes_ in sizes.items()
            if not retention.is_in_use(db, key, but=taken[key])
        )
    return Freed(what=rule.name, count=len(rows), bytes=size)


def _free(database: Database) -> None:
    """Delete the files that only removed assets name."""
    with database.begin() as db:
        keys = retention.removed_keys(db)
    for key in keys:
        with database.begin() as db:
            named = partial(retention.is_in_use, db, key)
            if named() or storage().retire(key, named):
                retention.give_up(db, key)


def _history(database: Database, runs: Runs, *, dry: bool) -> Freed:
    """What the engine remembers of runs that ended, of which nothing is needed any more."""
    before = now() - timedelta(days=settings().keep_runs_days)
    count = skip = 0
    while ids := runs.ended(before, skip):
        with database.begin() as db:
            needed = retention.needed_runs(db, ids)
        gone = [run_id for run_id in ids if run_id not in needed]
        if not dry:
            runs.forget(gone)
        count += len(gone)
        skip += len(ids) if dry else len(needed)
        if len(ids) < FORGET_AT_ONCE:
            break
    return Freed(what="runs in the engine's history", count=count)
