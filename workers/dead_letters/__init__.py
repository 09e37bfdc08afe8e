"""Records that could not be read: written, read, replayed."""
