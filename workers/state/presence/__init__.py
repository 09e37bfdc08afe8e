"""What every running worker says of itself in Redis, for the others and for commands. Begin with `reports`."""
