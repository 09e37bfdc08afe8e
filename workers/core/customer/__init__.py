"""The state of one customer: what is kept, how events are folded into it, and how it is stored."""
