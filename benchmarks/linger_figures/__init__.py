"""Figures of Linger itself: what it does in a second, what that costs, and what that depends on."""
