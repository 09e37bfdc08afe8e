"""`linger demo`: months of customers' behaviour, replayed in minutes and checked record by record.

Workers that serve an operator's own topics import nothing of it. Begin with `run.run_demo`. `embedded.running_pair`
starts the broker and the store, `player.Player` plays a history, `mailer.Mailer` receives actions, and
`verify.expected_actions` computes which ones there must be.
"""
