"""Rule files and `sources.yaml`: YAML that people write, read with positions and every problem at once."""
