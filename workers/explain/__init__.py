"""`linger why`: what holds for one customer, why, and what would change it."""
