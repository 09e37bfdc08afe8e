"""Where everything is decided: decide() and the admission of its candidates."""
