"""Train: a run as it trains, and a new one."""
