"""`python -m adgen storage`: compare files and rows; move files between disk and bucket."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tqdm import tqdm

from adgen.config import settings
from adgen.errors import AdgenError, InputRejected
from adgen.launch import Stack
from adgen.providers.storage import Kept, digest_of, local_storage, old_parts, storage, type_of
from adgen.store import files

# Younger files may be named by a row that is about to be written.
ORPHAN_OLD = timedelta(days=1)
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands of `storage`."""
    actions = parser.add_subparsers(required=True, metavar="action")
    move = actions.add_parser("move", help="copy all files to the bucket, or back to this disk")
    move.add_argument("--to", required=True, choices=["s3", "local"])
    move.add_argument(
        "--remove-originals", action="store_true", help="delete each one whose copy is checked"
    )
    move.set_defaults(act=_move)
    check = actions.add_parser("check", help="compare the files with the rows that name them")
    check.add_argument("--quick", action="store_true", help="do not read what is in the files")
    check.add_argument("--remove-orphans", action="store_true", help="those older than a day")
    check.set_defaults(act=_check)


def check_storage() -> str:
    """Where files are kept and what has still to be uploaded, for the doctor."""
    kept = storage()
    waiting = kept.waiting()
    size = sum(file.size_bytes for file in waiting) / 1e6
    wait = f"; {len(waiting)} files ({size:.1f} MB) wait to be uploaded" if waiting else ""
    try:
        kept.check()
    except AdgenError as error:
        raise type(error)(f"{error.user_message.rstrip('.')}{wait}") from error
    return f"{kept}{wait}"


# ---- move


def _move(arguments: argparse.Namespace) -> int:
    """Copy what is not there yet; run again, it goes on. The app may run meanwhile."""
    if not settings().s3_bucket:
        raise InputRejected("Name the bucket in ADGEN_S3_BUCKET; .env.example says what else.")
    # Only who uses a bucket pays for its client.
    from adgen.providers.remote import remote_storage

    remote, local = remote_storage(), local_storage()
    bucket = remote.bucket
    remote.check()
    remote.send_waiting()

    def up(key: str) -> None:
        # The server compares what it gets with the hash that is signed.
        bucket.upload(_whole(local.path(key), key), local.path(key))

    def down(key: str) -> None:
        local.put_file(remote.path(key), type_of(key))

    upward = arguments.to == "s3"
    source, target = (local, bucket) if upward else (bucket, local)
    there = {kept.key for kept in target.list_kept()}
    found = list(source.list_kept())
    todo = [kept for kept in found if kept.key not in there]
    failed = _each(todo, up if upward else down, "Copying")
    print(f"{len(todo) - len(failed)} files copied to {remote if upward else local}, ", end="")
    print(f"{len(found) - len(todo)} were there already.")
    if arguments.remove_originals:
        gone = [kept for kept in found if kept.key not in failed]

        def remove_here(key: str) -> None:
            if bucket.digest(key) == Path(key).stem:
                local.remove(key)

        def remove_there(key: str) -> None:
            _whole(local.path(key), key)
            bucket.delete(key)

        failed |= _each(gone, remove_here if upward else remove_there, "Removing originals")
    _list("not moved", [f"{key}: {why}" for key, why in failed.items()])
    return 1 if failed else 0


def _whole(path: Path, key: str) -> str:
    """The key of a file that is what its key says."""
    if digest_of(path) != Path(key).stem:
        raise InputRejected("it is damaged here; restore it from a backup")
    return key


def _each(kept: Sequence[Kept], act: Callable[[str], None], label: str) -> dict[str, str]:
    """Do it to every file under a bar; gives the keys that failed, with the reason."""
    failed = {}
    total = sum(file.size_bytes for file in kept)
    with tqdm(
        total=total, unit="B", unit_scale=True, desc=label, file=sys.stderr, disable=None
    ) as bar:
        for file in kept:
            try:
                act(file.key)
            except AdgenError as error:
                failed[file.key] = error.user_message
            bar.update(file.size_bytes)
    return failed


# ---- check


def _check(arguments: argparse.Namespace) -> int:
    """Tell what is wrong; non-zero when a row names a file that is missing or damaged."""
    stack = Stack()
    stack.start(worker=False)
    try:
        return _compare(stack, quick=arguments.quick, remove=arguments.remove_orphans)
    finally:
        stack.stop()


def _compare(stack: Stack, *, quick: bool, remove: bool) -> int:
    kept_in = storage()
    # First what is there: a row that comes meanwhile names a file that came before it.
    kept = {file.key: file for file in kept_in.list_kept()}
    with stack.database.begin() as db:
        named = files.named_files(db)
    orphans = [kept[key] for key in sorted(kept.keys() - named.keys())]
    missing = {key: "it is missing" for key in named.keys() - kept.keys() if not _is_there(key)}
    present = [kept[key] for key in sorted(named.keys() & kept.keys())]
    damaged = {} if quick else _each(present, _intact, "Reading")
    parts = [part for root in _folders() for part in old_parts(root)]
    print(f"{kept_in}: {len(kept)} files, {len(present)} of them named by rows.")
    for waiting in kept_in.waiting()[:1]:
        print(f"{len(kept_in.waiting())} wait to be uploaded, since {waiting.at:%d %B %H:%M}.")
    bad = missing | damaged
    _list("missing or damaged", [f"{k}: {bad[k]} ({', '.join(named.get(k, ()))})" for k in bad])
    _list("named by nothing", [f"{file.key} ({file.size_bytes} bytes)" for file in orphans])
    _list("half-written, from a crash", [str(part) for part in parts])
    if remove:
        for part in parts:
            part.unlink(missing_ok=True)
        print(f"{_remove(stack, orphans)} orphans and {len(parts)} parts removed.")
    return 1 if bad else 0


def _is_there(key: str) -> bool:
    """Whether it has come since, or is a file of this disk from before there was a bucket."""
    try:
        return storage().path(key).is_file()
    except AdgenError:
        return False


def _intact(key: str) -> None:
    if storage().digest(key) != Path(key).stem:
        raise InputRejected("its content is not what it was")


def _folders() -> list[Path]:
    return [settings().files, settings().outbox, settings().cache / "files"]


def _remove(stack: Stack, orphans: Sequence[Kept]) -> int:
    """Remove the old ones, each looked at once more; gives how many."""
    born, removed = datetime.now(UTC) - ORPHAN_OLD, 0
    for file in orphans:
        if file.at < born:
            with stack.database.begin() as db:
                named = files.is_named(db, file.key)
            if not named:
                storage().remove(file.key)
                removed += 1
    return removed


def _list(what: str, lines: Sequence[str]) -> None:
    if lines:
        print(f"{len(lines)} {what}:")
        print("\n".join(f"  {line}" for line in lines[:_SHOWN]))
        if len(lines) > _SHOWN:
            print(f"  and {len(lines) - _SHOWN} more")
