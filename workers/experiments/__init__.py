"""Experiments: the results of their customers. Begin with `figures`."""
