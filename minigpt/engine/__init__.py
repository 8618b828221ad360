"""A run's life, from settings that are checked to the worker that trains it."""
