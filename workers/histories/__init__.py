"""Events of the past: files, topics, real purchases, simulated customers."""
