"""Drill: several web processes behind the proxies of deploy/, one of them killed under a page."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Error as PlaywrightError

from tests.browser import steps
from tests.conftest import ROOT, App, clean_env, free_port, until

pytestmark = [pytest.mark.browser, pytest.mark.drill]

PRODUCTION = {"ADGEN_WORKER": "external", "ADGEN_COOKIE_SECURE": "true"}
Front = Callable[[Path, int, list[int]], list[str | Path]]


def nginx(folder: Path, port: int, webs: list[int]) -> list[str | Path]:
    """deploy/nginx.conf with this machine's names, and how nginx is started with it."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    ours = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    names = {
        "/etc/ssl/ads.example.com/fullchain.pem": str(certificate),
        "/etc/ssl/ads.example.com/privkey.pem": str(key),
        "listen 80;": f"listen {free_port()};",
        "listen 443 ssl": f"listen {port} ssl",
        "ads.example.com": "localhost",
        "web-1:8501": f"127.0.0.1:{webs[0]}",
        "web-2:8501": f"127.0.0.1:{webs[1]}",
    }
    for name, here in names.items():
        assert name in ours, name
        ours = ours.replace(name, here)
    config = folder / "nginx.conf"
    config.write_text(f"events {{}}\npid {folder}/nginx.pid;\nhttp {{\naccess_log off;\n{ours}}}\n")
    return ["nginx", "-c", config, "-p", folder, "-e", "stderr", "-g", "daemon off;"]


def caddy(folder: Path, port: int, webs: list[int]) -> list[str | Path]:
    """deploy/Caddyfile as it is, told its names by the environment."""
    upstreams = " ".join(f"127.0.0.1:{web}" for web in webs)
    settings = [f"ADGEN_DOMAIN=https://localhost:{port}", f"ADGEN_WEB_UPSTREAMS={upstreams}"]
    # No port of its own for certificates and control: others may run here.
    ours = (ROOT / "deploy" / "Caddyfile").read_text("utf-8")
    config = folder / "Caddyfile"
    own = "{\nadmin off\nauto_https disable_redirects\nlocal_certs\nskip_install_trust\n}\n"
    config.write_text(own + ours)
    home = [f"XDG_DATA_HOME={folder}", f"XDG_CONFIG_HOME={folder}"]
    run = ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]
    return ["env", *settings, *home, *run]


@contextmanager
def running(command: list[str | Path], log: Path, env: dict[str, str]) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize("front", [nginx, caddy])
def test_drill_a_page_outlives_its_web_process(
    browser: Browser, short_tmp: Path, front: Front
) -> None:
    if not shutil.which(front.__name__):
        pytest.skip(f"needs {front.__name__}")
    home = short_tmp / front.__name__
    folder, port = home / "front", free_port()
    folder.mkdir(parents=True)
    webs = [App(home, env=PRODUCTION), App(home, env=PRODUCTION)]
    worker: list[str | Path] = [sys.executable, "-m", "adgen", "worker"]
    with (
        running(worker, home / "worker.log", clean_env(home, **PRODUCTION)),
        running(
            front(folder, port, [web.port for web in webs]), home / "front.log", dict(os.environ)
        ),
    ):
        try:
            until(lambda: list(home.glob("worker-*.beat")), 60, "the worker's start")
            for web in webs:
                web.start()
            _make_an_ad(browser, f"https://localhost:{port}", webs)
        finally:
            for web in webs:
                web.stop()


def _make_an_ad(browser: Browser, url: str, webs: list[App]) -> None:
    context = browser.new_context(
        base_url=url, ignore_https_errors=True, viewport={"width": 1280, "height": 720}
    )
    context.set_default_timeout(steps.SLOW_MS)
    page = context.new_page()
    page.goto("/")
    assert {"adgen_web"} <= {cookie["name"] for cookie in context.cookies()}
    steps.sign_in(page)
    assert all(
        cookie["secure"] for cookie in context.cookies() if cookie["name"] == "adgen_session"
    )
    page.goto("/")
    steps.new_ad(page)
    steps.sample_images(page)
    page.keyboard.press("1")
    steps.until_ad_has(page, "marks")

    # One of these two has the page's socket.
    _kill(webs[0])
    page.keyboard.press("2")
    expect(page.locator(".tile[data-mark=approved]")).to_have_count(2)
    until(lambda: len(steps.ad_of(page)["marks"]) == 2)
    expect(steps.button(page, "Continue with 2")).to_be_enabled()
    webs[0].start()
    until(webs[0].healthy)
    _kill(webs[1])
    # A press at the very moment at which the page loses its process is not kept: one presses again.
    until(lambda: _pressed(page), 90, "the storyboard")
    steps.make_clips(page, 2)
    page.keyboard.press("1")
    page.keyboard.press("2")
    webs[1].start()
    steps.finish(page, 2)
    steps.render(page)
    expect(page.locator(".player video")).to_be_visible(timeout=steps.SLOW_MS)
    ad = steps.ad_of(page)
    assert ad["stage"] == "complete"
    until(lambda: page.locator(".player video").evaluate("video => video.readyState") >= 1)
    context.close()


def _pressed(page: Page) -> bool:
    with contextlib.suppress(PlaywrightError):
        steps.button(page, "Continue with 2").click(timeout=2_000)
    page.wait_for_timeout(3_000)
    return steps.motion(page).is_visible()


def _kill(web: App) -> None:
    os.kill(web.pid, signal.SIGKILL)
    assert web.process
    web.process.wait(10)
