"""linger rebuild: state made from the activity topic."""
