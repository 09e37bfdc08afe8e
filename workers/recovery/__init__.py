"""linger rebuild: Redis state rebuilt from the activity topic."""
