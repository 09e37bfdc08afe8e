"""Source topics to the activity topic."""
