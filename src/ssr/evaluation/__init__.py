"""A model over a set of pairs."""
