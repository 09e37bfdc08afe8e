"""The core on Python objects: how customers were kept and decided before `customer` and `decisions` kept numbers."""
