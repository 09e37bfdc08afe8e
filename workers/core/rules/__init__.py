"""Rules, compiled: conditions, competition, contact policy."""
