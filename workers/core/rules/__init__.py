"""Compiled rules: their conditions, competition and contact policy."""
