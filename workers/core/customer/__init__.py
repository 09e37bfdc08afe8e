"""One customer's state: what is kept, how events are folded into it, how it is stored.

It must never know rules, only what they need kept (`specs.Specs`). `activity.Activity` is the state, `series.Series`
the facts of one event type, and `codec.encode` and `codec.decode` its bytes.
"""
