"""Experiments: the results of their customers, and what can be said of them.

Begin with `figures`; `reading` asks Redis for them, `verdicts` judges them, `judging` keeps what must stay.
"""
