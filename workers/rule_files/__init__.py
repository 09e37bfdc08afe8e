"""Files that people write: read with positions, every problem at once."""
