"""What a worker watches beside its work: its own topics, and the other workers.

Each watch says what is wrong in `problem`, None if nothing is, and logs when that begins and when it ends. Begin with
`own_topics.OwnTopics` and `other_workers.OtherWorkers`.
"""
