"""Experiments: how customers are divided, and what counts. Pure; `decisions.outcomes` counts."""
