"""Backups: all rows of one moment and every file that they name; and the way back.

A backup folder holds any number of backups, one folder each, and their files once for all of them:

    files/ab/abcd….png      by the hash of their content, as storage keeps them
    20261130T224000Z/       rows of each table, and the manifest, which is written last

The way back leads into an empty installation only, and changes nothing before every hash has been
compared. Runs that were going on are not taken up again: the original may be alive, and would have
what they order paid twice.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError
from sqlalchemy.orm import Session

from adgen import __version__
from adgen import jobs as engine
from adgen.domain import JobStatus, Stage, Value
from adgen.errors import InputRejected, NotFound, Unavailable
from adgen.providers.storage import SUFFIXES, storage
from adgen.store import costs, dump, schema, sessions
from adgen.store.database import Database
from adgen.store.dump import Table
from adgen.store.files import named_keys
from adgen.store.jobs import finish_job, live_ids
from adgen.store.secrets import REDIS, forget_secret
from adgen.store.workers import any_at_work

FORMAT = 1
FILES, MANIFEST, SEAL = "files", "manifest.json", "manifest.sha256"
_CHUNK = 1 << 20
_TYPES = {suffix: kind for kind, suffix in SUFFIXES.items()}


class Held(Value):
    """A file of a backup: its path in the backup's folder or its key, size and SHA-256."""

    name: str
    size: int
    sha256: str


class Rows(Value):
    """A table, and the file with its rows."""

    table: Table
    file: Held


class Manifest(Value):
    """What a backup holds. `missing` are files that rows name and storage had lost before.

    `at_rest` says that no worker was alive, so that nothing was ordered after it was made.
    """

    format: int
    adgen: str
    engine: str
    schema_version: str
    made_at: datetime
    at_rest: bool
    ledger: Decimal
    rows: tuple[Rows, ...]
    counters: dict[str, int]
    files: tuple[Held, ...]
    missing: tuple[str, ...]


class Made(NamedTuple):
    """A finished backup: where, what, and how many files and bytes were new in it."""

    folder: Path
    manifest: Manifest
    copied: int
    copied_bytes: int


# There


def back_up(database: Database, folder: Path) -> Made:
    """Back up while the app runs. Raises InputRejected, and Unavailable when the disk refuses."""
    at = datetime.now(UTC).replace(microsecond=0)
    here = folder / at.strftime("%Y%m%dT%H%M%SZ")
    try:
        (folder / FILES).mkdir(parents=True, exist_ok=True, mode=0o700)
        here.mkdir(mode=0o700)
        with dump.one_moment(database) as db:
            _require_present_tables(db)
            rows = [_keep_rows(db, table, here) for table in dump.list_tables(db)]
            keys = sorted(named_keys(db))
            known = {
                "schema_version": schema.present(db.connection()),
                "at_rest": not any_at_work(db),
                "ledger": costs.total_spent(db),
                "counters": dump.list_counters(db),
            }
        before = {held.name: held for held in _files_before(folder)}
        kept, missing, copied = [], [], []
        for key in keys:
            held, new = _keep_file(folder / FILES / key, key, before)
            kept += [held] if held else []
            missing += [] if held else [key]
            copied += [held.size] if held and new else []
        manifest = Manifest(
            format=FORMAT, adgen=__version__, engine=version("dbos"), made_at=at,
            rows=tuple(rows), files=tuple(kept), missing=tuple(missing), **known,
        )  # fmt: skip
        _seal(here, manifest)
    except FileExistsError:
        raise InputRejected(f"{here} is there already; try again in a second.") from None
    except OSError as error:
        raise Unavailable(
            f"The backup could not be written to {folder} ({error.strerror}). What is there of it "
            f"is not whole and will not be restored."
        ) from error
    return Made(here, manifest, len(copied), sum(copied))


def _require_present_tables(db: Session) -> None:
    found = schema.present(db.connection())
    if found != schema.newest():
        raise InputRejected(
            f"The database has the tables of another version of adgen ({found or 'none'}; this one "
            f"works with {schema.newest()}). Make the backup with that version, before upgrading."
        )


def _keep_rows(db: Session, table: Table, folder: Path) -> Rows:
    path = folder / f"{table.name}.gz"
    # The same rows are the same bytes.
    with (
        path.open("xb") as file,
        gzip.GzipFile("", "wb", compresslevel=4, fileobj=file, mtime=0) as packed,
    ):
        dump.write_rows(db, table, packed)
    _settle(path)
    return Rows(table=dump.weigh(db, table), file=_hold(path, path.name))


def _files_before(folder: Path) -> Iterable[Held]:
    """What the newest whole backup in the folder holds already."""
    for stamp in reversed(_stamps(folder)):
        if (folder / stamp / MANIFEST).exists():
            return _read_manifest(folder / stamp).files
    return ()


def _keep_file(target: Path, key: str, before: dict[str, Held]) -> tuple[Held | None, bool]:
    """A file in the backup, and whether it is new; None when storage has lost it."""
    held = before.get(key)
    if held and target.exists() and target.stat().st_size == held.size:
        return held, False
    try:
        source = storage().path(key)
    except NotFound:
        return None, False
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = target.with_name(f".{target.name}.part")
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reading, part.open("wb") as writing:
        while chunk := reading.read(_CHUNK):
            digest.update(chunk)
            writing.write(chunk)
            size += len(chunk)
        writing.flush()
        os.fsync(writing.fileno())
    if target.stem != digest.hexdigest():
        # The disk gives other bytes than were kept; a good copy of an older backup stays.
        part.unlink()
        return None, False
    part.replace(target)
    return Held(name=key, size=size, sha256=digest.hexdigest()), True


def _seal(folder: Path, manifest: Manifest) -> None:
    body = manifest.model_dump_json(indent=1).encode()
    seal = folder / SEAL
    seal.write_text(f"{hashlib.sha256(body).hexdigest()}  {MANIFEST}\n", "utf-8")
    _settle(seal)
    part = folder / f".{MANIFEST}.part"
    part.write_bytes(body)
    _settle(part)
    part.replace(folder / MANIFEST)
    _settle(folder)


def _settle(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# Is it whole


def verify(folder: Path) -> tuple[Path, Manifest]:
    """The newest backup of a folder, or the one that is named, with every hash compared.

    Raises InputRejected for one that is not whole, or that this version cannot read.
    """
    here = _newest(folder)
    manifest = _read_manifest(here)
    for rows in manifest.rows:
        _require_whole(here / rows.file.name, rows.file)
    for held in manifest.files:
        _require_whole(here.parent / FILES / held.name, held)
    return here, manifest


def _newest(folder: Path) -> Path:
    if (folder / SEAL).exists() or (folder / MANIFEST).exists() or _is_stamp(folder.name):
        return folder
    stamps = _stamps(folder)
    if not stamps:
        raise InputRejected(f"There is no backup in {folder}.")
    return folder / stamps[-1]


def _stamps(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*Z") if _is_stamp(path.name))


def _is_stamp(name: str) -> bool:
    try:
        datetime.strptime(name, "%Y%m%dT%H%M%SZ")  # noqa: DTZ007 -- only its form counts
    except ValueError:
        return False
    return True


def _read_manifest(folder: Path) -> Manifest:
    try:
        body = (folder / MANIFEST).read_bytes()
        seal = (folder / SEAL).read_text("utf-8", "replace")
    except OSError:
        raise InputRejected(
            f"The backup {folder} is not whole: it has no {MANIFEST} or {SEAL}. It was "
            "interrupted; name an older one."
        ) from None
    if seal.split()[:1] != [hashlib.sha256(body).hexdigest()]:
        raise InputRejected(f"The backup {folder} is damaged: {MANIFEST} was changed.")
    try:
        manifest = Manifest.model_validate_json(body)
    except ValidationError:
        manifest = None
    known = manifest and manifest.format == FORMAT and schema.is_known(manifest.schema_version)
    if manifest is None or not known:
        raise InputRejected(
            f"The backup {folder} was made by a newer version of adgen than this one, "
            f"{__version__}. Use that version."
        )
    return manifest


def _require_whole(path: Path, held: Held) -> None:
    try:
        same = path.stat().st_size == held.size and _hold(path, held.name) == held
    except OSError:
        raise InputRejected(f"The backup is not whole: {path} is missing.") from None
    if not same:
        raise InputRejected(f"The backup is damaged: {path} has changed. Use another one.")


def _hold(path: Path, name: str) -> Held:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Held(name=name, size=path.stat().st_size, sha256=digest)


# And back


def restore(database: Database, folder: Path, *, go_on: bool = False) -> Manifest:
    """Fill an empty installation from a backup, all of it or nothing.

    Runs that were going on are stopped, with the reason; with `go_on` they are taken up where they
    were, which only a backup made at rest allows. Raises InputRejected with what to do instead.
    """
    here, manifest = verify(folder)
    if go_on and not manifest.at_rest:
        raise InputRejected(
            "A worker was alive when this backup was made, so what its runs ordered afterwards "
            "would be ordered and paid again. Restore without --go-on, and retry what is missing."
        )
    with database.alone():
        _require_empty(database)
        for held in manifest.files:
            _bring_file(here.parent / FILES / held.name, held)
        engine.migrate(database.url)
        with database.engine.begin() as connection, Session(connection) as db:
            schema.make_anew(connection, manifest.schema_version)
            _fill(db, manifest, here)
            schema.bring(connection)
            forget_secret(db, REDIS)
            if not go_on:
                _stop_runs(db, manifest)
            db.flush()
    return manifest


def _require_empty(database: Database) -> None:
    with database.begin() as db:
        if dump.lived_in(db):
            raise InputRejected(
                "This installation is in use: it has people or ads. A backup is restored into an "
                "empty one. Set ADGEN_HOME to a new folder, and DATABASE_URL, where it is set, to "
                "a new database."
            )
        if any_at_work(db):
            raise InputRejected("A worker uses this database. Stop it first.")


def _bring_file(path: Path, held: Held) -> None:
    kind = _TYPES.get(path.suffix, "application/octet-stream")
    kept = storage().put_file(path, kind)
    with storage().path(kept.key).open("rb") as file:
        same = hashlib.file_digest(file, "sha256").hexdigest() == held.sha256
    if kept.key != held.name or not same:
        raise Unavailable(
            f"The storage does not give back what was put into it: {held.name}. Check the disk, "
            "and restore into another folder."
        )


def _fill(db: Session, manifest: Manifest, folder: Path) -> None:
    tables = [rows.table for rows in manifest.rows]
    if lacking := dump.unknown_columns(db, tables):
        raise InputRejected(
            f"The backup has columns that cannot be restored here ({', '.join(lacking[:3])}). It "
            f"was made with version {manifest.engine} of the job engine; use that one."
        )
    with dump.filling(db, tables, manifest.counters):
        for rows in manifest.rows:
            with gzip.open(folder / rows.file.name) as file:
                dump.read_rows(db, rows.table, file)
    for table in tables:
        if dump.weigh(db, table) != table:
            raise Unavailable(f"The rows of {table.name} came back differently. Nothing was kept.")


def _stop_runs(db: Session, manifest: Manifest) -> None:
    """End every run that was going on, so that nothing is ordered that nobody asks for here.

    What had been ordered is fetched, not ordered anew, when somebody retries.
    """
    why = (
        f"Stopped by restoring the backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC. What was made "
        "until then is kept; retry makes the rest."
    )
    for job_id in live_ids(db):
        finish_job(db, job_id, JobStatus.FAILED, why, error=why)
        ad = sessions.lock_ad(db, job_id.partition(":")[0])
        if stage := _STOPPED_AT.get(Stage(ad.stage)):
            ad.stage, ad.failed_stage, ad.failure = Stage.FAILED.value, stage.value, why
    engine.forget_unfinished(db)


_STOPPED_AT = {
    Stage.PROMPT_PARSING: Stage.IMAGE_GENERATION,
    Stage.IMAGE_GENERATION: Stage.IMAGE_GENERATION,
    Stage.CLIP_GENERATION: Stage.CLIP_GENERATION,
    Stage.FINAL_COMPOSITION: Stage.FINAL_COMPOSITION,
}
