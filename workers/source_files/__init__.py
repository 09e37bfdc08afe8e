"""`sources.yaml`, the packs that it names and the `*_test.yaml` files beside it: YAML to models, or every problem at once.

It must never know how a worker reads a topic. Begin with `reading.load_sources`; `packs.merged` lays what an operator
wrote over a pack, and `samples.run_samples` gives each record of a test file to its mapping.
"""
