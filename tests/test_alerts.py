"""Alerts: once each, to the app, a webhook and e-mail, and to nobody who snoozed them."""

from __future__ import annotations

import json
import logging
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from sqlalchemy import func, select, update

from adgen import courier
from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import Person, Role, Scope
from adgen.errors import InputRejected, NotFound, Unavailable
from adgen.providers import notify
from adgen.store import alerts
from adgen.store.database import Database
from adgen.store.tables import Alert, AlertPost, now
from tests.conftest import add_person, free_port
from tests.store.test_costs import open_call, settle


class Listener(BaseHTTPRequestHandler):
    """Keeps what it is sent; answers with the next of `answers`, else 200."""

    got: list[dict[str, str]]
    answers: list[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(json.loads(body))
        self.send_response(self.answers.pop(0) if self.answers else 200)
        self.send_header("Location", "http://example.com/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Mailbox(socketserver.StreamRequestHandler):
    """Just enough SMTP to take a letter."""

    letters: list[str]

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line.strip().upper()
            if word == b"DATA":
                self.wfile.write(b"354 go\r\n")
                letter = iter(self.rfile.readline, b".\r\n")
                self.letters.append(b"".join(letter).decode())
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Listener]]:
    """A webhook of this test, configured."""
    kept = type("Kept", (Listener,), {"got": [], "answers": []})
    with serving(HTTPServer(("127.0.0.1", 0), kept)) as port:
        monkeypatch.setenv("ADGEN_ALERT_WEBHOOK", f"http://127.0.0.1:{port}/secret-path")
        settings.cache_clear()
        yield kept


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    letters: list[str] = []
    box = type("Box", (Mailbox,), {"letters": letters})
    with serving(socketserver.TCPServer(("127.0.0.1", 0), box)) as port:
        monkeypatch.setenv("ADGEN_SMTP_URL", f"smtp://127.0.0.1:{port}?from=adgen@example.com")
        monkeypatch.setenv("ADGEN_ALERT_EMAIL", "boss@example.com")
        settings.cache_clear()
        yield letters


def spend(database: Database, ad: str, slot: int, dollars: str) -> None:
    settle(database, open_call(database, ad, slot, dollars))


def levels(database: Database) -> list[tuple[str, int]]:
    with database.begin() as db:
        rows = db.execute(select(Alert.scope, Alert.percent).order_by(Alert.id))
        return [(row.scope, row.percent) for row in rows]


def test_each_level_is_told_once(commands: Commands, person: Person, database: Database) -> None:
    ad = commands.create_ad(person).id
    for slot, dollars in enumerate(("4.99", "0.01", "2.00", "1.00", "0.50", "1.00", "0.40", "0.1")):
        spend(database, ad, slot, dollars)
    assert levels(database) == [("ad", 50), ("ad", 80), ("ad", 95), ("ad", 100)]


def test_of_a_leap_only_the_highest_level_is_told(
    commands: Commands, person: Person, database: Database
) -> None:
    boss = add_person(database, "boss@example.com", Role.ADMIN)
    commands.set_budget(boss, Scope.TEAM, str(person.team_id), Decimal(5))
    spend(database, commands.create_ad(person).id, 0, "4.90")
    assert levels(database) == [("team", 95)]


def test_a_budget_that_was_raised_is_a_new_one(
    commands: Commands, person: Person, database: Database
) -> None:
    boss = add_person(database, "boss@example.com", Role.ADMIN)
    ad = commands.create_ad(person).id
    spend(database, ad, 0, "8.50")
    [told] = commands.list_alerts(person, ad)
    assert told.words.startswith("“Untitled ad” has cost $8.50, 85 % of its $10.00.")
    commands.set_budget(boss, Scope.AD, ad, Decimal(15))
    assert commands.list_alerts(person, ad) == []
    spend(database, ad, 1, "0.10")
    assert levels(database) == [("ad", 80), ("ad", 50)]


def test_two_halves_of_a_level_are_seen_by_the_next_look(
    commands: Commands, person: Person, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADGEN_TOTAL_BUDGET_USD", "10")
    monkeypatch.setenv("ADGEN_SESSION_BUDGET_USD", "100")
    settings.cache_clear()
    monkeypatch.setattr(alerts, "cross", lambda *_: None)
    spend(database, commands.create_ad(person).id, 0, "8.50")
    assert levels(database) == []
    for _ in range(2):
        with database.begin() as db:
            alerts.cross_any(db)
    assert levels(database) == [("all", 80)]


def test_whom_it_concerns(commands: Commands, person: Person, database: Database) -> None:
    boss = add_person(database, "boss@example.com", Role.ADMIN)
    mate = add_person(database, "mate@example.com", team=person.team)
    viewer = add_person(database, "viewer@example.com", Role.VIEWER, person.team)
    other = add_person(database, "other@example.com", team="South")
    commands.set_budget(boss, Scope.TEAM, str(person.team_id), Decimal(10))
    ad = commands.create_ad(person).id
    spend(database, ad, 0, "9.60")
    scopes = {
        one.email.partition("@")[0]: [a.scope.value for a in commands.list_alerts(one, ad)]
        for one in (person, mate, viewer, other, boss)
    }
    assert sorted(scopes["ann"]) == sorted(scopes["mate"]) == sorted(scopes["boss"])
    assert sorted(scopes["ann"]) == ["ad", "team"]
    assert scopes["viewer"] == scopes["other"] == []
    assert [a.scope for a in commands.list_alerts(person, "")] == ["team"]
    listed = {one: commands.list_alerts(one) for one in (person, viewer, other, boss)}
    assert [len(found) for found in listed.values()] == [2, 0, 0, 2]
    for alert in listed[person]:
        commands.snooze_alert(mate, alert.id, 7)
        for stranger in (other, viewer):
            with pytest.raises(NotFound):
                commands.snooze_alert(stranger, alert.id, 7)


def test_a_snooze_is_a_persons_own_and_ends(
    commands: Commands, person: Person, database: Database
) -> None:
    mate = add_person(database, "mate@example.com", team=person.team)
    ad = commands.create_ad(person).id
    spend(database, ad, 0, "8.50")
    [alert] = commands.list_alerts(person, ad)
    commands.snooze_alert(person, alert.id, 7)
    assert commands.list_alerts(person, ad) == []
    assert len(commands.list_alerts(mate, ad)) == 1
    assert [one.snoozed for one in commands.list_alerts(person, ad, snoozed=True)] == [True]
    commands.snooze_alert(person, alert.id, -1)
    assert len(commands.list_alerts(person, ad)) == 1
    commands.snooze_alert(person, alert.id, None)
    assert commands.list_alerts(person, ad) == []
    spend(database, ad, 1, "1.20")
    assert [one.percent for one in commands.list_alerts(person, ad)] == [95], "a higher one counts"
    with pytest.raises(NotFound):
        commands.snooze_alert(person, 999, 7)


# ---- on their way


def test_webhook_mail_and_log_get_each_alert_once(
    commands: Commands,
    person: Person,
    database: Database,
    hook: type[Listener],
    mailbox: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    ad = commands.create_ad(person).id
    commands.rename_ad(person, ad, "Café chair")
    spend(database, ad, 0, "8.50")
    with caplog.at_level(logging.WARNING):
        assert courier.deliver(database) == 3
        assert courier.deliver(database) == 0
    words = "“Café chair” has cost $8.50, 85 % of its $10.00."
    [said] = hook.got
    assert said["text"].startswith(f"adgen: {words}")
    [letter] = mailbox
    assert "Subject: adgen: 80 % of a budget is spent" in letter
    assert "To: boss@example.com" in letter
    assert [record for record in caplog.records if words in record.getMessage()]


def test_a_webhook_that_fails_is_tried_again_and_holds_nothing_up(
    commands: Commands,
    person: Person,
    database: Database,
    hook: type[Listener],
    caplog: pytest.LogCaptureFixture,
) -> None:
    hook.answers[:] = [500, 302]
    spend(database, commands.create_ad(person).id, 0, "8.50")
    for tries in (1, 2):
        assert courier.deliver(database) == (tries == 1), "the log came through, the hook not"
        assert courier.deliver(database) == 0, "not again at once"
        with database.begin() as db:
            post = db.scalars(select(AlertPost).where(AlertPost.channel == "webhook")).one()
            assert (post.tries, post.sent_at) == (tries, None)
            db.execute(update(AlertPost).values(next_at=now()))
    assert courier.deliver(database) == 1
    assert len(hook.got) == 3
    assert "secret-path" not in caplog.text
    with database.begin() as db:
        assert db.scalar(select(func.count()).where(AlertPost.sent_at.is_(None))) == 0


def test_a_post_whose_worker_died_is_taken_by_another(
    commands: Commands, person: Person, database: Database, hook: type[Listener]
) -> None:
    spend(database, commands.create_ad(person).id, 0, "8.50")
    with database.begin() as db:
        taken = [alerts.take_post(db), alerts.take_post(db), alerts.take_post(db)]
    assert taken[2] is None, "two posts, each taken once"
    assert courier.deliver(database) == 0
    with database.begin() as db:
        db.execute(update(AlertPost).values(next_at=now()))
    assert courier.deliver(database) == 2
    assert len(hook.got) == 1


@pytest.mark.parametrize(
    "url",
    ["ftp://x", "nothing", "http://example.com/x", "https://", "https://x:99999/", "file:///x"],
)
def test_a_webhook_goes_to_https_or_to_this_machine(url: str) -> None:
    with pytest.raises(InputRejected, match="ADGEN_ALERT_WEBHOOK"):
        notify.post_webhook(url, "hello")


def test_nobody_there_is_said_without_the_address() -> None:
    port = free_port()
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as hooked:
        notify.post_webhook(f"http://127.0.0.1:{port}/secret", "hello")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as mailed:
        notify.send_mail(f"smtp://u:secret@127.0.0.1:{port}", "x@example.com", "s", "t")
    assert "secret" not in str(hooked.value) + str(mailed.value)
