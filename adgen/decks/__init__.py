"""The replay of an ad: what its slides tell, and the one document that shows them."""

from adgen.decks.document import Door, Embedded, embed, headers, notice, write
from adgen.decks.story import Deck, Item, Slide, Step, tell

__all__ = [
    "Deck",
    "Door",
    "Embedded",
    "Item",
    "Slide",
    "Step",
    "embed",
    "headers",
    "notice",
    "tell",
    "write",
]
