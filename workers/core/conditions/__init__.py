"""What every kind of condition needs: truth, how much of a history is known, and combinations.

The kinds themselves are in `core/rules/kinds`.
"""
