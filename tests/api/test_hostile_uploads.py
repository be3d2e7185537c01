"""Bombs and polyglots on the real upload routes: refused or rewritten, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from adgen.commands import Commands
from tests.api import bombs
from tests.conftest import PASSWORD, ROOT, add_person, clean_env, empty_database

MEMORY_MAX = 500 * bombs.MIB
MAY = {f"{kind}--{name}": may for kind, name, _, may in bombs.every()}


@pytest.fixture(scope="module")
def told(server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What became of each file, in a process that did nothing else."""
    folder, home = tmp_path_factory.mktemp("bombs"), tmp_path_factory.mktemp("home")
    for kind, name, make, _ in bombs.every():
        (folder / f"{kind}--{name}").write_bytes(make())
    with empty_database(server) as database:
        commands = Commands(database)
        person = add_person(database, "ann@example.com")
        token, _ = commands.sign_in(person.email, PASSWORD)
        ad = commands.create_ad(person).id
        commands.close()
        lines = subprocess.run(
            [sys.executable, "-m", "tests.api.uploading", database.url, token, ad, str(folder)],
            cwd=ROOT,
            env=clean_env(home),
            capture_output=True,
            check=False,
            timeout=600,
        )
    assert lines.returncode == 0, lines.stderr.decode()
    answers = [json.loads(line) for line in lines.stdout.splitlines()]
    assert b"Traceback" not in lines.stderr, lines.stderr.decode()
    return {answer["name"]: answer for answer in answers}


@pytest.mark.parametrize("name", MAY)
def test_a_bomb_or_polyglot_is_refused_or_rewritten(
    told: dict[str, dict[str, Any]], name: str
) -> None:
    answer = told[name]
    assert answer["peak"] < MEMORY_MAX
    assert answer["children_peak"] < MEMORY_MAX
    if not MAY[name]:
        assert answer["status"] in (413, 422), answer
        assert answer["said"].endswith(".")
        return
    assert answer["status"] == 201, answer
    headers = answer["headers"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    if name.startswith("photos"):
        assert headers["content-type"] == "image/jpeg"
        assert answer["traces"] == []
    else:
        # Music is kept as it came, and is never served as anything else.
        assert headers["content-type"].startswith("audio/")


def test_there_are_thirty_of_them_and_more() -> None:
    assert len(MAY) >= 30
