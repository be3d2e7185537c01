"""Figures of the product, each with its limit: `make bench`."""
