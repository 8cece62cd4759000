"""Optimisers and time: the loop and the steps it repeats."""
