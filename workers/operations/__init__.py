"""What operators check and order while Linger runs: the doctor, permissions, own topics, held actions.

It must never know a running worker. Begin with `doctor.examine`, which returns `findings.Finding`s.
`permissions.missing_rights`, `own_topics.create_own_topics`, `held_actions.order_for_held` and `liveness_probe.probe`
stand alone.
"""
