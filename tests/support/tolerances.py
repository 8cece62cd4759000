"""How near is near enough? One table for every test; a looser number needs a comment where it is used."""

PARITY_RELATIVE = 1e-5
"""Our network against recorded outputs of the original, relative to the largest value."""

METRIC = 1e-6
"""A metric against its recorded value."""

LUMA_METRIC = 1e-4
"""Luma metrics: the original rounds luma to float32."""

FLOAT32 = 1e-5
"""The same float32 sums in another order."""

BYTE_STEP = 1 / 255
"""One step of an 8-bit image."""
