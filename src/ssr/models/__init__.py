"""Tensors in, tensors out: every network, none of which opens a file."""
