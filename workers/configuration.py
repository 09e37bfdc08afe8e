"""The files a worker runs on: sources and rules, read and compiled, or every problem at once."""

from schemas.events import BUILT_IN
from schemas.sources import SourcesFile
from workers.core.ruleset import RuleSet, compile_rules
from workers.errors import StartupError
from workers.rule_files import load_rules
from workers.settings import Settings
from workers.source_files import load_sources


def event_types(sources: SourcesFile) -> list[str]:
    """Return every event type there is: built-in and declared."""
    return [*BUILT_IN, *sources.event_types]


def load_configuration(settings: Settings) -> tuple[SourcesFile, RuleSet]:
    """Read `sources.yaml` and the rules.

    Raises:
        StartupError: with every problem of every file, as `file:line:column: …`.
    """
    sources, problems = load_sources(settings.sources)
    known = None if sources is None else event_types(sources)
    rules, rule_problems = load_rules([settings.rules], known)
    if sources is None or problems or rule_problems:
        raise StartupError([str(problem) for problem in [*problems, *rule_problems]])
    return sources, compile_rules(rules, event_types(sources))
