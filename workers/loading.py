"""Loads the files that a worker needs: sources and rules, read and compiled, or every problem at once.

A worker whose files are broken can start with those of the newest generation, which Redis holds.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from schemas.rules import RuleBook
from schemas.sources import SourcesFile
from workers.core.direct_producers import direct_problems
from workers.core.rules.rule_compiler import HOLD_OUT_KEY, compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.core.source_changes import content_hash
from workers.errors import StartupError
from workers.registry.requirements import registry_problems
from workers.rule_files.files import RuleTexts, read_text, read_texts
from workers.rule_files.known_names import KnownNames, event_types, known_names
from workers.rule_files.problems import Problem, in_order
from workers.rule_files.rules import ParsedRuleFiles, read_documents, read_rules
from workers.rule_tests.proof import proof_problems
from workers.settings import Settings
from workers.source_files.reading import load_sources, read_sources
from workers.state.rule_sets.last_good import FilesRead, keep_files, newest_files
from workers.state.store import Store


@dataclass(frozen=True, slots=True)
class Configuration:
    """Files without problems, as read and as compiled.

    Attributes:
        sources: the content of `sources.yaml`.
        book: the rules as written, drafts included.
        rules: the same rules compiled, without drafts.
        files: the texts that were read.
        settings: with the names of the actions that the sources declare.
        refused: if they come from Redis, every problem of the worker's own files; empty if they are its own.
    """

    sources: SourcesFile
    book: RuleBook
    rules: RuleSet
    files: FilesRead
    settings: Settings
    refused: tuple[str, ...] = ()


def load_configuration(settings: Settings) -> Configuration:
    """Read `sources.yaml` and the rules, and run the examples of live rules.

    Raises:
        StartupError: with every problem of every file, as `file:line:column: …`. It is a problem if a live rule has
            no example in which it acts, none in which it does not act, or an example that fails.
    """
    text, unread = read_text(settings.sources)
    rules = read_texts([settings.rules])
    if text is None:
        raise _refusal([*unread, *_parsed(rules, None)[1]])
    return _compiled(settings, str(settings.sources), text, rules)


async def newest_configuration(settings: Settings, store: Store, refused: StartupError) -> Configuration:
    """Return the newest rules and sources, from Redis, in place of files that are refused.

    Args:
        settings: of the worker.
        store: the store that all workers share.
        refused: what is wrong with the files.

    Raises:
        StartupError: Redis does not hold them, or this release cannot use them; with every problem of the files.
        Transient: Redis does not answer.
    """
    try:
        files = await newest_files(store)
        if files is None:
            raise refused
        rules = RuleTexts(files.rules, [], files.beside)
        configuration = await asyncio.to_thread(_compiled, settings, files.sources_name, files.sources, rules)
    except ValueError as error:
        raise also_refused(refused, [f"Redis holds them damaged: {error}"]) from error
    except StartupError as error:
        if error is refused:
            raise
        raise also_refused(refused, error.problems) from error
    return replace(configuration, refused=tuple(refused.problems))


async def keep_last_good(store: Store, configuration: Configuration) -> bool:
    """Keep files without problems, before they are the newest; return False if they are too large.

    Raises:
        Transient: Redis does not answer.
    """
    sources_hash = content_hash(configuration.sources)
    return await keep_files(store, configuration.files, configuration.rules.hash, sources_hash)


def also_refused(refused: StartupError, problems: Sequence[str]) -> StartupError:
    """Return the problems of files, with those of what was to be used in their place."""
    said = [f"the last good rules and sources cannot be used either: {problem}" for problem in problems]
    return StartupError([*refused.problems, *said])


def with_declared_actions(settings: Settings) -> Settings:
    """Return the settings with the names of the actions that `sources.yaml` declares; none if there is no such file.

    Raises:
        StartupError: with every problem of the file, as `file:line:column: …`.
    """
    if not settings.sources.exists():
        return settings
    sources, problems = load_sources(settings.sources)
    if sources is None:
        raise _refusal(problems)
    return settings.with_actions(sources.actions)


def load_rule_book(settings: Settings) -> RuleBook:
    """Read the rules as written, without the sources; neither names of event types nor examples are checked.

    Raises:
        StartupError: with every problem of every rule file, as `file:line:column: …`.
    """
    parsed = read_rules([settings.rules], KnownNames(actions=None))
    if parsed.problems:
        raise _refusal(parsed.problems)
    return parsed.book


def _compiled(settings: Settings, name: str, text: str, rules: RuleTexts) -> Configuration:
    """Compile the text of `sources.yaml`, which has this name in problems, and those of rule files."""
    sources, problems = read_sources(name, text)
    if sources is None or problems:
        raise _refusal([*problems, *_parsed(rules, None)[1]])
    if misdeclared := direct_problems(sources, settings.topic("activity")):
        raise StartupError([f"{name}: {problem}" for problem in misdeclared])
    if sources.hashes() and settings.hash_key is None:
        problem = "a value is 'hashed', so the setting LINGER_ID_KEY is needed; it must be the same in every worker"
        raise StartupError([f"{name}: {problem}"])
    if lacking := registry_problems(sources, has_registry=settings.schema_registry_url is not None):
        raise StartupError([f"{name}: {problem}" for problem in lacking])
    parsed, problems = _parsed(rules, sources)
    if problems:
        raise _refusal(problems)
    key = HOLD_OUT_KEY if settings.hold_out_key is None else settings.hold_out_key.get_secret_value().encode()
    compiled = compile_rules(parsed.book, event_types(sources), key)
    files = FilesRead(text, name, rules.own, rules.beside)
    return Configuration(sources, parsed.book, compiled, files, settings.with_actions(sources.actions))


def _refusal(problems: Sequence[Problem]) -> StartupError:
    return StartupError([str(problem) for problem in problems])


def _parsed(texts: RuleTexts, sources: SourcesFile | None) -> tuple[ParsedRuleFiles, list[Problem]]:
    """Parse the rules and return their problems; without sources, names of event types are not checked."""
    names = KnownNames(actions=None) if sources is None else known_names(sources)
    parsed = read_documents(texts.own, names, texts.beside)
    problems = in_order([*texts.problems, *parsed.problems])
    if sources is not None and not problems:
        problems = proof_problems(parsed, event_types(sources))
    return parsed, problems
