"""Records that cannot be read: written, listed, replayed and discarded.

It must never know rules or customers' state. `record.dead_letter` makes a dead letter, and `record.read_dead_letter`
reads one. `limit.DeadLetterLimit` says when a source makes too many. `session.Session` lists, replays and discards;
`disposition.DispositionLog` remembers what was done.
"""
