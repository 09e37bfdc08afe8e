"""Events as they arrive: mapped from a source record, decoded from the activity topic, filtered."""
