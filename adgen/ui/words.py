"""How things are said on a page: money, times, and other people's words made safe to show."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

UNKNOWN = "price unknown"
# What would be read as markup anywhere in a line: formulas, emphasis, links, tags, directives.
_MARKUP = re.compile(r"([\\`*_\[\]<>$~|&]|:(?=\S))")
# Where a heading or a list would begin.
_BEGINNING = re.compile(r"^(\d+(?=[.)]\s)|(?=[#+=-]))")


def plain(text: str) -> str:
    """Words that are not ours (a supplier's, a person's) for a page: one line, no markup."""
    return _BEGINNING.sub(r"\1\\", _MARKUP.sub(r"\\\1", " ".join(text.split())))


def money(amount: Decimal | None) -> str:
    """US dollars to the cent; tiny sums keep two digits that count; unknown is said."""
    if amount is None:
        return UNKNOWN
    if 0 < amount < Decimal("0.01"):
        return f"${amount:.{1 - amount.adjusted()}f}".rstrip("0")
    return f"${amount:,.2f}"


def price(amount: Decimal | None) -> str:
    """What one unit costs, with every digit it has."""
    if amount is None:
        return UNKNOWN
    digits = f"{amount.normalize():f}"
    return f"${amount:,.2f}" if len(digits.partition(".")[2]) < 2 else f"${digits}"


def about(amount: Decimal | None) -> str:
    """An estimate."""
    if amount is None:
        return UNKNOWN
    return "free" if amount == 0 else f"~{money(amount)}"


def priced(label: str, amount: Decimal | None) -> str:
    """A button's words with what the click costs."""
    return plain(f"{label} · {about(amount)}")


def exact(moment: datetime) -> str:
    """The moment itself, to the second."""
    here = moment.astimezone(UTC)
    return f"{here.day} {here:%B %Y, %H:%M:%S} UTC"


def ago(moment: datetime) -> str:
    """How long ago, in words."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {word} ago"
    return "just now"
