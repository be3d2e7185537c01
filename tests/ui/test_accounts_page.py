"""Settings: the person's own tokens and password; for admins, people and the trail."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextInput

from adgen.commands import Commands
from adgen.domain import AssetType, AudioChoice, Genre, Person, Role, TextOverlay
from adgen.store.database import Database
from adgen.ui import account, people, state
from tests.conftest import PASSWORD, add_person
from tests.ui.ads import chosen_clips, component, made, visit


@pytest.fixture
def admin(database: Database, monkeypatch: pytest.MonkeyPatch, at: AppTest) -> Person:
    """An admin, who is signed in from here on."""
    made = add_person(database, "root@example.com", Role.ADMIN)
    monkeypatch.setattr(state, "find_person", lambda: made)
    return made


def field(at: AppTest, label: str) -> TextInput:
    [found] = [one for one in at.text_input if one.label == label]
    return found


def press(at: AppTest, label: str) -> None:
    next(button for button in at.button if button.label == label).click().run()
    assert not at.exception


def test_a_token_is_told_once_and_revoked_by_a_click(
    at: AppTest, commands: Commands, person: Person
) -> None:
    visit(at, "settings")
    field(at, "Name").set_value("Nightly *render*")
    press(at, "Create")
    words = component(at, "copy")["words"]
    assert commands.who(words) == person
    [made] = commands.list_tokens(person)
    assert made.expires_at
    press(at, "Done")
    assert not [e for e in at.get("bidi_component") if words in e.proto.json]
    shown = visit(at, "settings")
    assert r"**Nightly \*render\***" in shown
    at.button(key=f"revoke-{made.id}").click().run()
    assert commands.who(words) is None
    assert commands.list_tokens(person) == []


def test_a_token_without_a_name_is_refused(at: AppTest, commands: Commands, person: Person) -> None:
    visit(at, "settings")
    press(at, "Create")
    assert "name of the token needs" in at.error[0].value
    assert commands.list_tokens(person) == []


def test_signing_out_everywhere_asks_first(at: AppTest, commands: Commands, person: Person) -> None:
    logins = [commands.sign_in(person.email, PASSWORD)[0] for _ in range(2)]
    visit(at, "settings")
    at.button(key="out-everywhere").click().run()
    assert all(map(commands.who, logins))
    at.button(key="out-now").click().run()
    assert [commands.who(login) for login in logins] == [None, None]


def test_a_password_is_changed_by_whoever_knows_the_present_one(
    at: AppTest, commands: Commands, person: Person
) -> None:
    visit(at, "settings")
    for current, new, said in [
        ("a guess", "a new long one", "The current password is another one."),
        (PASSWORD, "short", "A password needs 8 to 1000 characters."),
    ]:
        field(at, "Current password").set_value(current)
        field(at, "New password").set_value(new)
        press(at, "Change the password")
        assert at.error[0].value == said
    field(at, "Current password").set_value(PASSWORD)
    field(at, "New password").set_value("a new long one")
    press(at, "Change the password")
    assert commands.sign_in(person.email, "a new long one")[1] == person


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER, Role.ANALYST])
def test_each_role_reads_what_it_may_and_nothing_of_other_people(
    at: AppTest, commands: Commands, database: Database, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    one = add_person(database, f"{role}@example.com", role)
    monkeypatch.setattr(state, "find_person", lambda: one)
    shown = visit(at, "settings")
    assert account.MAY[role] in shown
    for words in ("People", "What was done", "Save", "Add"):
        assert words not in shown.split("\n")
    assert "ann@example.com" not in shown


def test_an_admin_changes_somebodys_role_and_team(
    at: AppTest, commands: Commands, person: Person, admin: Person
) -> None:
    visit(at, "settings")
    at.selectbox(key="who").set_value(person.email).run()
    assert at.button(key="save-rights").disabled
    at.selectbox(key=f"role-{person.id}-{person.role}").set_value(Role.VIEWER).run()
    at.button(key="save-rights").click().run()
    assert not at.exception
    [changed] = [one for one in commands.list_people(admin) if one.id == person.id]
    assert (changed.role, changed.team) == (Role.VIEWER, person.team)


def test_an_admin_cannot_leave_nobody_in_charge(
    at: AppTest, commands: Commands, admin: Person
) -> None:
    visit(at, "settings")
    at.selectbox(key="who").set_value(admin.email).run()
    at.selectbox(key=f"role-{admin.id}-admin").set_value(Role.EDITOR).run()
    at.button(key="save-rights").click().run()
    assert "Ask another admin" in at.error[0].value


def test_an_admin_adds_a_person_whose_password_is_told_once(
    at: AppTest, commands: Commands, admin: Person
) -> None:
    visit(at, "settings")
    at.text_input(key="new-email").set_value("no address").run()
    at.button(key="add-person").click().run()
    assert "not an e-mail address" in at.error[0].value
    at.text_input(key="new-email").set_value("Bea@Example.com").run()
    at.selectbox(key="new-role").set_value(Role.ANALYST).run()
    at.button(key="add-person").click().run()
    assert not at.exception
    password = component(at, "copy")["words"]
    login, bea = commands.sign_in("bea@example.com", password)
    assert (bea.role, bea.team) == (Role.ANALYST, admin.team)
    at.selectbox(key="who").set_value(bea.email).run()
    at.button(key="renew").click().run()
    assert commands.who(login) is None
    assert commands.sign_in(bea.email, component(at, "copy")["words"])[1] == bea
    at.button(key="person-done").click().run()
    assert not [e for e in at.get("bidi_component") if "words" in e.proto.json]


def test_the_trail_is_paged_and_narrowed(
    at: AppTest, commands: Commands, person: Person, admin: Person
) -> None:
    for number in range(people.PAGE_SIZE + 5):
        commands.add_token(person, f"token {number}")
    commands.change_person(admin, person.email, role=Role.VIEWER)
    visit(at, "settings")

    def rows() -> list[dict[Any, Any]]:
        [events] = [d for d in at.dataframe if "When" in d.value.columns]
        return list(events.value.to_dict("records"))

    first = rows()
    assert len(first) == people.PAGE_SIZE
    assert (first[0]["Who"], first[0]["What"]) == (admin.email, "Rights changed")
    assert "role viewer" in str(first[0]["Details"])
    at.selectbox(key="trail-who").set_value(admin.email).run()
    assert [row["What"] for row in rows()] == ["Rights changed"]
    at.selectbox(key="trail-what").set_value("token made").run()
    assert "Nothing was spent" in "".join(c.value for c in at.caption)
    at.selectbox(key="trail-who").set_value(people.ANYONE).run()
    assert {row["Who"] for row in rows()} == {person.email}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_who_may_only_look_finds_every_way_on_closed_with_the_reason(
    at: AppTest,
    commands: Commands,
    database: Database,
    person: Person,
    monkeypatch: pytest.MonkeyPatch,
    role: Role,
) -> None:
    looks = add_person(database, "vic@example.com", role, person.team)
    monkeypatch.setattr(state, "find_person", lambda: looks)
    assert "Nothing is here yet" in visit(at, "ads")
    assert at.button(key="new").disabled
    ad = commands.create_ad(person)
    chosen_clips(commands, database, person, ad)
    harmless = {"elsewhere", "clear", "close"}
    for page in ("brief", "images", "storyboard", "clips", "finish"):
        assert state.LOOK in visit(at, page, ad.id), page
        assert not at.error
        for button in at.button:
            assert button.disabled or button.key in harmless, (page, button.label)
        for field in [*at.text_area, *at.text_input, *at.slider, *at.selectbox, *at.pills]:
            assert field.disabled, (page, field.label)
    commands.start_video(person, ad.id, TextOverlay(), AudioChoice(genre=Genre.CALM))
    visit(at, "final", ad.id)
    assert at.button(key="stop-video").disabled
    made(database, ad, AssetType.VIDEO, of=1, slots=1)
    visit(at, "final", ad.id)
    assert not {"Share", "Duplicate", "Make another"} & {button.label for button in at.button}
