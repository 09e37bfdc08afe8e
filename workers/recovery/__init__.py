"""`linger rebuild`: Redis state rebuilt from the activity topic, without publishing anything twice.

It runs the processor and must never know how to decide. Begin with `rebuild.Rebuild`. `published.Published` holds
what the topics already have, `partition_replay.PartitionReplay` folds one partition, and
`release_policy.RebuildPolicy` chooses what is published.
"""
