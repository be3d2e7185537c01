"""The cost page as files: calls and days, the charts, a report to print."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import plotly.graph_objects as go
import streamlit as st
from plotly.offline import get_plotlyjs

from adgen.cost_report import report
from adgen.domain import SpendFilter
from adgen.exports import Format, What
from adgen.store.spend_facts import Look
from adgen.ui import components, spend, spend_ask, spend_charts
from adgen.ui.spend_charts import bar_list, share_lines, step_name

_QUERY = {
    **{"since": "since", "until": "until", "people": "person", "teams": "team", "models": "model"},
    **{"agents": "agent", "outcomes": "outcome", "demo": "demo"},
}


def section(look: Look, asked: SpendFilter, *, drawn: bool) -> None:
    """Calls and days, the charts and the report; what is filtered here is filtered there.

    `drawn` charts are on the page, where the browser makes pictures of them.
    """
    said = asked.model_dump(mode="json", exclude_defaults=True)
    query = {_QUERY[name]: value for name, value in said.items() if name in _QUERY}
    query["tz"] = asked.zone
    for what, title in ((What.DAYS, "Daily totals"), (What.CALLS, "Calls")):
        forms = [
            {"label": form.value.upper(), "url": _address(what, form, query), "file": True}
            for form in Format
        ]
        components.links(f"export-{what}", forms, look="quiet", lead=title)
    _kept("Report to print", "report", lambda: _report(look, asked), "adgen-costs.html")
    _kept("Charts (HTML)", "charts", lambda: charts(look, asked), "adgen-charts.html")
    if drawn:
        _pictures(look, asked)
    else:
        st.caption("In the overview, each chart can be saved as a picture, too.")


def _pictures(look: Look, asked: SpendFilter) -> None:
    ink, by = spend.ink(), "By month" if look.spent.monthly else "By day"
    charts = [("daily", by), *((name, label) for name, label in _CHARTS if name != "estimates")]
    if look.runs:
        charts.append(_CHARTS[-1])
    components.chart_pictures(
        charts, lead="Pictures (PNG)", said=_said(asked), text=ink.text, ground=ink.page
    )


# The overview's charts by the names of their keys.
_CHARTS = (
    *(("step", "By step"), ("model", "By model"), ("person", "By person"), ("team", "By team")),
    *(("histogram", "How much ads cost"), ("funnel", "From prompt to film")),
    *(("costly", "Most expensive"), ("estimates", "Estimate and actual")),
)


def _said(asked: SpendFilter) -> str:
    return f"{spend_ask.range_words(asked)}, days of {asked.zone}"


def _address(what: What, form: Format, query: dict[str, Any]) -> str:
    return f"/api/costs/export?{urlencode({'what': what, 'format': form, **query}, doseq=True)}"


def _kept(label: str, key: str, made: Callable[[], str], name: str) -> None:
    """A file that is made when it is asked for."""
    st.download_button(
        label,
        lambda: made().encode(),
        file_name=name,
        mime="text/html",
        key=f"download-{key}",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
    )


def _report(look: Look, asked: SpendFilter) -> str:
    words = [spend_ask.range_words(asked), *spend_ask.narrowed()]
    return report(look, asked, ", ".join(words), datetime.now(UTC))


def charts(look: Look, asked: SpendFilter) -> str:
    """All charts on one page that needs no network."""
    # Read on paper and in mails, so always light.
    ink = spend.ink("light")
    unfinished = spend_ask.today()
    whole = not spend_ask.narrowed()
    cap = look.cap if whole else None
    figures: list[tuple[str, go.Figure]] = [
        (
            "By month" if look.spent.monthly else "By day",
            spend_charts.daily(look, ink, cap=cap, unfinished=unfinished),
        ),
        ("By step", bar_list(share_lines(look.spent.agents, ink, step_name, {}), ink)),
        (
            "By model",
            bar_list(share_lines(look.spent.models, ink, spend_ask.model_name, {}, 20), ink),
        ),
        ("By person", bar_list(share_lines(look.spent.people, ink, str, {}, 20), ink)),
        ("By team", bar_list(share_lines(look.spent.teams, ink, str, {}, 20), ink)),
        (
            "How much ads cost",
            spend_charts.histogram(look.ads, ink, cap=look.ad_cap),
        ),
        ("From prompt to film", bar_list(spend_charts.funnel_lines(look.ads, ink), ink)),
        ("Estimate and actual", spend_charts.estimates(look.runs, ink)),
    ]
    parts = [
        f"<h2>{title}</h2>{figure.to_html(full_html=False, include_plotlyjs=False)}"
        for title, figure in figures
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>adgen: costs</title>'
        "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:32px auto;"
        f"padding:0 24px;background:{ink.page};color:{ink.text}}}h2{{font-size:16px;"
        f"margin:32px 0 4px}}</style><script>{get_plotlyjs()}</script>"
        f"<h1>Costs</h1><p>{_said(asked)}</p>{''.join(parts)}</html>"
    )
