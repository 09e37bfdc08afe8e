"""Values in rule files: what rules compare attributes with, and which of these comparisons can never hold.

Begin with `impossible.value_problems`. `comparisons` finds what is compared, `kinds` knows which kind of value an
attribute has, and `unseen` names what a history does not have.
"""
