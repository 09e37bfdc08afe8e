"""The files a worker runs on: sources and rules, read and compiled, or every problem at once."""

from schemas.sources import SourcesFile
from workers.core.direct_producers import direct_problems
from workers.core.rules.rule_compiler import HOLD_OUT_KEY, compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.errors import StartupError
from workers.rule_files.known_names import KnownNames, event_types, known_names
from workers.rule_files.problems import Problem, in_order
from workers.rule_files.rules import ParsedRuleFiles, read_documents, read_texts
from workers.rule_files.sources import load_sources
from workers.rule_tests.proof import proof_problems
from workers.settings import Settings


def load_configuration(settings: Settings) -> tuple[SourcesFile, RuleSet]:
    """Read `sources.yaml` and the rules, and try the examples of live rules.

    Raises:
        StartupError: with every problem of every file, as `file:line:column: …`; also if a live rule has no
            example in which it acts and none in which it does not, or an example of a live rule fails.
    """
    sources, problems = load_sources(settings.sources)
    if sources is None or problems:
        _, found = _read_rules(settings, None)
        raise StartupError([str(problem) for problem in [*problems, *found]])
    if misdeclared := direct_problems(sources, settings.topic("activity")):
        raise StartupError([f"{settings.sources}: {problem}" for problem in misdeclared])
    return sources, load_rule_set(settings, sources)


def load_rule_set(settings: Settings, sources: SourcesFile) -> RuleSet:
    """Read the rules alone, for the same sources, and try the examples of live rules.

    Raises:
        StartupError: as `load_configuration` does.
    """
    parsed, problems = _read_rules(settings, sources)
    if problems:
        raise StartupError([str(problem) for problem in problems])
    key = HOLD_OUT_KEY if settings.hold_out_key is None else settings.hold_out_key.get_secret_value().encode()
    return compile_rules(parsed.book, event_types(sources), key)


def _read_rules(settings: Settings, sources: SourcesFile | None) -> tuple[ParsedRuleFiles, list[Problem]]:
    """Read the rules with their problems; without sources, names of event types are not checked."""
    texts, unread = read_texts([settings.rules])
    parsed = read_documents(texts, KnownNames() if sources is None else known_names(sources))
    problems = in_order([*unread, *parsed.problems])
    if sources is not None and not problems:
        problems = proof_problems(parsed, event_types(sources))
    return parsed, problems
