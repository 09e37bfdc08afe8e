"""`linger rules preview`: whom rules would have reached over a past period."""
