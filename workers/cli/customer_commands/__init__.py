"""Commands about customers' rights: orders about customers, and who is marked."""
