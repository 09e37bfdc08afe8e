"""Figures: the book and the present state become the sections of a report. Pure; begin with `basis`."""
