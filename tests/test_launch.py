"""The app as processes: it starts, says how to get in, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import PASSWORD, ROOT, App, clean_env, until


def family(home: Path) -> list[psutil.Process]:
    """Every live process that belongs to this home: worker, Postgres, ffmpeg."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        if process.info["status"] == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
            continue
        words = " ".join(process.info["cmdline"] or [])
        if str(home) in words or (process.info["environ"] or {}).get("ADGEN_HOME") == str(home):
            found.append(process)
    return found


def worker_of(app: App) -> psutil.Process:
    """The worker child."""
    for child in psutil.Process(app.pid).children():
        if "worker" in child.cmdline():
            return child
    raise AssertionError("no worker child")


def test_health_names_every_part(app: App) -> None:
    parts = httpx.get(f"{app.url}/health").json()
    assert {parts[name] for name in ("status", "database", "worker", "storage")} == {"ok"}
    assert parts["version"]


def test_start_prints_address_login_and_a_link_that_works_once(app: App) -> None:
    assert f"adgen is ready at {app.url}" in app.log
    assert "sign in as demo@example.com" in app.log
    link = next(word for word in app.log.split() if "/api/auth/link/" in word)
    first = httpx.get(link)
    assert first.status_code == 303
    assert first.headers["location"] == "/"
    assert "httponly" in first.headers["set-cookie"].lower()
    second = httpx.get(link)
    assert second.headers["location"] == "/?link=used"
    assert "set-cookie" not in second.headers


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stopping_stops_all_it_started(short_tmp: Path, how: signal.Signals) -> None:
    app = App(short_tmp / f"stop-{how.name}").start()
    os.kill(app.pid, how)
    assert app.process is not None
    app.process.wait(30)
    until(lambda: not family(app.home), 20, "the end of every process")
    assert not (app.home / "postgres" / "postmaster.pid").exists()


def test_a_killed_parent_leaves_no_orphan_and_the_next_start_goes_on(short_tmp: Path) -> None:
    app = App(short_tmp / "killed").start()
    os.kill(app.pid, signal.SIGKILL)
    until(lambda: not family(app.home), 30, "the end of the orphans")
    again = App(app.home).start()
    with again.client() as client:
        assert client.get("/api/sessions").status_code == 200
    again.stop()


def test_a_killed_worker_is_replaced(short_tmp: Path) -> None:
    app = App(short_tmp / "replaced").start()
    first = worker_of(app)
    first.kill()
    until(
        lambda: any(
            "worker" in c.cmdline() and c.pid != first.pid
            for c in psutil.Process(app.pid).children()
            if c.status() != psutil.STATUS_ZOMBIE
        ),
        30,
        "a new worker",
    )
    app.stop()


def test_a_taken_port_is_said_and_nothing_is_left(short_tmp: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        app = App(short_tmp / "taken", port=taken.getsockname()[1]).start(wait=False)
        assert app.process is not None
        assert app.process.wait(60) != 0
    assert f"Port {app.port} is not available" in app.log
    until(lambda: not family(app.home), 20, "the end of every process")


def refuse(home: Path, **env: str) -> str:
    """Start where it cannot work; gives the one line it says."""
    app = App(home, env=env).start(wait=False)
    assert app.process is not None
    assert app.process.wait(60) == 1
    lines = [line for line in app.log.splitlines() if line.startswith("adgen: ")]
    assert len(lines) == 1, app.log
    assert "Traceback" not in app.log
    return lines[0]


def test_a_home_that_is_a_file_is_said(short_tmp: Path) -> None:
    home = short_tmp / "a-file"
    home.write_text("not a folder")
    assert "is a file, not a folder" in refuse(home)
    assert home.read_text() == "not a folder"


@pytest.mark.parametrize("damage", [pytest.param("version", marks=pytest.mark.drill), "control"])
def test_a_damaged_database_is_said_and_touched_no_further(short_tmp: Path, damage: str) -> None:
    home = short_tmp / f"damaged-{damage}"
    app = App(home).start()
    app.stop()
    (home / "files").mkdir(exist_ok=True)
    (home / "files" / "kept.txt").write_text("mine")
    if damage == "version":
        (home / "postgres" / "PG_VERSION").write_text("garbage")
    else:
        shutil.rmtree(home / "postgres" / "global")
    line = refuse(home)
    assert "does not start" in line
    assert "ADGEN_HOME" in line
    assert (home / "files" / "kept.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://ann:hidden@127.0.0.1:1/x", "cannot be reached"),
        ("nonsense", "not the address of a Postgres database"),
        ("sqlite:///x.db", "not the address of a Postgres database"),
    ],
)
def test_an_unusable_database_url_is_said_without_its_password(
    short_tmp: Path, url: str, said: str
) -> None:
    line = refuse(short_tmp / "no-database", DATABASE_URL=url)
    assert said in line
    assert "hidden" not in line


def test_the_worker_loads_no_streamlit(tmp_path: Path) -> None:
    code = "import sys, adgen.worker, adgen.cli; sys.exit('streamlit' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=clean_env(tmp_path))
    assert run.returncode == 0


def test_wrong_password_is_refused_and_the_right_one_still_works(app: App) -> None:
    wrong = {"email": "demo@example.com", "password": "no"}
    for _ in range(4):
        assert httpx.post(f"{app.url}/api/auth/login", json=wrong).status_code == 401
    right = {"email": "demo@example.com", "password": PASSWORD}
    assert httpx.post(f"{app.url}/api/auth/login", json=right).status_code == 200
