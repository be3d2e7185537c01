"""The cost page's comparison of ledger, estimates and a supplier's bill."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import streamlit as st

from adgen.domain import Person, SpendFilter
from adgen.errors import AdgenError
from adgen.reconcile import Bill, DayCheck, ModelCheck, compare, read_bill
from adgen.ui import state
from adgen.ui.words import money, plain

_SKIPPED_SHOWN = 3


def section(person: Person, asked: SpendFilter) -> None:
    """Estimated, logged, reported and billed, by model; and the days on which bills differ."""
    st.caption(
        "Estimated: the usual units of each call that was made. Reported: the units that the "
        "supplier told. Both at today's prices. Logged: what the ledger has."
    )
    bill = _bill()
    if bill:
        days = [line.day for line in bill.lines]
        # A bill is compared with its own days, whatever range the page shows.
        asked = SpendFilter(since=min(days), until=max(days), zone=asked.zone, teams=asked.teams)
    found = compare(state.commands().model_days(person, asked), bill)
    with st.container(key="figures-reconciled"):
        left, middle, right = st.columns(3)
    left.metric("Logged", plain(money(sum((m.logged for m in found.models), Decimal(0)))))
    billed = sum((m.billed or Decimal(0) for m in found.models), Decimal(0))
    middle.metric("Billed", plain(money(billed)) if bill else "–")
    right.metric("Calls without a price", f"{found.unpriced:,}")
    st.dataframe(
        [_model(check) for check in found.models],
        hide_index=True,
        height="content",
        key="reconciled",
        placeholder="–",
        column_config={
            name: st.column_config.TextColumn(alignment="right")
            for name in ("Estimated", "Logged", "Reported", "Billed", "Drift")
        },
    )
    if bill:
        _days(bill, found.days, found.agreeing)


def _bill() -> Bill | None:
    given = st.file_uploader(
        "A supplier's bill (CSV with date, model, amount)", type=["csv", "tsv", "txt"], key="bill"
    )
    if given is None:
        return None
    try:
        bill = read_bill(given.getvalue())
    except AdgenError as error:
        st.error(plain(error.user_message), icon=":material/error:")
        return None
    if bill.skipped:
        more = len(bill.skipped) - _SKIPPED_SHOWN
        said = " ".join(bill.skipped[:_SKIPPED_SHOWN])
        st.warning(plain(said + (f" And {more} more." if more > 0 else "")))
    return bill


def _model(check: ModelCheck) -> dict[str, Any]:
    return {
        "Model": check.label,
        "Calls": check.calls,
        "Unpriced": check.unpriced,
        "Estimated": _sum(check.estimated),
        "Logged": money(check.logged),
        "Reported": _sum(check.reported),
        "Billed": _sum(check.billed),
        "Drift": None if check.drift is None else f"{100 * check.drift:+.1f} %".replace("-", "−"),
    }


def _sum(amount: Decimal | None) -> str | None:
    return None if amount is None else money(amount)


def _days(bill: Bill, days: tuple[DayCheck, ...], agreeing: int) -> None:
    st.markdown("**Days that differ**")
    lines = f"{len(bill.lines):,} lines were read. {agreeing:,} days agree to the cent"
    st.caption(lines + (f", {len(days):,} do not." if days else "."))
    if days:
        st.dataframe(
            [
                {
                    "Day": one.day,
                    "Model": one.label,
                    "Logged": _sum(one.logged),
                    "Billed": _sum(one.billed),
                    "Difference": money_apart(one),
                    "Calls": one.calls,
                    "Billed units": None if one.quantity is None else float(one.quantity),
                }
                for one in days
            ],
            hide_index=True,
            key="differing",
            placeholder="–",
        )


def money_apart(one: DayCheck) -> str:
    """What the bill asks more, or with a minus less, than was logged."""
    apart = (one.billed or Decimal(0)) - (one.logged or Decimal(0))
    return f"{'+' if apart > 0 else '−'}{money(abs(apart))}"
