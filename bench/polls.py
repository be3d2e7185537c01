"""What a page that follows a run costs the web process: fifty of them at once, over the wire.

Each client speaks Streamlit's own protocol and repeats the page's fragment as a browser does,
answered or not: what stands on the page already is not drawn again.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from adgen.commands import Commands
from adgen.domain import AssetType, JobKind, Person
from adgen.store import assets, jobs, sessions, users
from adgen.store.assets import NewAsset
from adgen.store.database import Database, notify
from bench.figure import Figure
from bench.orders import server
from tests.conftest import App, until

CLIENTS = 50
MEASURE_S = 20.0
# Each ad's run tells something new this often, as that of six hosted pictures does.
NEWS_S = 2.0
# One in so many is a picture that has come, after which the page reads everything.
PICTURES = 4


def figures() -> Iterator[Figure]:
    """CPU of a poll, how long one with news waits for its answer, and how many have any."""
    with tempfile.TemporaryDirectory(prefix="adgen-b-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        with server(Path(folder)) as url, web(Path(folder) / "home", url) as app:
            database = Database(url.replace("/postgres?", "/template_adgen?"))
            ads = _running_ads(database)
            spent, polls, waits = asyncio.run(_watch(app, database, ads))
            database.engine.dispose()
    yield Figure("poll_cpu_ms", 1000 * spent / polls, 6, " ms")
    yield Figure("poll_drawn_cpu_ms", 1000 * spent / len(waits), 12, " ms")
    yield Figure("poll_answer_ms", 1000 * statistics.median(waits), 250, " ms")


@contextmanager
def web(home: Path, url: str) -> Iterator[App]:
    """The web process alone: what runs was put there, and nobody works on it."""
    env = {
        "DATABASE_URL": url.replace("/postgres?", "/template_adgen?"),
        "ADGEN_WORKER": "external",
    }
    app = App(home, env=env).start(wait=False)

    def up() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{app.url}/health").status_code == 200
        return False

    try:
        until(up)
        yield app
    finally:
        app.stop()


def _running_ads(database: Database) -> list[str]:
    """Ads half of whose pictures are there and half are being made."""
    commands = Commands(database)
    with database.begin() as db:
        row = users.find_user(db, "demo@example.com")
        assert row  # noqa: S101
    ads = [_running_ad(commands, database, row) for _ in range(CLIENTS)]
    commands.close()
    return ads


def _running_ad(commands: Commands, database: Database, person: Person) -> str:
    ad = commands.create_ad(person).id
    job_id = commands.start_images(person, ad, "pink tennis shoes").job_id
    with database.begin() as db:
        row = sessions.lock_ad(db, ad)
        row.prompts = [
            {"view": view, "prompt": f"Pink tennis shoes, {view}, on a red clay court"}
            for view in ("front", "side", "back", "top", "detail", "lifestyle")
        ]
        details = {"view": "front", "product_prompt": row.product_prompt, "prompt": "Pink shoes"}
        row.generated_image_ids = [
            assets.add_asset(
                db,
                ad,
                NewAsset(
                    asset_type=AssetType.IMAGE,
                    storage_key="aa/x",
                    content_type="image/jpeg",
                    size_bytes=1,
                    slot=slot,
                    model_used="offline/frames",
                    details=details,
                ),
            )
            for slot in range(3)
        ]
        for slot in range(6):
            jobs.report(db, job_id, slot=slot, state="done" if slot < 3 else "running")
    return ad


async def _watch(app: App, database: Database, ads: list[str]) -> tuple[float, int, list[float]]:
    """CPU seconds of the web process, polls, and how long those took that were answered."""
    cookie = app.client().headers["authorization"].partition(" ")[2]
    clients = [_Client(app, ad, cookie) for ad in ads]
    for client in clients:
        await client.open()
    stop = threading.Event()
    news = threading.Thread(target=_tell, args=(database, ads, stop))
    news.start()
    loops = [asyncio.create_task(client.poll()) for client in clients]
    await asyncio.sleep(3)
    web = psutil.Process(app.pid)
    for client in clients:
        client.polls = 0
        client.waits.clear()
    before = web.cpu_times()
    await asyncio.sleep(MEASURE_S)
    after = web.cpu_times()
    waits = [wait for client in clients for wait in client.waits]
    polls = sum(client.polls for client in clients)
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    stop.set()
    news.join()
    return after.user + after.system - before.user - before.system, polls, waits


def _tell(database: Database, ads: list[str], stop: threading.Event) -> None:
    """News of every ad, spread over time: mostly progress, and now and then a picture."""
    turn = 0
    while not stop.wait(NEWS_S / len(ads)):
        ad, turn = ads[turn % len(ads)], turn + 1
        with database.begin() as db:
            state = "running" if turn // len(ads) % 2 else "starting"
            jobs.report(db, f"{ad}:{JobKind.IMAGES}:1", slot=5, state=state)
            if turn % PICTURES == 0:
                notify(db, ad)


class _Client:
    """A browser tab on an ad's pictures, without the browser."""

    def __init__(self, app: App, ad: str, cookie: str) -> None:
        self.app, self.ad, self.cookie = app, ad, cookie
        self.waits: list[float] = []
        self.polls, self.asked = 0, 0.0
        self.interval, self.fragment, self.page = 0.0, "", ""

    async def open(self) -> None:
        """Load the page; learn which fragment to repeat and how often."""
        self.socket = await websockets.connect(
            f"ws://localhost:{self.app.port}/_stcore/stream",
            additional_headers={"Cookie": f"adgen_session={self.cookie}"},
            subprotocols=[websockets.Subprotocol("streamlit")],
            max_size=None,
        )
        await self._ask(page_name="images")
        await self._answer()
        assert self.fragment, "the page does not follow its run"  # noqa: S101

    async def poll(self) -> None:
        """Repeat the fragment until cancelled."""
        reading = asyncio.create_task(self._read())
        try:
            while True:
                await asyncio.sleep(self.interval)
                await self._ask(fragment_id=self.fragment, is_auto_rerun=True)
                self.polls += 1
        finally:
            reading.cancel()

    async def _read(self) -> None:
        while True:
            self.waits.append(await self._answer())

    async def _ask(self, **what: str | bool) -> None:
        message = BackMsg()
        message.rerun_script.query_string = f"ad={self.ad}"
        message.rerun_script.page_script_hash = self.page
        for name, value in what.items():
            setattr(message.rerun_script, name, value)
        self.asked = time.monotonic()
        await self.socket.send(message.SerializeToString())

    async def _answer(self) -> float:
        """Read until a script has run; gives the seconds since it was asked for."""
        asked = self.asked
        while True:
            said = ForwardMsg.FromString(await self.socket.recv())  # type: ignore[arg-type]
            kind = said.WhichOneof("type")
            if kind == "new_session":
                asked, self.page = self.asked, said.new_session.page_script_hash
            elif kind == "auto_rerun":
                self.interval, self.fragment = said.auto_rerun.interval, said.auto_rerun.fragment_id
            elif kind == "script_finished":
                return time.monotonic() - asked
