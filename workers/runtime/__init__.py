"""One running worker."""
