"""The report as one file of HTML that loads nothing: tables, and charts as SVG inside it. Pure."""
