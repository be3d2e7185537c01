"""The budgets in the settings: how they stand, and for admins the way to raise them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import streamlit as st

from adgen.commands import BUDGET_MAX
from adgen.domain import Budget, Person, Role, Scope
from adgen.ui import alerts, state
from adgen.ui.words import money

ONE_AD = "One ad"


def section(person: Person) -> None:
    """A table of those that concern the person; alerts; a form for admins."""
    st.subheader("Budgets")
    st.caption("What would go beyond one of them is refused before it begins.")
    found = state.commands().list_budgets(person)
    listed, change = st.columns([3, 2], gap="large")
    with listed:
        st.dataframe(
            [_row(budget) for budget in found],
            hide_index=True,
            height="content",
            key="budgets",
            column_config={
                name: st.column_config.TextColumn(alignment="right")
                for name in ("Budget", "Spent", "Held", "Left")
            },
        )
        alerts.listing(person)
    if person.role is Role.ADMIN:
        with change:
            _change(person, found)


def _name(budget: Budget) -> str:
    return {
        Scope.ALL: "All ads together",
        Scope.AD: "Each ad",
        Scope.TEAM: f"Team {budget.name}",
    }[budget.scope]


def _row(budget: Budget) -> dict[str, Any]:
    line = budget.amount is not None
    counted = budget.scope is not Scope.AD
    return {
        "For": _name(budget),
        "Budget": money(budget.amount) if line else "none of its own",
        "Spent": money(budget.spent) if counted else "",
        "Held": money(budget.held) if counted and budget.held else "",
        "Left": money(budget.left) if counted and line else "",
        "Set": "in Settings" if budget.own else "as usual",
    }


def _change(person: Person, found: list[Budget]) -> None:
    """Another amount for one of them, or for one ad by its address."""
    by_name = {_name(budget): budget for budget in found}
    with st.container(border=True, key="change-budget"):
        name = st.selectbox("Budget", [*by_name, ONE_AD], key="budget-of")
        budget = by_name.get(str(name))
        address = ""
        if budget is None:
            address = st.text_input(
                "Ad", key="budget-ad", placeholder="Its address, or what follows ad= in it"
            )
        present = budget.amount if budget and budget.amount is not None else Decimal(0)
        amount = st.number_input(
            "US dollars",
            0.0,
            float(BUDGET_MAX),
            float(present),
            step=5.0,
            format="%.2f",
            key=f"amount-{name}-{present}",
        )
        with st.container(horizontal=True):
            scope = budget.scope if budget else Scope.AD
            subject = budget.subject if budget else address.rpartition("ad=")[2].strip()
            ready = bool(budget) or bool(subject)
            exact = Decimal(str(amount)).quantize(Decimal("0.01"))
            if st.button("Save", key="save-budget", type="primary", disabled=not ready):
                _save(person, scope, subject, exact)
            usual = ready and (budget is None or budget.own)
            if usual and st.button("Back to the usual", key="usual-budget", type="tertiary"):
                _save(person, scope, subject, None)


def _save(person: Person, scope: Scope, subject: str, amount: Decimal | None) -> None:
    if state.did(lambda: state.commands().set_budget(person, scope, subject, amount)):
        st.toast("Saved. It counts from the next start.", icon=":material/check:")
        st.rerun()
