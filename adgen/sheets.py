"""Words for a spreadsheet, which takes some of them for more than words."""

from __future__ import annotations

import re

# What may stand before a formula and not be seen.
_UNSEEN = "[ \u00a0\u200b\u2060\ufeff]*"
# A formula at the beginning, or behind what another country's spreadsheet takes for the next cell.
_FORMULA = re.compile(rf"(^|[;|\t\r\n])({_UNSEEN}[=+\-@＝＋－＠])")
_BREAK = re.compile(rf"{_UNSEEN}[\t\r\n]")


def harmless(cell: str) -> str:
    """The words as words, whatever a spreadsheet would make of their first sign."""
    words = _FORMULA.sub(r"\1'\2", cell)
    return f"'{words}" if _BREAK.match(words) else words
