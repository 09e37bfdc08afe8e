"""What people type: one file for each command, and the only reader of the environment.

It must never know how anything is decided, or how it is laid out in Redis. Begin with `app.main`; `output` has what
every command prints with, and the exit statuses.
"""
