"""Adgen: video ads from a product, a review and a cut."""

__version__ = "0.1.0"
