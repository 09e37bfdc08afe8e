"""`linger rules test`: the examples of rules, run through the core in virtual time.

It must never know Kafka or Redis. Begin with `files.test_command`; `runner.run_examples` and `runner.run_tests` run
examples, `playback.Playback` plays one invented customer, and `proof.proof_problems` finds live rules without proof.
"""
