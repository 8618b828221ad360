"""Inside: a model taken apart, and every number of it checked."""
