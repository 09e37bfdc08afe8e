"""The files of the newest rules and `sources.yaml`, in Redis: a worker whose own are broken starts with them.

One hash: `rules:<hash>` and `sources:<hash>` to the newest generation of the set with that hash, a blank, and its
files packed. The few newest of both are kept. It must never know what the files say.
"""

import base64
import zlib
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

import msgspec

from workers.state.source_sets.stored import GENERATION, HASH
from workers.state.store import Store

KEPT: Final = 3
"""Sets of each kind that are kept besides the newest; those of the oldest generations go first."""
MAX_BYTES: Final = 1 << 20
"""Size of the packed files of one set, about 6 MB of text; larger ones are not kept."""
TOO_LARGE: Final = "the files are too large for Redis: a worker whose own are broken cannot start with them"
_RULES: Final = "rules:"
_SOURCES: Final = "sources:"


class FilesRead(msgspec.Struct, frozen=True):
    """The texts from which a worker's rules and sources were read.

    Attributes:
        sources: the text of `sources.yaml`.
        sources_name: its name.
        rules: the texts of the rule files, by name.
        beside: those of the files beside them, by name; see `workers.rule_files.files.RuleTexts`.
    """

    sources: str
    sources_name: str
    rules: dict[str, str]
    beside: dict[str, str]


async def keep_files(store: Store, files: FilesRead, rules_hash: str, sources_hash: str) -> bool:
    """Keep the files of a set of rules and sources; return False if they are too large.

    Called before the set is made the newest, so that the files of the newest generation are always there.

    Args:
        store: the store that all workers share.
        files: the files.
        rules_hash: of the rules, compiled.
        sources_hash: of the sources.

    Raises:
        Transient: if Redis does not answer.
    """
    rules = _packed({"rules": files.rules, "beside": files.beside})
    packed = {_RULES + rules_hash: rules, _SOURCES + sources_hash: _packed({files.sources_name: files.sources})}
    if max(map(len, packed.values())) > MAX_BYTES:
        return False
    key = store.keys.last_good
    (known,) = await store.redis.call([("HMGET", key, *packed)])
    if [_content(text.decode()) if text else None for text in known] == list(packed.values()):
        return True
    rules_now, sources_now = await _newest_sets(store)
    newest = {rules_now.name, sources_now.name}
    of_kind = {_RULES: rules_now.generation, _SOURCES: sources_now.generation}
    fields = {name: f"{of_kind[_kind(name)] + (name not in newest)} {text}" for name, text in packed.items()}

    def change(stored: Mapping[str, str]) -> dict[str, str]:
        return kept({**stored, **fields}, newest)

    await store.redis.rewrite(key, change)
    return True


def kept(fields: Mapping[str, str], newest: Collection[str]) -> dict[str, str]:
    """Return the fields of the newest sets, and of `KEPT` others of each kind; pure.

    Args:
        fields: of all sets.
        newest: the names of those of the newest ones.
    """
    newest_first = sorted(fields, key=lambda name: _generation(fields[name]), reverse=True)
    names = [name for name in newest_first if name in newest]
    for kind in (_RULES, _SOURCES):
        names += [name for name in newest_first if name.startswith(kind) and name not in newest][:KEPT]
    return {name: fields[name] for name in names}


async def newest_files(store: Store) -> FilesRead | None:
    """Return the files of the newest rules and of the newest sources; None if Redis does not have both.

    Raises:
        Transient: if Redis does not answer.
        ValueError: what is kept is damaged.
    """
    names = [newest.name for newest in await _newest_sets(store)]
    packed = await store.redis.call([("HGET", store.keys.last_good, name) for name in names])
    if None in packed:
        return None
    rules, sources = (_unpacked(_content(text.decode())) for text in packed)
    try:
        ((name, text),) = sources.items()
        return msgspec.convert({"sources": text, "sources_name": name, **rules}, FilesRead)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


class _Newest(NamedTuple):
    """The newest rules or sources: the name of their field, and their generation."""

    name: str
    generation: int


async def _newest_sets(store: Store) -> tuple[_Newest, _Newest]:
    keys = store.keys
    hashes = ((_RULES, keys.rules, "hash", "generation"), (_SOURCES, keys.source_sets, HASH, GENERATION))
    answers = await store.redis.call([("HMGET", key, *fields) for _, key, *fields in hashes])
    rules, sources = (
        _Newest(kind + (text or b"").decode(), int(generation or 0))
        for (kind, *_), (text, generation) in zip(hashes, answers, strict=True)
    )
    return rules, sources


def _kind(name: str) -> str:
    return name[: name.index(":") + 1]


def _generation(text: str) -> int:
    """Return the generation before the files; what is damaged is older than all."""
    number = text.partition(" ")[0]
    return int(number) if number.isdecimal() else -1


def _content(text: str) -> str:
    return text.partition(" ")[2]


def _packed(files: Mapping[str, object]) -> str:
    # Names of files can have bytes that are not UTF-8.
    return base64.b64encode(zlib.compress(msgspec.json.encode(_in_utf_8(files)))).decode()


def _in_utf_8(part: object) -> object:
    if isinstance(part, Mapping):
        return {_in_utf_8(name): _in_utf_8(inner) for name, inner in part.items()}
    return part.encode("utf-8", "backslashreplace").decode() if isinstance(part, str) else part


def _unpacked(text: str) -> dict[str, object]:
    """Unpack what `_packed` packed; raise ValueError if it is damaged."""
    try:
        return msgspec.json.decode(zlib.decompress(base64.b64decode(text, validate=True)), type=dict[str, object])
    except (zlib.error, msgspec.DecodeError) as error:
        raise ValueError(str(error)) from error
