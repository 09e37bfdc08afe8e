"""The commands of `linger sources` that show a mapping before it runs."""
