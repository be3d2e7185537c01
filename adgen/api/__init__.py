"""The HTTP face: one FastAPI with true paths, beside Streamlit on the same port."""
