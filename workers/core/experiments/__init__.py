"""Experiments: how customers are divided, and what counts. Pure; `workers/core/decisions/outcomes.py` counts."""
