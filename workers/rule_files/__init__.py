"""Rule files: YAML to models, or every problem at once with file, line and column.

It must never know what a rule decides. Begin with `rules.load_book`.
The package `source_files` reads `sources.yaml` with the same parts.
`yaml_nodes.parse_yaml` and `yaml_validation.validate` do the reading, `problems.Problem` describes one mistake, and
`suggestions.did_you_mean` guesses what was meant.
"""
