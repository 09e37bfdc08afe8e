"""Commands about customers' rights: orders about customers, who is marked, and what is held of a person."""
