"""What a worker says of itself: progress (`liveness`), readiness, and the conditions that operators look at.

Begin with `conditions.Conditions`. Liveness and readiness are pure: moments are arguments.
"""
