"""Pages that ask all the time get what is kept, and see every change at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text

from adgen.commands import Commands
from adgen.domain import AdState, JobKind, Person
from adgen.errors import NotFound
from adgen.store import jobs, sessions
from adgen.store.database import Database, heard, notify
from adgen.store.holds import lift_hold, set_hold
from tests.conftest import add_person, until


@pytest.fixture
def ad(commands: Commands, person: Person) -> AdState:
    """An ad that is being watched already."""
    made = commands.create_ad(person)
    commands.start_images(person, made.id, "oak chair")

    def kept() -> bool:
        return commands.watch_ad(person, made.id) is commands.watch_ad(person, made.id)

    until(kept, what="the first word of the database")
    return commands.watch_ad(person, made.id)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def note(*call: object) -> None:
        asked.append(str(call[2]))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def test_nothing_is_asked_while_nothing_changes(
    commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    with statements(database) as asked:
        assert [commands.watch_ad(person, ad.id) for _ in range(20)] == [ad] * 20
    assert asked == []


def test_what_this_process_does_is_seen_at_once(
    commands: Commands, person: Person, ad: AdState
) -> None:
    for number in range(20):
        commands.save_draft(person, ad.id, "product_prompt", f"oak chair {number}")
        assert commands.watch_ad(person, ad.id).drafts["product_prompt"] == f"oak chair {number}"


def test_what_another_process_does_is_seen(
    commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    with database.begin() as db:
        sessions.lock_ad(db, ad.id).title = "Oak & Clay"
        notify(db, ad.id)
    until(lambda: commands.watch_ad(person, ad.id).title == "Oak & Clay")


def test_what_is_kept_is_the_latest_until_there_is_news(
    commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    assert commands.is_latest(ad)
    assert not commands.is_latest(ad.model_copy())
    assert ad.job
    with database.begin() as db:
        jobs.report(db, ad.job.id, slot=2, state="done")
    until(lambda: not commands.is_latest(ad))
    ad = commands.watch_ad(person, ad.id)
    assert commands.is_latest(ad)
    commands.save_draft(person, ad.id, "product_prompt", "oak bench")
    assert not commands.is_latest(ad)


def test_progress_is_seen_without_a_question(
    commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    assert ad.job
    with database.begin() as db:
        jobs.report(db, ad.job.id, slot=2, state="done", message="Generating image 2 of 6...")
        before = commands.watch_ad(person, ad.id)

    def seen() -> bool:
        job = commands.watch_ad(person, ad.id).job
        return job is not None and job.slots["2"] == "done"

    with statements(database) as asked:
        until(seen)
    assert asked == []
    assert before.job
    assert before.job.slots["2"] == "queued"
    assert commands.watch_ad(person, ad.id) == commands.load_ad(person, ad.id)


def test_a_late_word_takes_nothing_back(
    commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    assert ad.job
    with database.begin() as db:
        jobs.report(db, ad.job.id, slot=2, state="done")
        jobs.report(db, ad.job.id, slot=3, state="done")
    until(lambda: (job := commands.watch_ad(person, ad.id).job) and job.done == 2)
    now = commands.watch_ad(person, ad.id)
    assert now.job
    assert now.job.follows(ad.job)
    assert not ad.job.follows(now.job)
    # As if it had been on its way while the state was read.
    commands._snapshots._take(ad.id, ad.job)
    assert commands.watch_ad(person, ad.id) is now


def test_a_hold_on_the_account_is_seen_on_every_ad(
    commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    with database.begin() as db:
        set_hold(db, ad.provider, "The account has no credit.")
    until(lambda: commands.watch_ad(person, ad.id).hold)
    with database.begin() as db:
        lift_hold(db, ad.provider)
    until(lambda: not commands.watch_ad(person, ad.id).hold)


def test_what_is_kept_is_shown_to_nobody_else(
    commands: Commands, database: Database, ad: AdState
) -> None:
    with pytest.raises(NotFound):
        commands.watch_ad(add_person(database, "eve@example.com"), ad.id)


def test_after_the_connection_is_lost_nothing_old_is_shown(
    commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    with database.begin() as db:
        db.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^LISTEN'")
        )
    with database.begin() as db:
        sessions.lock_ad(db, ad.id).title = "Oak & Clay"
        notify(db, ad.id)
    until(lambda: not commands.is_latest(ad))
    until(lambda: commands.watch_ad(person, ad.id).title == "Oak & Clay")


def test_words_too_long_for_a_notice_say_that_there_is_something_to_read(
    commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    assert ad.job
    with database.begin() as db:
        jobs.report(db, ad.job.id, message="é" * 5000)

    def seen() -> bool:
        job = commands.watch_ad(person, ad.id).job
        return job is not None and job.message == "é" * 5000

    until(seen)


def test_a_notice_is_read_as_it_was_said(ad: AdState) -> None:
    assert ad.job
    assert ad.job.kind is JobKind.IMAGES
    assert heard(f"{ad.id} {ad.job.model_dump_json()}") == (ad.id, ad.job)
    assert heard(ad.id) == (ad.id, None)
