"""The audit: what surrounds every command that changes something, and the command that lists it."""
