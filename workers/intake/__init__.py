"""Source topics to the activity topic.

It must never know rules or customers' state. Begin with `agent.Intake`; `merge.merge` puts the records of several
partitions in order, and `source_identity.recreated` finds topics that were replaced.
"""
