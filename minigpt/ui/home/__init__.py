"""Home: a model to talk to at once, what training did to it, and where to go."""
