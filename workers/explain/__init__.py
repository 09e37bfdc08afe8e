"""What holds for one customer and why, and what a rule says, in plain English.

It only reads, and must never know how to write state. Begin with `why.explain_customer` (`linger why`)
or `sentences.explained` (`linger rules explain`).
`customer_state.read_customer` reads Redis; `rule_at_moment.RuleAtMoment` finds when time alone changes a rule.
"""
