"""What is known of one customer, as Python objects, and its stored form (layout 3)."""
