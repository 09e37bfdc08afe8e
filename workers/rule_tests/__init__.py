"""`linger rules test`: made-up customers played through the production core."""
