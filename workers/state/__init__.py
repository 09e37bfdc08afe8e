"""Redis: keys, the atomic step, topology, active rule sets, rate limits."""
