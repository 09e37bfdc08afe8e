"""The activity topic and due times to decisions, one atomic step at a time."""
