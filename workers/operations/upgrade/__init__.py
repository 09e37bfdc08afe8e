"""Upgrades from one release to the next: what stands in the way, and how one is finished.

It writes no customer. `facts` asks Kafka and Redis; `checks` and `finish` decide on what was found.
"""
