"""The rules of a demo: a copy of the shipped ones, with a brake that fits a year in a few seconds.

An hour of the replay's clock can hold a week of actions, because the clock moves in leaps and workers may be behind.
The brake would hold most of them: it is made for hours that pass.
"""

import json
import shutil
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from workers.rule_files.files import find_rule_files

UNBRAKED: Final = "at most 9,999,999 per hour"
_FOR_EVERY_RULE: Final = "for every rule"


def copy_rules(source: Path, target: Path) -> Path:
    """Copy a folder of rules, with this brake in place of its own; return the copy.

    Args:
        source: the folder.
        target: where to copy it; nothing is there.
    """
    shutil.copytree(source, target)
    for path in find_rule_files([target])[0]:
        try:
            document: Any = YAML(typ="safe").load(path)
        except YAMLError:
            continue  # loading reports it, with its place
        if isinstance(document, dict) and _FOR_EVERY_RULE in document:
            document[_FOR_EVERY_RULE] = {**(document[_FOR_EVERY_RULE] or {}), "brake": UNBRAKED}
            path.write_text(json.dumps(document, indent=1, default=str), encoding="utf-8")
            return target
    (target / "for-every-rule-of-the-demo.yaml").write_text(
        json.dumps({_FOR_EVERY_RULE: {"brake": UNBRAKED}}), encoding="utf-8"
    )
    return target
