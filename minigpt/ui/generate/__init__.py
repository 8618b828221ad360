"""Generate: a model writes, and shows how it chooses."""
