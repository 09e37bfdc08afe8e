"""The activity topic and due times to decisions, one atomic step at a time.

It must never know the payloads of sources. Begin with `agent.Processor`, which hands each call to a part:
`ownership.Ownership` claims partitions, `batches.BatchProcessor` folds batches, `timers.Timers` decides customers who
are due, `sweeps` bring customers under new rules and forget them, `held_actions.OrderExecutor` carries out orders.
"""
