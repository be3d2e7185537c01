"""The pages over a real database, without a browser."""
