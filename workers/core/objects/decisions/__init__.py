"""Where everything is decided: what an event or a due time changes for one customer.

It must never know how a decision is stored or published. `decide.decide` is the only way in, and returns a
`decide.Outcome`; `admission.Admission` admits or suppresses candidates, and `records` makes actions and decisions.
"""
