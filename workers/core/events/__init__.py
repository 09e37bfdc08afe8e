"""Events: mapped from source records, decoded from the activity topic, and filtered."""
