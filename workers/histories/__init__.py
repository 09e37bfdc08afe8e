"""Events of the past: files, topics, real purchases (CDNOW), simulated customers.

It must never know what they are used for. `files.read_file`, `topics.read_topics`, `cdnow.load` and
`simulated.simulate` are the four origins; `history.History` and `by_customer.EventsByCustomer` hold what was read.
"""
