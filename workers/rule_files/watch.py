"""Changes of rule files and `sources.yaml`: a fingerprint to compare. This module must never know what a rule is."""

from hashlib import blake2b
from pathlib import Path

from workers.rule_files.rules import find_rule_files


def fingerprint(*paths: Path) -> str:
    """Return a hash of the names and contents of some files; of a folder, of all its rule files.

    It includes files that cannot be read. It does not use modification times: a folder mounted into a container
    changes by a link, and its files can keep old times.
    """
    digest = blake2b(digest_size=12)
    files, problems = find_rule_files(paths)
    for file in files:
        digest.update(f"{file}\n".encode())
        try:
            digest.update(blake2b(file.read_bytes()).digest())
        except OSError as error:
            digest.update(f"{error.strerror}\n".encode())
    digest.update("".join(map(str, problems)).encode())
    return digest.hexdigest()
