"""`sources.yaml`, the packs that it names, the `*_test.yaml` beside it: YAML to models, or every problem at once.

It must never know how a worker reads a topic. Begin with `reading.load_sources`; `packs.with_packs` lays what an
operator wrote over a pack, and `source_tests.run_of_sources` gives each record of a test file to its mapping.
"""
