"""Commands about the stored state as a whole."""
