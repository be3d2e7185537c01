"""The library: ads found by words and facts, in order, by pages; archived and brought back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, update

from adgen.commands import Commands
from adgen.domain import AdFilter, AdSort, AssetType, JobKind, JobStatus, Person, Role, Stage
from adgen.errors import InputRejected, NotAllowed, NotFound, WrongStage
from adgen.store import assets, jobs, sessions
from adgen.store.assets import NewAsset
from adgen.store.database import Database
from adgen.store.tables import AdSession
from tests.conftest import add_person

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def others(database: Database) -> Person:
    """Another editor, bob@example.com."""
    return add_person(database, "bob@example.com")


@pytest.fixture
def admin(database: Database) -> Person:
    return add_person(database, "root@example.com", Role.ADMIN)


def make(commands: Commands, person: Person, title: str, **facts: Any) -> str:
    """An ad with this name and these columns."""
    ad_id = commands.create_ad(person).id
    with commands.database.begin() as db:
        values = {"title": title, **facts}
        db.execute(update(AdSession).where(AdSession.id == ad_id).values(**values))
    return ad_id


def found(commands: Commands, person: Person, **wanted: Any) -> list[str]:
    """The names of the ads that are asked for; the count says the same number."""
    ads = commands.list_ads(person, AdFilter(**wanted), limit=200)
    assert commands.count_ads(person, AdFilter(**wanted)) == len(ads)
    return [ad.title for ad in ads]


@pytest.mark.parametrize(
    ("search", "titles"),
    [
        ("oak", ["Oak"]),
        ("  TABLE  oak ", ["Oak"]),
        ("morning table", ["Oak"]),
        ("zebra oak", []),
        ("é", ["Éclair"]),
        ("100%", ["100% wool"]),
        ("1_0", []),
        ("\\", []),
        ("\0", ["100% wool", "Éclair", "Oak"]),
    ],
)
def test_all_words_stand_in_the_name_or_the_product(
    commands: Commands, person: Person, search: str, titles: list[str]
) -> None:
    make(commands, person, "Oak", product_prompt="A table in the morning")
    make(commands, person, "Éclair")
    make(commands, person, "100% wool")
    assert found(commands, person, search=search) == titles


def test_ads_are_found_by_stage_and_by_when_they_were_made(
    commands: Commands, person: Person
) -> None:
    make(commands, person, "brief", created_at=NOON)
    make(commands, person, "done", stage="complete", created_at=NOON + timedelta(days=1))
    make(commands, person, "broken", stage="failed", created_at=NOON + timedelta(days=2))
    assert found(commands, person, stages=(Stage.COMPLETE, Stage.FAILED)) == ["broken", "done"]
    assert found(commands, person, since=NOON + timedelta(days=1)) == ["broken", "done"]
    assert found(commands, person, until=NOON + timedelta(days=1)) == ["brief"]
    assert found(commands, person, since=NOON, until=NOON) == []
    # What names no zone is in UTC.
    assert found(commands, person, until=datetime(2026, 11, 20, 12, 0, 1)) == ["brief"]  # noqa: DTZ001


def test_a_team_finds_its_own_and_an_admin_everyones(
    commands: Commands, database: Database, person: Person, others: Person, admin: Person
) -> None:
    make(commands, person, "mine")
    mate = add_person(database, "amy@example.com", team=person.team)
    make(commands, mate, "mate's")
    assert found(commands, person) == ["mate's", "mine"]
    assert found(commands, person, owner=mate.email) == ["mate's"]
    assert commands.list_owners(person) == [mate.email, person.email]
    make(commands, others, "theirs")
    assert found(commands, admin) == ["theirs", "mate's", "mine"]
    assert found(commands, admin, owner="ANN@example.com") == ["mine"]
    assert found(commands, admin, owner="nobody@example.com\0") == []
    assert found(commands, person, owner=others.email) == []
    assert commands.list_owners(admin) == [mate.email, person.email, others.email]
    assert commands.list_owners(others) == [others.email]


@pytest.mark.parametrize(
    ("sort", "order"),
    [("newest", "Abc"), ("oldest", "cbA"), ("changed", "cAb"), ("name", "Abc"), ("cost", "bAc")],
)
def test_the_order_is_the_one_asked_for(
    commands: Commands, person: Person, sort: str, order: str
) -> None:
    days = [NOON + timedelta(days=n) for n in range(4)]
    make(commands, person, "b", total_cost=2, created_at=days[1], updated_at=days[1])
    make(commands, person, "A", total_cost=1, created_at=days[2], updated_at=days[2])
    make(commands, person, "", product_prompt="c", created_at=days[0], updated_at=days[3])
    assert "".join(found(commands, person, sort=sort)) == order


def test_pages_hold_every_ad_once_even_when_all_are_as_old(
    commands: Commands, person: Person
) -> None:
    for number in range(7):
        make(commands, person, str(number), created_at=NOON, updated_at=NOON)
    for sort in AdSort:
        wanted = AdFilter(sort=sort)
        pages = [commands.list_ads(person, wanted, limit=3, offset=at) for at in (0, 3, 6)]
        assert [len(page) for page in pages] == [3, 3, 1]
        assert len({ad.id for page in pages for ad in page}) == 7


def test_a_card_shows_the_chosen_picture_then_any_then_a_photo(
    commands: Commands, person: Person
) -> None:
    chosen = {"approved_image_ids": ["b"], "generated_image_ids": ["a", "b"]}
    make(commands, person, "chosen", **chosen)
    make(commands, person, "made", generated_image_ids=["a"])
    photo = make(commands, person, "photo")
    make(commands, person, "")
    file = NewAsset(
        asset_type=AssetType.PHOTO, storage_key="aa/x", content_type="image/jpeg", size_bytes=1
    )
    with commands.database.begin() as db:
        asset_id = assets.add_asset(db, photo, file)
    posters = {ad.title: ad.poster_id for ad in commands.list_ads(person)}
    assert posters == {"Untitled ad": None, "photo": asset_id, "made": "a", "chosen": "b"}


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """What the database is asked."""
    asked: list[str] = []

    def before(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", before)
    yield asked
    event.remove(database.engine, "before_cursor_execute", before)


def test_a_page_takes_two_questions_and_no_ads_whole_json(
    commands: Commands, person: Person, statements: list[str]
) -> None:
    for number in range(5):
        make(commands, person, str(number))
    statements.clear()
    commands.list_ads(person)
    assert len(statements) == 2
    assert not [word for word in ("prompts", "scenes", "drafts") if word in statements[0]]


def test_archived_ads_are_kept_apart_and_can_come_back(commands: Commands, person: Person) -> None:
    make(commands, person, "stays")
    gone = make(commands, person, "goes")
    commands.archive_ad(person, gone)
    first = commands.load_ad(person, gone).archived_at
    commands.archive_ad(person, gone)
    assert commands.load_ad(person, gone).archived_at == first
    assert found(commands, person) == ["stays"]
    assert found(commands, person, archived=True) == ["goes"]
    assert found(commands, person, archived=None) == ["goes", "stays"]
    commands.restore_ad(person, gone)
    assert found(commands, person) == ["goes", "stays"]
    assert commands.load_ad(person, gone).archived_at is None


@pytest.mark.parametrize("kind", [JobKind.IMAGES, JobKind.PLAN])
def test_a_busy_ad_is_not_archived_but_can_be_named_and_restored(
    commands: Commands, person: Person, kind: JobKind
) -> None:
    ad_id = commands.create_ad(person).id
    start = commands.start_images if kind is JobKind.IMAGES else commands.start_plan
    job_id = start(person, ad_id, "Oak chair").job_id
    with pytest.raises(WrongStage, match="Wait for it"):
        commands.archive_ad(person, ad_id)
    commands.rename_ad(person, ad_id, "Oak & Clay")
    commands.restore_ad(person, ad_id)
    assert found(commands, person) == ["Oak & Clay"]
    with commands.database.begin() as db:
        sessions.lock_ad(db, ad_id).stage = Stage.IMAGE_SELECTION.value
        jobs.finish_job(db, job_id, JobStatus.DONE, "done")
    commands.archive_ad(person, ad_id)
    assert found(commands, person) == []


def test_strangers_and_those_who_only_look_file_nothing(
    commands: Commands, database: Database, person: Person, others: Person
) -> None:
    ad_id = make(commands, person, "mine")
    viewer = person.model_copy(update={"role": Role.VIEWER})
    for somebody, refusal in ((others, NotFound), (viewer, NotAllowed)):
        for act in (commands.archive_ad, commands.restore_ad, commands.duplicate_ad):
            with pytest.raises(refusal):
                act(somebody, ad_id)
        with pytest.raises(refusal):
            commands.rename_ad(somebody, ad_id, "Theirs")
    assert found(commands, person) == ["mine"]


@pytest.mark.parametrize("title", ["", "  ", "\0", "x" * 301])
def test_a_name_has_1_to_300_characters(commands: Commands, person: Person, title: str) -> None:
    ad_id = make(commands, person, "Oak")
    with pytest.raises(InputRejected, match="1 to 300 characters"):
        commands.rename_ad(person, ad_id, title)
    assert found(commands, person) == ["Oak"]
