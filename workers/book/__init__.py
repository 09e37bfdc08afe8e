"""The book: what happened on each day, counted over all customers together."""
