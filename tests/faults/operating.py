"""What an operator does during a run."""

import subprocess
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from tests.faults.stage import Stage
from workers.histories.history import ORDERS

WEB_ORDERS: Final = "web.orders"
"""A topic of orders that no worker reads at first."""
_TITLE: Final = "\n    title: "
_YAML: Final = YAML(typ="safe")


def change_a_rule(stage: Stage) -> None:
    """Give a rule another title, so that there is another rule set, without changing what it decides."""
    path = next(path for path in sorted(stage.settings.rules.glob("*.yaml")) if _TITLE in path.read_text())
    path.write_text(path.read_text().replace(_TITLE, f"{_TITLE}Changed. ", 1))


def add_web_shop(stage: Stage) -> None:
    """Read the orders of another topic, too."""

    def add(sources: list[dict[str, Any]]) -> None:
        orders = next(source for source in sources if source["topic"] == stage.prefix + ORDERS)
        sources.append({**deepcopy(orders), "topic": stage.prefix + WEB_ORDERS})

    _change_sources(stage, add)


def find_web_shop_by_pattern(stage: Stage) -> None:
    """Read the same topic because a pattern matches it; and look for what an order has in a list of places."""

    def change(sources: list[dict[str, Any]]) -> None:
        for source in sources:
            if source["topic"] == stage.prefix + WEB_ORDERS:
                del source["topic"]
                source["topics"] = {"pattern": f"^{stage.prefix.replace('.', '[.]')}web[.].*$"}
                source["fields"]["customer_id"] = ["customer", "customer"]

    _change_sources(stage, change)


def name_web_shop_again(stage: Stage) -> None:
    """Read the topic by its name again, and others as if they were filtered."""

    def change(sources: list[dict[str, Any]]) -> None:
        for source in sources:
            if "topics" in source:
                del source["topics"]
                source["topic"] = stage.prefix + WEB_ORDERS
            if source["topic"] in (stage.prefix + ORDERS, stage.prefix + WEB_ORDERS):
                source["only_when"] = {"order_id": {"given": True}}

    _change_sources(stage, change)


def _change_sources(stage: Stage, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change `sources.yaml` at once, so that no worker that starts reads half of it."""
    path = Path(stage.settings.sources)
    document: dict[str, Any] = _YAML.load(path)
    change(document["sources"])
    with path.with_suffix(".new").open("w") as file:
        _YAML.dump(document, file)
    path.with_suffix(".new").rename(path)


def linger(stage: Stage, *arguments: str) -> str:
    """Run a command, until the group has forgotten its members; return what it prints."""
    command = [sys.executable, "-m", "workers", *arguments]
    give_up = time.monotonic() + 30
    while True:
        done = subprocess.run(command, env=stage.crew.environment, capture_output=True, text=True, timeout=60)
        if not done.returncode:
            return done.stdout
        if time.monotonic() > give_up:
            raise AssertionError(f"linger {' '.join(arguments)}: {done.stdout}{done.stderr}")
        time.sleep(0.5)
