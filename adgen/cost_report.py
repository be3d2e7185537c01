"""Costs on one page to print or send: figures, a chart, tables; one file without a network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from html import escape
from zoneinfo import ZoneInfo

from adgen.agents import STEPS
from adgen.domain import SpendFilter
from adgen.providers.catalogue import label_of
from adgen.store.spend_facts import Look, Share

# The light theme's colours, in the order of the steps.
_COLOURS = ("#6E56CF", "#D9480F", "#AD5700", "#0B68CB", "#18794E", "#5C6570")
_WIDE, _HIGH = 720, 180
_LINES, _ADS = 8, 5
_STYLE = """
@page { size: A4; margin: 14mm }
body { font: 13px/1.45 Inter, system-ui, sans-serif; color: #15181D; background: #FFF;
  max-width: 760px; margin: 24px auto; padding: 0 20px; font-variant-numeric: tabular-nums }
h1 { font-size: 24px; margin: 0 } h2 { font-size: 14px; margin: 20px 0 6px }
p { margin: 2px 0; color: #5C6570 }
.figures { display: grid; grid-template-columns: repeat(4, 1fr); gap: 10px; margin: 16px 0 }
.figures div { border: 1px solid #DEDED9; border-radius: 8px; padding: 8px 10px }
.figures b { display: block; font-size: 18px }
.figures span, small { color: #5C6570; font-size: 12px }
table { border-collapse: collapse; width: 100% }
td, th { padding: 3px 0; border-bottom: 1px solid #EEE; text-align: right; font-weight: 400 }
td:first-child, th:first-child { text-align: left }
th { color: #5C6570; font-size: 12px }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 28px }
.key { font-size: 12px; color: #5C6570 } .key i { display: inline-block; width: 9px; height: 9px;
  border-radius: 2px; margin: 0 4px 0 12px } svg { width: 100%; height: auto }
@media print { body { margin: 0; padding: 0; max-width: none } h2, table { break-inside: avoid } }
@media (max-width: 600px) { .figures { grid-template-columns: repeat(2, 1fr) }
  .pair { grid-template-columns: 1fr } }
"""


def report(look: Look, asked: SpendFilter, words: str, made: datetime) -> str:
    """The page; `words` say in a line what was asked for."""
    local = made.astimezone(ZoneInfo(asked.zone))
    tables = (
        ("By step", look.spent.agents, lambda key: STEPS.get(key, key)),
        ("By model", look.spent.models, label_of),
        ("By person", look.spent.people, str),
        ("By team", look.spent.teams, str),
    )
    return "".join(
        [
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>Costs, {escape(words)}</title><style>{_STYLE}</style>",
            f"<h1>Costs</h1><p>{escape(words)} · days of {escape(asked.zone)}</p>",
            _figures(look),
            f"<h2>{'By month' if look.spent.monthly else 'By day'}</h2>{_bars(look)}",
            '<div class="pair">',
            *(f"<div>{_table(*table)}</div>" for table in tables),
            f"</div>{_ads(look)}",
            f"<p><small>Made {local:%d %B %Y, %H:%M} {escape(asked.zone)}. Calls whose price is ",
            "unknown are counted and in no sum.</small></p></html>",
        ]
    )


def _money(amount: Decimal | None) -> str:
    return "–" if amount is None else f"${amount:,.2f}"


def _figures(look: Look) -> str:
    total, ads = look.spent.total, look.ads
    shown = [
        ("Spent", _money(total.cost), f"{total.calls:,} calls"),
        (
            "Of the cap",
            _share(look.pace.total, look.cap),
            f"{_money(look.pace.total)} of {_money(look.cap)}",
        ),
        ("An ad", _money(_over(ads.cost, ads.prompts)), f"95 % below {_p95(look)}"),
        ("A finished film", _money(_over(ads.cost, ads.films)), f"{ads.films:,} films"),
        ("Failed", _money(total.failed_cost), f"{total.failed:,} calls"),
        ("Rejected", _money(ads.rejected_cost), _share(ads.rejected_cost, ads.cost)),
        ("An approved second", _money(_over(ads.cost, ads.approved_seconds)), ""),
        ("Price unknown", f"{total.unpriced:,}", "calls, in no sum"),
    ]
    cards = "".join(
        f"<div>{label}<b>{value}</b><span>{below}</span></div>" for label, value, below in shown
    )
    return f'<div class="figures">{cards}</div>'


def _over(cost: Decimal, count: Decimal | int) -> Decimal | None:
    return cost / count if count else None


def _p95(look: Look) -> str:
    return _money(look.ads.percentile(Decimal("0.95")))


def _share(part: Decimal, whole: Decimal) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _bars(look: Look) -> str:
    """Stacked bars, each step in its colour, with the largest sum beside the axis."""
    of: defaultdict[date, dict[str, Decimal]] = defaultdict(dict)
    for bucket in look.spent.buckets:
        of[bucket.day][bucket.agent] = bucket.cost
    most = max((sum(parts.values()) for parts in of.values()), default=Decimal(0))
    if not most:
        return "<p>Nothing of it had a price.</p>"
    days = sorted(of)
    step = Decimal(_WIDE - 50) / len(days)
    stacks = (_stack(50 + n * step, step, of[day], most) for n, day in enumerate(days))
    shapes = [shape for stack in stacks for shape in stack]
    axis = [
        f'<text x="44" y="12" text-anchor="end">{_money(most)}</text>',
        f'<text x="44" y="{_HIGH}" text-anchor="end">$0</text>',
        f'<line x1="50" x2="{_WIDE}" y1="{_HIGH}" y2="{_HIGH}" stroke="#DEDED9"/>',
        f'<text x="50" y="{_HIGH + 16}">{_day(days[0])}</text>',
        f'<text x="{_WIDE}" y="{_HIGH + 16}" text-anchor="end">{_day(days[-1])}</text>',
    ]
    key = "".join(
        f'<i style="background:{colour}"></i>{label}'
        for label, colour in zip(STEPS.values(), _COLOURS, strict=False)
    )
    return (
        f'<svg viewBox="0 0 {_WIDE} {_HIGH + 22}" font-size="11" fill="#5C6570" role="img" '
        f'aria-label="Costs over time">{"".join([*axis, *shapes])}</svg>'
        f'<div class="key">{key}</div>'
    )


def _stack(left: Decimal, step: Decimal, parts: dict[str, Decimal], most: Decimal) -> Iterator[str]:
    foot = Decimal(_HIGH)
    for agent, colour in zip([*STEPS, ""], _COLOURS, strict=True):
        own = (
            parts.get(agent)
            if agent
            else sum((c for a, c in parts.items() if a not in STEPS), Decimal(0))
        )
        if own:
            height = own / most * (_HIGH - 8)
            foot -= height
            yield (
                f'<rect x="{left + step / 8:.1f}" y="{foot:.1f}" width="{step * 3 / 4:.1f}" '
                f'height="{height:.1f}" fill="{colour}"/>'
            )


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _table(title: str, shares: Sequence[Share], name: Callable[[str], str]) -> str:
    lines = [(name(share.key), f"{share.calls:,}", _known(share)) for share in shares[:_LINES]]
    left = f" <small>{_LINES} of {len(shares)}</small>" if len(shares) > _LINES else ""
    head = "<tr><th></th><th>Calls</th><th>US dollars</th></tr>"
    return f"<h2>{title}{left}</h2><table>{head}{_rows(lines)}</table>"


def _rows(lines: Sequence[Sequence[str]]) -> str:
    cells = ("".join(f"<td>{escape(word)}</td>" for word in line) for line in lines)
    return "".join(f"<tr>{line}</tr>" for line in cells)


def _known(share: Share) -> str:
    if share.unpriced and share.unpriced >= share.settled:
        return "unknown"
    return _money(share.cost) + (f" + {share.unpriced:,} unknown" if share.unpriced else "")


def _ads(look: Look) -> str:
    if not look.costly:
        return ""
    few = look.costly[:_ADS]
    lines = [(ad.title or "Untitled ad", ad.owner, _money(ad.cost)) for ad in few]
    left = f"<small>{len(few)} of {look.ads.prompts:,}</small>"
    return f"<h2>Most expensive ads {left}</h2><table>{_rows(lines)}</table>"
