"""Does it help? Treated customers beside held-out ones, looked at as often as anyone likes. Begin at `judging`.

Plain numbers in, plain numbers out: it knows no rule, no customer and no store. The method and what was measured of
it are on docs/does-it-help.md.
"""
