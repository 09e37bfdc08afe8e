"""Charts as SVG, from plain names and numbers. Pure; begin with `picture`, `drawing` and `bars`.

A chart is drawn for narrow, medium and wide screens, because letters must keep their size.
"""
