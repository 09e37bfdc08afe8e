"""`linger rules preview`: the customers that rules would have reached over a past period.

It must never know Redis. Begin with `command.preview_command`; `preview.preview` runs past customers through the
core, and `document.document_of` and `report.render` show the counts.
"""
