"""Config to objects: the only match on config types."""
