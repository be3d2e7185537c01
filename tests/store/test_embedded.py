"""The built-in Postgres, and who may use it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adgen.store.embedded import EmbeddedPostgres
from tests.conftest import ROOT

JOIN = """
import sys
from pathlib import Path
from adgen.errors import Unavailable
from adgen.store.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
try:
    print(server.start())
except Unavailable as error:
    print(error.user_message)
finally:
    server.stop()
"""


def test_a_second_process_joins_but_not_from_another_container(short_tmp: Path) -> None:
    home = short_tmp / "joined"
    server = EmbeddedPostgres(home)
    url = server.start()
    try:
        assert _join([], home) == url
        if os.geteuid() != 0 or not shutil.which("unshare"):
            pytest.skip("needs root and unshare to stand for another container")
        apart = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"]
        assert "in use by another container" in _join(apart, home)
        assert _join([], home) == url
    finally:
        server.stop()
    assert not (home / "postgres" / "postmaster.pid").exists()


def _join(apart: list[str], home: Path) -> str:
    command = [*apart, sys.executable, "-c", JOIN, str(home)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
