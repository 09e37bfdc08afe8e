"""Experiments: the results of their customers. Begin with `figures`; `reading` asks Redis for them."""
