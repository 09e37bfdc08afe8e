"""Writes measured tiers into the text of a rule file; nothing else in it changes."""

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from schemas.rules import RuleFile
from schemas.value import Tiers
from workers.errors import StartupError
from workers.rule_files.yaml_nodes import MapNode, parse_yaml, value_of
from workers.rule_files.yaml_validation import read_yaml

_STEP: Final = 2
_MADE_BY: Final = "# measured by `linger rules tune`"


def with_tiers(name: str, text: str, tiers: Tiers) -> str:
    """Return the text of a rule file with these tiers in place of those under `value`.

    Args:
        name: of the file, for problems.
        text: a rule file with `value`, without problems.
        tiers: as they were measured.

    Raises:
        StartupError: `value` is not written with a line for each key, so there is no place for them.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(end)
    value = value_of(parse_yaml(name, text).root, "value")
    first = min((key.at for key, _ in value.entries.values()), default=None) if isinstance(value, MapNode) else None
    if value is None or not isinstance(value, MapNode) or first is None or not _is_block(lines, first.line):
        raise StartupError([f"{name}: write each key under 'value' in a line of its own, so that tiers can be added"])
    indent = first.column - 1
    block = _block(tiers, indent)
    if "tiers" in value.entries:
        at = value.entries["tiers"][0].at.line - 1
        lines[at : _end_of(lines, at, indent + 1)] = block
    else:
        at = _end_of(lines, first.line - 1, indent)
        lines[at:at] = block
    changed = end.join(lines)
    _require_same(name, text, changed, tiers)
    return changed


def write_file(path: Path, text: str) -> None:
    """Write a file at once: whoever reads it sees the old text or the new one, with the same rights."""
    target = Path(os.path.realpath(path))
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".tmp")
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _is_block(lines: list[str], line: int) -> bool:
    """Return whether the first key of a mapping stands at the beginning of its line."""
    return lines[line - 1].lstrip()[:1] not in ("{", "") and lines[line - 1].startswith(" ")


def _end_of(lines: list[str], at: int, indent: int) -> int:
    """Return the place behind the last line of content that is indented at least so far, from a line on."""
    end = at + 1
    for place in range(at + 1, len(lines)):
        content = lines[place].lstrip(" ")
        if not content or content.startswith("#"):
            continue
        if len(lines[place]) - len(content) < indent:
            break
        end = place + 1
    return end


def _block(tiers: Tiers, indent: int) -> list[str]:
    before = " " * indent
    inside, deepest = before + " " * _STEP, before + 2 * " " * _STEP
    return [
        f"{before}tiers:  {_MADE_BY}",
        f"{inside}measured: {tiers.measured.isoformat()}",
        f"{inside}customers: {tiers.customers}",
        f"{inside}from: {tiers.from_}",
        f"{inside}thresholds:",
        *(f"{deepest}{share.normalize():f}%: {tiers.thresholds[share]:f}" for share in sorted(tiers.thresholds)),
    ]


def _require_same(name: str, before: str, after: str, tiers: Tiers) -> None:
    """Refuse a text that says anything else than the one before, besides the tiers."""
    old, _ = read_yaml(name, before, RuleFile)
    new, _ = read_yaml(name, after, RuleFile)
    if old is None or old.value is None or new is None:
        raise StartupError([f"{name}: the tiers cannot be written there"])
    wanted = old.model_copy(update={"value": old.value.model_copy(update={"tiers": tiers})})
    if new != wanted:
        raise StartupError([f"{name}: the tiers cannot be written without changing something else"])
