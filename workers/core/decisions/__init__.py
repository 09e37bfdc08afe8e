"""Decisions: `decide()`, and the admission of its candidates."""
