"""The book: figures over customers together, by UTC day.

Begin with `fields`, which says what a book holds.
"""
