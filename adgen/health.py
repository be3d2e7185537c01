"""Whether a process of ours does its work, asked from beside it: `python -m adgen health`.

Whatever runs the containers asks every few seconds, so this imports nothing that is slow.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# A worker away from its database gives up after a minute; longer than that it hangs.
BEAT_MAX_S = 90.0
ANSWER_S = 4.0


def main(argv: Sequence[str] | None = None) -> int:
    """Check what the command line names; gives the exit code."""
    words = sys.argv[2:] if argv is None else argv
    return act(add_arguments(argparse.ArgumentParser(prog="adgen health")).parse_args(words))


def add_arguments(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """What the command takes."""
    parser.add_argument("part", nargs="?", default="web", choices=["web", "worker"])
    parser.set_defaults(act=act)
    return parser


def act(arguments: argparse.Namespace) -> int:
    """0 when the part does its work, else 1 and a line that says why."""
    wrong = _worker() if arguments.part == "worker" else _web()
    if wrong:
        sys.stderr.write(f"adgen: {wrong}\n")
    return 1 if wrong else 0


def _web() -> str:
    """What is wrong with the web process of this machine; empty when nothing is."""
    port = int(os.environ.get("PORT", "8501"))
    web = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        web.request("GET", "/health")
        answer = web.getresponse()
        return "" if answer.status == 200 else answer.read(2000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f"nothing answers on port {port} ({error})"
    finally:
        web.close()


def _worker() -> str:
    """What is wrong with the worker of this machine; empty when nothing is."""
    try:
        age = time.time() - beat_file().stat().st_mtime
    except OSError:
        return "no worker has begun here"
    return f"the worker was last heard of {age:.0f} s ago" if age > BEAT_MAX_S else ""


def beat_file() -> Path:
    """What a worker of this machine touches; several machines may share one home."""
    return _home() / f"worker-{socket.gethostname()}.beat"


def _home() -> Path:
    if home := os.environ.get("ADGEN_HOME"):
        return Path(home).expanduser()
    from adgen.config import settings

    return settings().home


def beat() -> None:
    """A worker has just reached its database."""
    file = beat_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def end_beat() -> None:
    """A worker ends in order."""
    beat_file().unlink(missing_ok=True)
