"""Metrics, log events, and the endpoints that show them."""
