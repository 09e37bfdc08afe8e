"""`linger rules preview`: the customers that rules would have reached over a past period."""
