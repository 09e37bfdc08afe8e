"""Decisions to the action topics."""
