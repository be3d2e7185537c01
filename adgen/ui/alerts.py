"""Budgets that are mostly spent: a quiet line on the pages of those whom it concerns."""

from __future__ import annotations

import streamlit as st

from adgen.domain import AlertInfo, Person
from adgen.ui import state
from adgen.ui.words import ago, plain

# How long an alert is not to be seen, in days.
SNOOZES = {"Until tomorrow": 1, "For a week": 7, "For good": None}
_URGENT = 95
_LISTED = 12


def banner(person: Person, session_id: str = "") -> None:
    """What stands above a page: the fullest budgets, each with a way to hear no more of it."""
    for alert in state.commands().list_alerts(person, session_id.replace("\0", "")):
        tone = "urgent" if alert.percent >= _URGENT else "calm"
        with st.container(
            key=f"notice-alert-{tone}-{alert.id}", horizontal=True, vertical_alignment="center",
            gap="small", wrap=False,
        ):  # fmt: skip
            st.caption(f":material/savings: {plain(alert.words)}", width="stretch")
            _snooze(person, alert)


def _snooze(person: Person, alert: AlertInfo) -> None:
    chosen = st.menu_button(
        "Snooze", list(SNOOZES), key=f"snooze-{alert.id}", type="tertiary", width="content"
    )
    if chosen and state.did(
        lambda: state.commands().snooze_alert(person, alert.id, SNOOZES[str(chosen)])
    ):
        st.rerun()


def listing(person: Person) -> None:
    """All that concerns this person, snoozed or not; nothing when there is nothing."""
    found = state.commands().list_alerts(person, snoozed=True)
    for alert in found[:_LISTED]:
        snoozed = " · snoozed" if alert.snoozed else ""
        st.caption(f":material/savings: {plain(alert.words)} · {ago(alert.created_at)}{snoozed}")
    if len(found) > _LISTED:
        st.caption(f"The fullest {_LISTED} of {len(found)}.")


def panel(person: Person) -> None:
    """The same under a heading, on the page of costs."""
    if state.commands().list_alerts(person, snoozed=True):
        with st.container(key="alerts", gap="small"):
            st.subheader("Alerts")
            listing(person)
