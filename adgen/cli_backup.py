"""`python -m adgen backup` and `restore`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from adgen import backup
from adgen.backup import Manifest
from adgen.launch import Stack


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both to the command line."""
    make = commands.add_parser("backup", help="keep all rows and files; the app may run")
    make.add_argument("folder", type=Path, help="where backups go; files are copied once")
    make.add_argument(
        "--verify", action="store_true", help="make none, compare the newest one's hashes"
    )
    make.set_defaults(act=_backup)
    back = commands.add_parser("restore", help="fill an empty installation from a backup")
    back.add_argument("folder", type=Path, help="where backups went, or one of them")
    back.add_argument(
        "--go-on",
        action="store_true",
        help="go on with what was running; only for a move, the original being gone for good",
    )
    back.set_defaults(act=_restore)


def _backup(arguments: argparse.Namespace) -> int:
    if arguments.verify:
        folder, manifest = backup.verify(arguments.folder)
        print(f"{folder} is whole: {_content(manifest)}.")
        return 0
    stack = Stack()
    try:
        made = backup.back_up(stack.open_database(), arguments.folder)
    finally:
        stack.stop()
    print(
        f"{made.folder}: {_content(made.manifest)}; "
        f"{made.copied:,} files were new ({made.copied_bytes / 1e6:.1f} MB)."
    )
    _warn(made.manifest)
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    stack = Stack()
    try:
        manifest = backup.restore(stack.open_database(), arguments.folder, go_on=arguments.go_on)
    finally:
        stack.stop()
    print(f"Restored {_content(manifest)}. People sign in with the passwords they had.")
    _warn(manifest)
    return 0


def _content(manifest: Manifest) -> str:
    rows = sum(rows.table.rows for rows in manifest.rows)
    return (
        f"{rows:,} rows, {len(manifest.files):,} files, ${manifest.ledger:.2f} in the ledger, "
        f"as of {manifest.made_at:%Y-%m-%d %H:%M} UTC"
    )


def _warn(manifest: Manifest) -> None:
    if manifest.missing:
        print(
            f"adgen: {len(manifest.missing):,} files that rows name are lost or damaged in storage "
            f"and are in no backup, such as {manifest.missing[0]}.",
            file=sys.stderr,
        )
