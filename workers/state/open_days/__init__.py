"""The days of the book that are open: what each partition has counted, in Redis. Begin with `stored`."""
