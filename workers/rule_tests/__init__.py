"""`linger rules test`: the examples of rules, run on the production core."""
