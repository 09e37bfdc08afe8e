"""A record as it arrives: mapped from a source, decoded from the activity topic, filtered."""
