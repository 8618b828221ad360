"""Long trials of what must never happen: each a script with a count, and a small form in CI."""
