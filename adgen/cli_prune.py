"""`python -m adgen prune`: what the worker does by itself once an hour, at once and by hand."""

from __future__ import annotations

import argparse
import json

from adgen import retention
from adgen.jobs import Runs
from adgen.launch import Stack


def add_arguments(prune: argparse.ArgumentParser) -> None:
    """The words of the command."""
    prune.add_argument("--dry-run", action="store_true", help="say what would go; remove nothing")
    prune.add_argument("--json", action="store_true", help="print the result as JSON")
    prune.set_defaults(act=_prune)


def _prune(arguments: argparse.Namespace) -> int:
    stack = Stack()
    stack.start(worker=False)
    runs = Runs(stack.database.url)
    try:
        found = list(retention.prune(stack.database, runs, dry=arguments.dry_run))
    finally:
        runs.close()
        stack.stop()
    if arguments.json:
        print(json.dumps([freed.model_dump() for freed in found]))
        return 0
    done = "Would remove" if arguments.dry_run else "Removed"
    for freed in found:
        print(f"{done} {freed}")
    if not found:
        print("Nothing is due. Media is kept for ever unless a rule is set; see .env.example.")
    return 0
