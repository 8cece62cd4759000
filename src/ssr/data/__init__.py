"""Training pairs: one file per kind of data."""
