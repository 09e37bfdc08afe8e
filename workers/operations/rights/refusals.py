"""What to say when Kafka or Redis refuses a command: the rights that are lacking, and the roles that have them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from redis.exceptions import AuthenticationError, NoPermissionError
from redis.exceptions import ConnectionError as RedisConnectionError

from schemas.sources import SourcesFile
from workers.errors import StartupError, Transient
from workers.kafka.groups import group_rights
from workers.kafka.rights import Right
from workers.kafka.topics import TopicsError, connected_admin, rights_on
from workers.operations.permissions import kafka_refusals, kafka_user, redis_refusals
from workers.operations.rights.needs import GROUP, NEEDS, Needs, rights_by_topic, with_implied
from workers.operations.rights.redis_commands import refused_commands
from workers.operations.rights.roles import roles_of
from workers.settings import Settings, for_command
from workers.state.connect import opened_store

_REFUSED: Final = (
    TopicAuthorizationFailedError,
    GroupAuthorizationFailedError,
    ClusterAuthorizationFailedError,
    NoPermissionError,
    AuthenticationError,
)
_IN_WORDS: Final = ("AUTHORIZATION_FAILED", "NOPERM")
"""Where an error has no cause that says it."""


def is_refusal(error: BaseException) -> bool:
    """Return whether an error, or what it came from, is that a server does not permit something."""
    return any(isinstance(one, _REFUSED) or any(word in str(one) for word in _IN_WORDS) for one in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    seen: set[int] = set()
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


async def explain(settings: Settings, sources: SourcesFile | None, command: str) -> str | None:
    """Return in one line what a command lacks and which roles have it; None if it lacks nothing that can be seen.

    It asks both servers, and changes nothing.

    Args:
        settings: of the command.
        sources: of the file, None if it was not read; those of a pattern are not asked for.
        command: as in `NEEDS`.
    """
    settings = for_command(settings)
    needs = NEEDS[command]
    topics = [] if sources is None else [source.topic for source in sources.sources if source.pattern is None]
    lacking = [*await _lacking_of_kafka(settings, topics, needs), *await _lacking_of_redis(settings, needs)]
    if not lacking:
        return None
    names = roles_of(command)
    roles = f"the role{'s' * (len(names) > 1)} {' and '.join(names)}"
    return f"linger {command} is refused: {'; '.join(lacking)}. It works under {roles}: docs/security.md#rights"


async def require(settings: Settings, sources: SourcesFile | None, command: str) -> None:
    """Refuse a command that would find out half-way that it lacks a right.

    Args:
        settings: of the command.
        sources: of the file, None if it was not read; those of a pattern are not asked for.
        command: as in `NEEDS`.

    Raises:
        StartupError: it lacks a right. A server that does not answer is not reported here: the command does.
    """
    if (refusal := await explain(settings, sources, command)) is not None:
        raise StartupError([refusal])


async def _lacking_of_kafka(settings: Settings, sources: Sequence[str], needs: Needs) -> list[str]:
    if not needs.kafka or settings.kafka_security_protocol == "PLAINTEXT":
        return []
    if refusals := await kafka_refusals(settings):
        return [str(refusals[0])]
    topics = rights_by_topic(needs, settings, sources)
    group = needs.kafka.get(GROUP, frozenset())
    lacking: list[_Lacking] = []
    try:
        async with connected_admin(settings.kafka_connection()) as admin:
            reported = await rights_on(admin, topics)
            for topic, rights in topics.items():
                has = reported.get(topic)
                if topic not in reported and Right.CREATE in rights:
                    lacking.append(_Lacking(Right.CREATE, f"topic '{topic}'"))  # no one else is refused there
                if has is not None:
                    lacking += [_Lacking(right, f"topic '{topic}'") for right in sorted(rights - with_implied(has))]
            has = await group_rights(admin, settings.kafka_group_id) if group else None
            if has is not None:
                place = f"group '{settings.kafka_group_id}'"
                lacking += [_Lacking(right, place) for right in sorted(group - with_implied(has))]
    except (KafkaError, OSError, TimeoutError, TopicsError):
        return []  # the error that is explained says it
    return _in_words(kafka_user(settings), lacking)


@dataclass(frozen=True, slots=True)
class _Lacking:
    right: Right
    where: str


def _in_words(user: str, lacking: Sequence[_Lacking]) -> list[str]:
    """Return one sentence: for each right, where it is lacking."""
    places: dict[Right, list[str]] = {}
    for one in lacking:
        places.setdefault(one.right, []).append(one.where)
    parts = [f"{right.title} {', '.join(where)}" for right, where in sorted(places.items())]
    return [f"Kafka's {user} may not {', nor '.join(parts)}"] if parts else []


async def _lacking_of_redis(settings: Settings, needs: Needs) -> list[str]:
    if not needs.redis:
        return []
    if refusals := await redis_refusals(settings):
        return [str(refusals[0])]
    async with opened_store(settings) as store:
        try:
            refused = [
                name
                for name, error in await refused_commands(store, needs.redis)
                if isinstance(error, NoPermissionError)
            ]
        except (RedisConnectionError, Transient):
            return []
    user = f"user '{settings.redis_username}' (LINGER_REDIS_USERNAME)" if settings.redis_username else "user"
    return [f"Redis's {user} may not {', '.join(sorted(refused))}"] if refused else []
