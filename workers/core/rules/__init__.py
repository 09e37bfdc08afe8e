"""Written rules to a compiled rule set, indexed by event type.

It must never fold an event or change a customer's state. Begin with `rule_compiler.compile_rules`, which returns a
`rule_set.RuleSet`. `whole_conditions.compile_whole` binds a `when` to a customer, `wording.phrase` words it, `kinds`
knows each kind of condition, `competition.competing` finds the rules that compete, and `contact_policy.ContactPolicy`
holds limits, quiet hours and consent.
"""
