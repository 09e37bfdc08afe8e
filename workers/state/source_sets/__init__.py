"""Generations of `sources.yaml` in Redis, and the topics that its patterns match: all workers agree through them.

It must never know how a record is mapped, nor read a file. Begin with `activation.activate_sources`; `topics` keeps
the topics of patterns, `restoring` what Redis has lost.
"""
