"""The kinds of conditions, one module each: how it is compiled, when it holds, and its words.

Each kind has a second file with the same name in `schemas/conditions/`: how it is written.
"""
