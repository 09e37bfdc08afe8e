"""A source record and its source -> canonical events: envelopes, places, times, money, conditions, cases. Pure."""
