"""The person's own part of the settings: who they are, their password, tokens for scripts."""

from __future__ import annotations

import streamlit as st

from adgen.commands import PASSWORD_MAX, PASSWORD_MIN, TOKEN_NAME_MAX
from adgen.domain import Person, Role, TokenInfo
from adgen.ui import components, state
from adgen.ui.words import ago, exact, plain

MAY = {
    Role.ADMIN: "You may see and change everything, add people and set their roles.",
    Role.EDITOR: "You may make and change your team's ads, and spend.",
    Role.VIEWER: "You may look at your team's ads, present and export them.",
    Role.ANALYST: "You may look at your team's ads, and at the costs of every team.",
}
# How long a token works, in days.
LASTS = {"30 days": 30, "90 days": 90, "a year": 365, "until I revoke it": None}
_MADE = "token-made"


def section(person: Person) -> None:
    """Who is signed in and as what; beside it the tokens."""
    about, tokens = st.columns(2, gap="large")
    with about:
        st.subheader("You")
        st.text(f"Signed in as {person.email} ({person.role})")
        st.caption(f"{plain(f'In the team {person.team}.')} {MAY[person.role]}")
        with st.container(horizontal=True, vertical_alignment="center", key="way-out"):
            components.sign_out()
            if st.button("Sign out everywhere", key="out-everywhere", type="tertiary"):
                _sign_out_everywhere(person)
        with st.expander("Change the password", icon=":material/key:"):
            _password(person)
    with tokens:
        _tokens(person)


@st.dialog("Sign out everywhere")
def _sign_out_everywhere(person: Person) -> None:
    st.write(
        "Every browser where you are signed in has to sign in again, this one too. "
        "Access tokens go on working."
    )
    if st.button(
        "Sign out everywhere",
        key="out-now",
        type="primary",
        on_click=state.commands().sign_out_everywhere,
        args=(person,),
    ):
        st.rerun()


def _password(person: Person) -> None:
    with st.form("password", border=False, clear_on_submit=True):
        current = st.text_input("Current password", type="password", max_chars=PASSWORD_MAX)
        new = st.text_input(
            "New password",
            type="password",
            max_chars=PASSWORD_MAX,
            help=f"At least {PASSWORD_MIN} characters. Every browser has to sign in again.",
        )
        if st.form_submit_button("Change the password") and state.did(
            lambda: state.commands().change_password(person, current, new)
        ):
            st.rerun()


# ---- tokens


def _tokens(person: Person) -> None:
    st.subheader("Access tokens")
    st.caption(
        "For your scripts: a token may do what you may do. The API is described at "
        "[/api/docs](/api/docs)."
    )
    _new_token(person)
    for token in state.commands().list_tokens(person):
        _token(person, token)


def _new_token(person: Person) -> None:
    """The form, and the words of a token that was just made: they are told once only."""
    with (
        st.form("token", border=False, clear_on_submit=True),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        name = st.text_input("Name", max_chars=TOKEN_NAME_MAX, placeholder="Nightly render")
        lasts = st.selectbox("Works for", list(LASTS), index=1, width=180)
        asked = st.form_submit_button("Create")
    if asked:
        state.keep(_MADE, "")
        state.did(lambda: state.keep(_MADE, _make(person, name, LASTS[lasts])))
    if words := state.remember(_MADE, ""):
        with st.container(border=True, key="told-once"):
            st.caption("Copy it now: it is not shown again.")
            components.copy_words("token-words", "New token", words)
            if st.button("Done", key="token-done", type="tertiary"):
                state.keep(_MADE, "")
                st.rerun()


def _make(person: Person, name: str, days: int | None) -> str:
    return state.commands().add_token(person, name, days)[1]


def _token(person: Person, token: TokenInfo) -> None:
    used = f"used {ago(token.used_at)}" if token.used_at else "never used"
    ends = f"ends {exact(token.expires_at).partition(',')[0]}" if token.expires_at else "no end"
    with st.container(horizontal=True, vertical_alignment="center", key=f"token-{token.id}"):
        with st.container(gap=None):
            st.markdown(f"**{plain(token.name)}**")
            st.caption(f"Made {ago(token.created_at)} · {used} · {ends}")
        if st.button(
            "Revoke", key=f"revoke-{token.id}", type="tertiary", icon=":material/block:"
        ) and state.did(lambda: state.commands().revoke_token(person, token.id)):
            st.rerun()
