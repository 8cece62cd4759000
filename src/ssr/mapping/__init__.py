"""Many cells, many machines: a map is planned, computed, kept and published cell by cell."""
