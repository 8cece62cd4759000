"""How good, as numbers: measures without a gradient."""
