"""All that is known of one customer: what is kept, how it is folded, how it is stored."""
