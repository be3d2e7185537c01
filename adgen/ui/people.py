"""The admins' part of the settings: everyone with role and team, and what was done."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adgen.commands import EMAIL_MAX, TEAM_MAX
from adgen.domain import AuditEvent, Person, Role
from adgen.ui import components, state
from adgen.ui.words import exact, plain

PAGE_SIZE = 20
ANYONE, ANYTHING = "Anyone", "Anything"
_TOLD = "person-told"
# Details that only the database knows what to do with.
_NUMBERS = ("run", "token", "link")


def section(person: Person) -> None:
    """Everyone, and the trail; for admins only."""
    if person.role is not Role.ADMIN:
        return
    st.subheader("People")
    st.caption("Ads belong to a team. Whoever changes teams leaves their ads with the old one.")
    people = state.commands().list_people(person)
    listed, change = st.columns([3, 2], gap="large")
    with listed:
        _table(people)
    with change:
        _change(person, people)
        _add(person, people)
        _tell()
    st.subheader("What was done")
    _trail(person)


def _table(people: list[Person]) -> None:
    st.dataframe(
        [{"E-mail": one.email, "Role": one.role.value, "Team": one.team} for one in people],
        hide_index=True,
        height="content" if len(people) < PAGE_SIZE else 600,
        key="people",
    )


def _change(person: Person, people: list[Person]) -> None:
    """Another role, team or password for somebody."""
    by_email = {one.email: one for one in people}
    with st.container(border=True):
        email = st.selectbox("Person", list(by_email), key="who")
        one = by_email[email]
        role = st.selectbox("Role", list(Role), _place(one.role), key=f"role-{one.id}-{one.role}")
        team = _team("Team", people, one.team, f"team-{one.id}-{one.team_id}")
        with st.container(horizontal=True):
            same = (role or one.role, team) == (one.role, one.team)
            if st.button("Save", key="save-rights", type="primary", disabled=same) and state.did(
                lambda: state.commands().change_person(person, email, role=role, team=team)
            ):
                st.toast("Saved. It counts from their next click.", icon=":material/check:")
                st.rerun()
            if st.button("New password", key="renew", type="tertiary", icon=":material/key:"):
                state.keep(_TOLD, None)
                state.did(lambda: _renew(person, email))


def _renew(person: Person, email: str) -> None:
    state.keep(_TOLD, (email, state.commands().renew_password(person, email)))


def _add(person: Person, people: list[Person]) -> None:
    with st.expander("Add a person", icon=":material/person_add:"):
        email = st.text_input("E-mail", key="new-email", max_chars=EMAIL_MAX)
        role = st.selectbox("Role", list(Role), _place(Role.EDITOR), key="new-role")
        team = _team("Team", people, person.team, "new-team")
        if st.button("Add", key="add-person"):
            state.keep(_TOLD, None)
            if state.did(lambda: _added(person, email, role or Role.EDITOR, team)):
                st.rerun()


def _added(person: Person, email: str, role: Role, team: str) -> None:
    added, password = state.commands().add_person(person, email, role, team)
    state.keep(_TOLD, (added.email, password))


def _tell() -> None:
    """A password that was just made: told once only."""
    if not (told := state.remember(_TOLD, None)):
        return
    email, password = told
    with st.container(border=True, key="told-once-person"):
        st.caption(
            plain(
                f"The password of {email}: hand it on now, it is not shown again. "
                "They can change it in their settings."
            )
        )
        components.copy_words("person-words", "Password", password)
        if st.button("Done", key="person-done", type="tertiary"):
            state.keep(_TOLD, None)
            st.rerun()


def _place(role: Role) -> int:
    return list(Role).index(role)


def _team(label: str, people: list[Person], present: str, key: str) -> str:
    """One of the teams there are, or a new one by its name."""
    teams = sorted({one.team for one in people})
    chosen = st.selectbox(
        label,
        teams,
        teams.index(present) if present in teams else 0,
        key=key,
        accept_new_options=True,
        help="Type a name to make a new team.",
    )
    return str(chosen or present)[: TEAM_MAX + 1]


# ---- the trail


def _trail(person: Person) -> None:
    act = state.commands()
    emails, actions = act.audit_choices(person)
    with st.container(horizontal=True, vertical_alignment="bottom", key="trail"):
        who = st.selectbox("Who", [ANYONE, *emails], key="trail-who", width=300)
        what = st.selectbox(
            "What", [ANYTHING, *actions], key="trail-what", width=220, format_func=str.capitalize
        )
    wanted = {
        "email": "" if who == ANYONE else who,
        "action": "" if what == ANYTHING else what,
    }
    count = act.count_audit(person, **wanted)
    if not count:
        st.caption("Nothing was spent, shared or changed yet.")
        return
    pages = -(-count // PAGE_SIZE)
    # Narrowing begins with the newest again.
    page = st.pagination(pages, key=f"trail-page-{who}-{what}") if pages > 1 else 1
    events = act.list_audit(person, **wanted, limit=PAGE_SIZE, offset=PAGE_SIZE * (page - 1))
    st.dataframe(
        [_row(event) for event in events],
        hide_index=True,
        height="content",
        key="events",
        column_config={
            "When": st.column_config.TextColumn(width=220),
            "Who": st.column_config.TextColumn(width=220),
            "What": st.column_config.TextColumn(width=160),
            "Details": st.column_config.TextColumn(width="large"),
            "Ad": st.column_config.TextColumn(width=320),
        },
    )


def _row(event: AuditEvent) -> dict[str, Any]:
    return {
        "When": exact(event.at),
        "Who": event.email,
        "What": event.action.capitalize(),
        "Details": ", ".join(
            f"{name} {value}"
            for name, value in event.details.items()
            if value is not None and name not in _NUMBERS
        ),
        "Ad": event.session_id or "",
    }
