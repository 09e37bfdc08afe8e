"""Loads the files that a worker needs: sources and rules, read and compiled, or every problem at once."""

from dataclasses import dataclass

from schemas.rules import RuleBook
from schemas.sources import SourcesFile
from workers.core.direct_producers import direct_problems
from workers.core.rules.rule_compiler import HOLD_OUT_KEY, compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.errors import StartupError
from workers.registry.requirements import registry_problems
from workers.rule_files.known_names import KnownNames, event_types, known_names
from workers.rule_files.problems import Problem
from workers.rule_files.rules import ParsedRuleFiles, read_rules
from workers.rule_tests.proof import proof_problems
from workers.settings import Settings
from workers.source_files.reading import load_sources


@dataclass(frozen=True, slots=True)
class Configuration:
    """Files without problems, as read and as compiled.

    Attributes:
        sources: the content of `sources.yaml`.
        book: the rules as written, drafts included.
        rules: the same rules compiled, without drafts.
    """

    sources: SourcesFile
    book: RuleBook
    rules: RuleSet


def load_configuration(settings: Settings) -> Configuration:
    """Read `sources.yaml` and the rules, and run the examples of live rules.

    Raises:
        StartupError: with every problem of every file, as `file:line:column: …`. It is a problem if a live rule has
            no example in which it acts, none in which it does not act, or an example that fails.
    """
    sources, problems = load_sources(settings.sources)
    if sources is None or problems:
        _, rule_problems = _read_rules(settings, None)
        raise StartupError([str(problem) for problem in [*problems, *rule_problems]])
    if misdeclared := direct_problems(sources, settings.topic("activity")):
        raise StartupError([f"{settings.sources}: {problem}" for problem in misdeclared])
    if sources.hashes() and settings.hash_key is None:
        problem = "a value is 'hashed', so the setting LINGER_ID_KEY is needed; it must be the same in every worker"
        raise StartupError([f"{settings.sources}: {problem}"])
    if lacking := registry_problems(sources, has_registry=settings.schema_registry_url is not None):
        raise StartupError([f"{settings.sources}: {problem}" for problem in lacking])
    book = _load_book(settings, sources)
    return Configuration(sources, book, _compile(settings, sources, book))


def load_rule_book(settings: Settings) -> RuleBook:
    """Read the rules as written, without the sources; neither names of event types nor examples are checked.

    Raises:
        StartupError: with every problem of every rule file, as `file:line:column: …`.
    """
    parsed, problems = _read_rules(settings, None)
    if problems:
        raise StartupError([str(problem) for problem in problems])
    return parsed.book


def _load_book(settings: Settings, sources: SourcesFile) -> RuleBook:
    parsed, problems = _read_rules(settings, sources)
    if problems:
        raise StartupError([str(problem) for problem in problems])
    return parsed.book


def _compile(settings: Settings, sources: SourcesFile, book: RuleBook) -> RuleSet:
    key = HOLD_OUT_KEY if settings.hold_out_key is None else settings.hold_out_key.get_secret_value().encode()
    return compile_rules(book, event_types(sources), key)


def _read_rules(settings: Settings, sources: SourcesFile | None) -> tuple[ParsedRuleFiles, list[Problem]]:
    """Read the rules with their problems; without sources, names of event types are not checked."""
    parsed = read_rules([settings.rules], KnownNames() if sources is None else known_names(sources))
    problems = list(parsed.problems)
    if sources is not None and not problems:
        problems = proof_problems(parsed, event_types(sources))
    return parsed, problems
