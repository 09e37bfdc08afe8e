"""Who runs a command: the user of the operating system, and the name that was given."""

import getpass
import socket


def os_user() -> str:
    """Return the user of the operating system as `user@host`."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container may run as a user without a name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
