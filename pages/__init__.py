"""One script a page, short; each reads like the screen."""
