"""The cost page's comparison of ledger, estimates and a supplier's bill."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import streamlit as st

from adgen.domain import Person, SpendFilter
from adgen.errors import AdgenError
from adgen.reconcile import Bill, DayCheck, ModelCheck, Reconciled, compare, read_bill
from adgen.ui import state
from adgen.ui.words import money, plain

_SKIPPED_SHOWN = 3


def section(person: Person, asked: SpendFilter) -> None:
    """Estimated, logged, reported and billed, by model; and the days on which bills differ."""
    st.caption(
        "Estimated: what was said before each call that brought something. Logged: what the ledger "
        "has. Reported: what the supplier's own figures come to at the prices of then."
    )
    bill = _bill()
    if bill:
        days = [line.day for line in bill.lines]
        # A bill is compared with its own days, whatever range the page shows.
        asked = SpendFilter(since=min(days), until=max(days), zone=asked.zone, teams=asked.teams)
    found = compare(state.commands().model_days(person, asked, daily=bill is not None), bill)
    _figures(found, bill)
    rows = [_model(check) for check in found.models]
    st.dataframe(
        rows if bill else [{k: v for k, v in row.items() if k not in _OF_BILL} for row in rows],
        hide_index=True,
        height="content",
        key="reconciled",
        placeholder="–",
        column_config={
            name: st.column_config.TextColumn(alignment="right", width=width)
            for name, width in (*dict.fromkeys(_SUMS, 120).items(), *_NOTES.items())
        },
    )
    if bill:
        _days(bill, found.days, found.agreeing)


_SUMS = ("Estimated", "Logged", "Reported", "Billed", "Off estimate", "Off report", "Off bill")
_OF_BILL = ("Billed", "Off bill")
_NOTES = {"Not reported": 130}


def _figures(found: Reconciled, bill: Bill | None) -> None:
    def total(name: str) -> Decimal:
        return sum((getattr(one, name) or Decimal(0) for one in found.models), Decimal(0))

    reported = any(one.reported is not None for one in found.models)
    same = f"{money(total('told_logged'))} logged for them"
    with st.container(key="figures-reconciled"):
        columns = st.columns(4)
    columns[0].metric(
        "Logged",
        plain(money(total("logged"))),
        plain(f"{money(total('estimated'))} estimated"),
        delta_color="off",
        delta_arrow="off",
    )
    columns[1].metric(
        "Reported",
        plain(money(total("reported"))) if reported else "–",
        plain(same) if reported else None,
        delta_color="off",
        delta_arrow="off",
        help="Only of calls whose supplier told what it did, with the ledger's sum for the same.",
    )
    columns[2].metric("Billed", plain(money(total("billed"))) if bill else "–")
    columns[3].metric(
        "Calls without a price",
        f"{found.unpriced:,}",
        f"{found.unreported:,} not reported",
        delta_color="off",
        delta_arrow="off",
        help="Not reported: the supplier gave no figures of its own, or they were not kept yet.",
    )


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
        "Not reported": "made here" if check.unreported is None else f"{check.unreported:,}",
        "Estimated": _sum(check.estimated),
        "Logged": money(check.logged),
        "Reported": _sum(check.reported),
        "Billed": _sum(check.billed),
        "Off estimate": _off(check.off_estimate),
        "Off report": _off(check.off_report),
        "Off bill": _off(check.off_bill),
    }


def _off(share: Decimal | None) -> str | None:
    if share is None:
        return None
    return "0.0 %" if abs(share) < Decimal("0.0005") else f"{100 * share:+.1f} %".replace("-", "−")


def _sum(amount: Decimal | None) -> str | None:
    return None if amount is None else money(amount)


def _days(bill: Bill, days: tuple[DayCheck, ...], agreeing: int) -> None:
    st.markdown("**Days that differ**")
    many = len(bill.lines)
    lines = f"{many:,} {'line was' if many == 1 else 'lines were'} read. "
    lines += f"{agreeing:,} {'day agrees' if agreeing == 1 else 'days agree'} to the cent"
    rest = f", {len(days):,} {'does' if len(days) == 1 else 'do'} not." if days else "."
    st.caption(lines + rest)
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
