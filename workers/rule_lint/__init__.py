"""`linger rules check`: what is wrong, or odd, in rules that can be read."""
