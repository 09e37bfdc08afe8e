"""The report: figures over all customers together, each with its definition, from the book and from a scan."""
