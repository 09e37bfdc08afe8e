"""A first `sources.yaml`, guessed from samples: each guess says what was seen, and where it is not sure."""
