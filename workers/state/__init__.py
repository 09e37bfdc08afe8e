"""Redis: keys, the atomic step, topology, active rule sets, rate limits.

It must never know how to decide. Begin with `store.Store`. `step.Step` reads and commits one atomic step, `keys.Keys`
builds every key, `rule_sets.activation.activate` activates rules, `rate_limits.RateLimiter` counts actions, and
`consistency.check_consistency` compares the state with its log.
"""
