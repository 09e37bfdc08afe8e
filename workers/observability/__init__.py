"""Metrics, log events, how logs are written, and the HTTP endpoints of a worker."""
