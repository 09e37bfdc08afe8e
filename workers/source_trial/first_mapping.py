"""A first `sources.yaml` from samples, and its proof: the same samples, through the mapping that was written."""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from workers.errors import LingerError, StartupError
from workers.registry.for_commands import reader_for
from workers.settings import Settings
from workers.source_files.packs import pack_names
from workers.source_files.reading import read_sources
from workers.source_trial.guessing.envelopes import format_of
from workers.source_trial.guessing.topic import Guessed, guess_topic
from workers.source_trial.samples import Sample
from workers.source_trial.trial import Trial, setup_for, tracer

__all__ = ["FirstMapping", "WrongGuess", "first_mapping", "topic_for"]

_NOT_IN_TOPICS: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_TOPIC: Final = 249
_MOST_EVIDENCE: Final = 2_000


class WrongGuess(LingerError):
    """The guessed file is not valid; that is a mistake of the guess, not of the samples."""


class FirstMapping(NamedTuple):
    """A guessed mapping, and what it makes of the samples.

    Attributes:
        guessed: the text with what it is based on.
        trial: the samples through it; None if they cannot be read here.
    """

    guessed: Guessed
    trial: Trial | None

    def summary(self) -> list[str]:
        """Return how far the mapping is right: what it makes of the samples, and how many lines need a look."""
        lines = []
        if self.guessed.pack is not None:
            lines.append(f"the records are those of {self.guessed.pack}: its pack reads them")
        if self.trial is None:
            lines.append("the records cannot be read here, so nothing was tried; name the places by hand")
        else:
            lines.append(f"the mapping makes of {self.trial.outcomes.sentence()}")
            lines += [f"  skipped: {because}" for because in self.trial.outcomes.skipped_because()]
            if self.trial.outcomes.first_refusal is not None:
                place, text = self.trial.outcomes.first_refusal
                lines.append(f"  first refused: {place}: {text}")
        if self.guessed.to_check:
            count = self.guessed.to_check
            lines.append(
                f"{count} line{'s' if count != 1 else ''} marked CHECK: look at {'them' if count > 1 else 'it'}"
            )
        return lines


def topic_for(samples: Sequence[Sample], name: str) -> str:
    """Return the topic of samples from a file: the one that a dump names, or else the name of the file."""
    topics = {sample.record.topic for sample in samples if sample.record.topic}
    if len(topics) == 1:
        return topics.pop()
    return _NOT_IN_TOPICS.sub(".", name).strip(".")[:_LONGEST_TOPIC] or "my.topic"


def first_mapping(
    samples: Sequence[Sample], topic: str, origin: str, settings: Settings, now: datetime
) -> FirstMapping:
    """Guess a mapping from samples, and try it on them.

    Args:
        samples: the records.
        topic: their topic.
        origin: where they are from, in words.
        settings: as for `tracer`.
        now: the present time.

    Raises:
        StartupError: if there is no record.
        RegistryUnavailable: if records name schemas, and the registry does not answer.
        WrongGuess: if the guessed file is not valid.
    """
    if not samples:
        raise StartupError([f"there is no record in {origin}, so nothing can be guessed"])
    records = [sample.record for sample in samples[-_MOST_EVIDENCE:]]
    read_value = None
    connection = settings.registry_connection()
    if connection is not None:
        read_value = asyncio.run(reader_for(format_of(records), [record.value for record in records], connection))
    guessed = guess_topic(records, topic, origin, pack_names(), read_value)
    sources, problems = read_sources("the guess", guessed.text)
    if sources is None:
        listed = "; ".join(str(problem) for problem in problems)
        raise WrongGuess(f"a wrong file was guessed, which is a mistake of Linger: {listed}\n\n{guessed.text}")
    source = sources.sources[0]
    own = [Sample(sample.place, sample.record._replace(topic=topic)) for sample in samples]
    try:
        setup = setup_for(source, own, settings, now)
    except StartupError:
        return FirstMapping(guessed, None)  # without a schema registry
    return FirstMapping(guessed, Trial.of(source, tracer(source, sources, setup), own))
