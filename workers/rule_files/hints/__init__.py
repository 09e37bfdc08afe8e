"""Hints: which word was meant, how a value is written, and what to replace by what.

Begin with `likeness.did_you_mean` and `values.as_duration`; `repairs` applies a hint to a text. No hint guesses: a
word that may mean another thing gives none, nor does a value with a part that is not understood.
"""
