"""`linger rules check`: mistakes in rule files, and rules that work but are probably not meant that way.

It must never know Kafka or Redis. Begin with `check.check_texts`; `lint.lint` runs every lint, `logic.conflict` and
`logic.follows` compare conditions, and `codes.explanation_of` explains a code.
"""
