"""What people type: one file for each command; `workers/__main__.py` gives them the environment.

It must never know how anything is decided, or how it is laid out in Redis. Begin with `app.run_command`; `output` has
what every command prints with, and the exit statuses.
"""
