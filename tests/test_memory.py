"""What web processes share through a real Redis, and how they go on when it is gone."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from adgen import launch
from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import AdState, Person
from adgen.errors import NotFound, NotSignedIn, TooManyTries
from adgen.memory import CHANGES_MAX, States
from adgen.providers.redis import LARGEST, Redis
from adgen.store import jobs, sessions
from adgen.store.database import Database, notify
from adgen.store.holds import set_hold
from adgen.store.moments import Moment
from tests.asking import Client
from tests.conftest import PASSWORD, ROOT, add_person, clean_env, until
from tests.race import Race
from tests.redis_server import RedisServer, needs_redis, redis_server
from tests.test_snapshots import statements

pytestmark = needs_redis
HERE = "203.0.113.7"


@pytest.fixture
def server_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as made:
        monkeypatch.setenv("ADGEN_REDIS_URL", made.url)
        settings.cache_clear()
        yield made


def web(database: Database) -> Iterator[Commands]:
    made = Commands(database)
    until(lambda: at_hand(made), what="the first answer of Redis")
    yield made
    made.close()


@pytest.fixture
def one(server_: RedisServer, database: Database) -> Iterator[Commands]:
    """What one web process has."""
    yield from web(database)


@pytest.fixture
def other(server_: RedisServer, database: Database) -> Iterator[Commands]:
    """What another one has."""
    yield from web(database)


def at_hand(commands: Commands) -> bool:
    assert commands.redis
    commands.redis.left("wait", ["nobody"])
    return not commands.redis.trouble


@pytest.fixture
def ad(one: Commands, other: Commands, person: Person) -> AdState:
    """An ad that both have heard of, and read since."""
    made = one.create_ad(person)
    one.start_images(person, made.id, "oak chair")
    for commands in (one, other):
        until(lambda commands=commands: kept(commands, person, made.id), what="news")  # type: ignore[misc]
    return one.load_ad(person, made.id)


def kept(commands: Commands, person: Person, ad_id: str) -> bool:
    return commands.watch_ad(person, ad_id) is commands.watch_ad(person, ad_id)


def change(database: Database, ad: AdState, title: str) -> None:
    """As a worker does."""
    with database.begin() as db:
        sessions.lock_ad(db, ad.id).title = title
        notify(db, ad.id)


def see(commands: Commands, person: Person, ad: AdState, title: str) -> None:
    until(lambda: commands.watch_ad(person, ad.id).title == title)


def test_what_one_process_read_serves_the_other(
    one: Commands, other: Commands, database: Database, person: Person, ad: AdState
) -> None:
    change(database, ad, "Oak & Clay")
    see(one, person, ad, "Oak & Clay")
    with statements(database) as asked:
        see(other, person, ad, "Oak & Clay")
    assert asked == []
    assert other.watch_ad(person, ad.id) == other.load_ad(person, ad.id)


def test_what_is_shared_is_shown_to_nobody_else(
    one: Commands, other: Commands, database: Database, person: Person, ad: AdState
) -> None:
    one.watch_ad(person, ad.id)
    with pytest.raises(NotFound):
        other.watch_ad(add_person(database, "eve@example.com"), ad.id)


def test_nothing_older_than_what_was_told_is_shown_however_it_got_there(
    one: Commands,
    other: Commands,
    server_: RedisServer,
    database: Database,
    person: Person,
    ad: AdState,
) -> None:
    see(one, person, ad, ad.title)
    [key] = server_.names("ad-*")
    with server_.client as client:
        old = client.get(key)
        for number in range(4):
            change(database, ad, f"title {number}")
            see(other, person, ad, f"title {number}")
            # A process that was slow to keep what it had read before.
            assert isinstance(old, bytes)
            client.set(key, old, px=30_000)
            with database.begin() as db:
                assert ad.job
                jobs.report(db, ad.job.id, alone=False, message=f"step {number}")
            # Sooner than it would be forgotten by itself.
            until(lambda: _message(other, person, ad) == f"step {number}", 15)  # noqa: B023
            see(other, person, ad, f"title {number}")


def _message(commands: Commands, person: Person, ad: AdState) -> str:
    job = commands.watch_ad(person, ad.id).job
    return job.message if job else ""


def test_who_acts_sees_it_at_once(
    one: Commands, other: Commands, person: Person, ad: AdState
) -> None:
    for number in range(10):
        one.save_draft(person, ad.id, "product_prompt", f"oak chair {number}")
        other.watch_ad(person, ad.id)
        assert one.watch_ad(person, ad.id).drafts["product_prompt"] == f"oak chair {number}"


def test_a_hold_is_seen_everywhere(
    one: Commands, other: Commands, database: Database, person: Person, ad: AdState
) -> None:
    with database.begin() as db:
        set_hold(db, ad.provider, "The account has no credit.")
    for commands in (one, other):
        until(lambda commands=commands: commands.watch_ad(person, ad.id).hold)  # type: ignore[misc]


def test_after_the_connection_is_lost_nothing_old_is_shown(
    one: Commands, other: Commands, database: Database, person: Person, ad: AdState
) -> None:
    with database.begin() as db:
        db.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^LISTEN'")
        )
    change(database, ad, "Oak & Clay")
    for commands in (one, other):
        see(commands, person, ad, "Oak & Clay")


def test_wrong_passwords_slow_down_every_process(
    one: Commands, other: Commands, server_: RedisServer, database: Database, person: Person
) -> None:
    for _ in range(8):
        with pytest.raises(NotSignedIn):
            one.sign_in(person.email, "wrong", HERE)
        with database.begin() as db:
            db.execute(text("UPDATE users SET last_failed_at = now() - interval '9 seconds'"))
    with database.begin() as db:
        db.execute(text("UPDATE users SET last_failed_at = now()"))
    with pytest.raises(TooManyTries):
        one.sign_in(person.email, PASSWORD, HERE)
    with statements(database) as asked, pytest.raises(TooManyTries, match="seconds"):
        other.sign_in(person.email.upper(), PASSWORD, HERE)
    assert asked == []
    # Whoever looks at the keys learns no address.
    assert not [key for key in server_.names() if b"ann" in key or HERE.encode() in key]
    # Redis forgets, and the count in the database stands.
    with server_.client as client:
        client.flushall()
    with pytest.raises(TooManyTries):
        other.sign_in(person.email, PASSWORD, HERE)


def test_the_app_goes_on_while_redis_is_killed_and_comes_back(
    one: Commands,
    other: Commands,
    server_: RedisServer,
    database: Database,
    person: Person,
    ad: AdState,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "adgen.providers.redis")
    server_.kill()
    for number in range(4):
        change(database, ad, f"title {number}")
        see(other, person, ad, f"title {number}")
        assert one.sign_in(person.email, PASSWORD)[1] == person
    until(lambda: one.redis and one.redis.trouble == "Redis cannot be reached.")
    assert [r.message for r in caplog.records if "without" in r.message][1:] in ([], [_GONE])
    server_.start()
    until(lambda: at_hand(one) and at_hand(other))
    assert "Redis is used again" in [record.message for record in caplog.records]
    change(database, ad, "Oak & Clay")
    see(one, person, ad, "Oak & Clay")
    with statements(database) as asked:
        see(other, person, ad, "Oak & Clay")
    assert asked == []


_GONE = "going on without Redis: Redis cannot be reached."


def test_a_redis_that_hangs_is_waited_for_once(
    one: Commands, server_: RedisServer, database: Database, person: Person, ad: AdState
) -> None:
    server_.hang()
    change(database, ad, "Oak & Clay")
    see(one, person, ad, "Oak & Clay")
    until(lambda: one.redis and one.redis.trouble == "Redis does not answer in time.")
    # Waiting for an answer each time would take half a minute.
    began = time.monotonic()
    for number in range(1000):
        assert one.redis
        assert one.redis.get("ad", str(number)) is None
    assert time.monotonic() - began < 10
    server_.go_on()
    until(lambda: at_hand(one))


def test_garbage_is_ignored(
    one: Commands,
    other: Commands,
    server_: RedisServer,
    database: Database,
    person: Person,
    ad: AdState,
) -> None:
    see(one, person, ad, ad.title)
    [key] = server_.names("ad-*")
    with server_.client as client:
        good = client.get(key)
        assert isinstance(good, bytes)
        head, _, body = good.partition(b"\n")
        foreign = json.dumps({**json.loads(body), "id": "another"}).encode()
        for number, value in enumerate(
            [
                *(b"", b"\x80\x04]", b"0:9999999999:\n{}", b"0:9999999999:\n\xff", b"a:b:c\n{}"),
                *(head + b"\n" + body[:-9], b"0:9999999999:\n" + foreign),
            ]
        ):
            change(database, ad, f"title {number}")
            # What another process put there cannot be taken for it, and nobody sees an error.
            client.set(key, value, px=30_000)
            see(other, person, ad, f"title {number}")
        client.delete(key)
        client.rpush(key, "no text at all")
        change(database, ad, "Oak & Clay")
        see(other, person, ad, "Oak & Clay")


def test_values_are_bounded_and_live_for_seconds(
    one: Commands, server_: RedisServer, person: Person, ad: AdState
) -> None:
    assert one.redis
    one.redis.put("ad", "large", b"x" * (LARGEST + 1), 30)
    assert one.redis.get("ad", "large") is None
    see(one, person, ad, ad.title)
    with server_.client as client:
        for key in server_.names():
            left = client.pttl(key)
            assert isinstance(left, int)
            assert 0 < left <= 30_000


def test_a_full_redis_is_one_that_is_away(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--maxmemory", "1") as full:
        made = Redis(full.url, b"secret")
        made.put("ad", "one", b"x", 30)
        until(lambda: "memory" in made.trouble)
        made.close()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (("sesame", "wrong"), "does not accept the user or password"),
        (("127.0.0.1", "127.0.0.2"), "cannot be reached"),
        (("redis://", "http://"), "looks like redis://"),
        (("/0", "x/0"), "looks like redis://"),
    ],
)
def test_doctor_says_what_to_do(
    server_: RedisServer, database: Database, tmp_path: Path, spoil: tuple[str, str], words: str
) -> None:
    url = server_.url.replace(*spoil)
    run = process(tmp_path, database, "-m", "adgen", "doctor", ADGEN_REDIS_URL=url)
    assert run.returncode == 1
    assert words in run.stdout + run.stderr
    assert "ADGEN_REDIS_URL" in run.stdout + run.stderr or "redis_url" in run.stderr
    assert "sesame" not in run.stdout + run.stderr
    assert "Traceback" not in run.stderr


def process(
    home: Path, database: Database, *words: str, **env: str
) -> subprocess.CompletedProcess[str]:
    env = clean_env(home, DATABASE_URL=database.url, **env)
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120
    )


def test_two_processes_share_what_is_read_and_who_must_wait(
    one: Commands, server_: RedisServer, database: Database, person: Person, tmp_path: Path
) -> None:
    ad = one.create_ad(person)
    until(lambda: kept(one, person, ad.id))
    second = subprocess.Popen(
        [sys.executable, "-m", "tests.second_web", database.url, ad.id],
        cwd=ROOT, env=clean_env(tmp_path / "two", ADGEN_REDIS_URL=server_.url),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert second.stdin
    assert second.stdout
    assert second.stdout.readline() == "ready\n"
    with database.begin() as db:
        db.execute(text("UPDATE users SET failed_logins = 50, last_failed_at = now()"))
    with pytest.raises(TooManyTries):
        one.sign_in(person.email, PASSWORD, HERE)
    change(database, ad, "Oak & Clay")
    see(one, person, ad, "Oak & Clay")
    told, _ = second.communicate("Oak & Clay\n", timeout=120)
    refused, asked = told.splitlines()
    assert refused.startswith("Too many wrong passwords")
    assert asked == "asked 0"


def test_moments_tell_what_they_see() -> None:
    early, late = Moment.read("10:20:10,15"), Moment.read("15:30:15,25")
    assert str(late) == "15:30:15,25"
    assert [early.sees(n) for n in (9, 10, 12, 15, 19, 20)] == [
        True,
        False,
        True,
        False,
        True,
        False,
    ]
    assert late.covers(early)
    assert not early.covers(late)
    # It ends later, but one that the other has seen was still open.
    assert not Moment.read("12:30:12").covers(early)
    assert early.covers(early)
    for nonsense in ("", "1:2", "a:b:c"):
        with pytest.raises(ValueError, match=r"unpack|literal"):
            Moment.read(nonsense)


def test_more_changes_than_can_be_remembered_are_as_good_as_all(server_: RedisServer) -> None:
    states = States(Redis(server_.url, b"secret"))
    states._floor = Moment.read("5:5:")
    for number in range(CHANGES_MAX):
        states.tell("ad", number)
    assert states._is_new("ad", Moment.read("9999:9999:"))
    states.tell("ad", 0)
    assert not states._is_new("ad", Moment.read("9999:9999:"))
    assert not states._told


def test_nobody_sees_less_than_what_they_were_told_under_load(
    one: Commands,
    other: Commands,
    server_: RedisServer,
    database: Database,
    person: Person,
    ad: AdState,
) -> None:
    see(one, person, ad, ad.title)
    assert ad.job
    race = Race(person, ad.id)
    [key] = server_.names("ad-*")
    with race.run([one, other], lambda: race.put_back(server_.client, key)):
        for number in range(1, 151):
            with database.begin() as db:
                sessions.lock_ad(db, ad.id).title = str(number)
                notify(db, ad.id)
                jobs.report(db, ad.job.id, message=str(number))
        until(lambda: race.failed or set(race.seen.values()) == {150})
    assert race.failed == []


def test_health_says_whether_redis_is_used(
    one: Commands, server_: RedisServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = launch.Stack()
    stack.database, stack.commands = database, one
    monkeypatch.setattr(launch, "_running", stack)
    client = Client()
    assert client.get("/health").json()["redis"] == "ok"
    server_.kill()
    until(lambda: not at_hand(one))
    parts = client.get("/health").json()
    assert (parts["redis"], parts["status"]) == ("Redis cannot be reached.", "ok")
