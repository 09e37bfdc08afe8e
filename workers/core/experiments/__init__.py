"""Experiments: how their customers are divided (`arms`), and what makes one another one (`experiment`). Pure."""
