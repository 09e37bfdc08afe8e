"""The report as one file of HTML that loads nothing: tables, and charts as SVG inside it. Pure.

Begin with `page`. `blocks` and `svg` know no report, only texts and numbers: other pages are made of them, too.
"""
